"""The worker's side of the guard: starts it, registers process groups with it, and replaces it when it dies."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import IO

from app.gateways.operators.shell import guard_process as script
from app.gateways.operators.shell.exit import wait_for_exit

_END_SECONDS = 2.0
"""How long a guard may take to end after its pipe was closed: it takes milliseconds, unless it is frozen."""

_MARGIN_SECONDS = 0.05
"""A lease counts as expired this much early: a renewal at the last moment may reach the guard too late."""

_MAX_FAILED_STARTS = 3
"""After so many guards in a row that died before they were ready, the next one starts with the next command."""

_BLOCKED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
"""Signals that people and service managers send to all processes at once: the guard has to survive them."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """A process group: the number of its leader and, as numbers are reused, the leader's start time."""

    number: int
    start: str


class GuardClient:
    """The process groups of one operator, and the guard that kills them when this process dies or its lease expires.

    Where no guard can be started, everything else works without it. Every method but `renew_lease_from_thread` must be
    called in the event loop's thread.
    """

    def __init__(self) -> None:
        self._groups: dict[ProcessGroup, str] = {}
        self._until: float | None = None
        self._expired: set[ProcessGroup] = set()
        self._renewed = asyncio.Event()
        self._guard: _Guard | None = None
        self._failures = 0
        self._warned = False

    def open(self) -> None:
        """Ensure that a guard runs. To be called before a command is started."""
        if self._guard is None or self._guard.process.poll() is not None:
            self._start_guard()

    def add(self, number: int) -> ProcessGroup:
        """Register the process group whose leader `number` was just started and is not reaped."""
        status = script.process_status(number)
        group = ProcessGroup(number, status[0] if status else script.UNKNOWN)
        self._register("+", group)
        return group

    def mark_ending(self, group: ProcessGroup) -> None:
        """Let the guard kill the rest of a group after its leader has ended, as the group is being stopped."""
        self._register("!", group)

    def remove(self, group: ProcessGroup) -> None:
        """Unregister a group. Does nothing where it is not registered."""
        if self._groups.pop(group, None):
            self._send(f"- {group.number}\n")
        if not self._groups and self._guard:
            self._guard.unwatch()

    def renew_lease(self, seconds: float) -> None:
        """Let all groups run for `seconds` from now, and no longer unless this is called again in time."""
        if self._is_expired():
            self._expired.update(self._groups)
        self._until = time.monotonic() + seconds
        self._renewed.set()
        if self._groups:
            self.open()
        self._send(self._lease_line())

    def renew_lease_from_thread(self, seconds: float) -> None:
        """Renew the lease from another thread, with the current guard. An expired lease is left to `renew_lease`."""
        until = time.monotonic() + seconds
        if self._until is None or self._is_expired() or until <= self._until:
            return
        self._until = until
        if guard := self._guard:
            with suppress(OSError, ValueError):
                guard.write(self._lease_line())

    def was_expired(self, group: ProcessGroup) -> bool:
        """Return whether the guard may have killed an ended group because the lease had expired."""
        return group in self._expired or self._is_expired()

    def forget(self, group: ProcessGroup) -> None:
        """Forget whether the lease of an ended group had expired."""
        self._expired.discard(group)

    def _is_expired(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until - _MARGIN_SECONDS

    async def wait_for_lease(self, seconds: float) -> bool:
        """Wait until commands may be started. Return False where that takes longer than `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._until is not None and time.monotonic() >= self._until:
                    self._renewed.clear()
                    await self._renewed.wait()
                    await asyncio.sleep(
                        0
                    )  # the caller of `renew_lease` stops attempts that lost their lease in the same turn
                return True
        return False

    async def close(self) -> None:
        """End the guard, which kills the groups that are still registered."""
        if former := self._detach_guard():
            await former.end()

    def _lease_line(self) -> str:
        return "" if self._until is None else f"until {self._until:.6f}\n"

    def _register(self, sign: str, group: ProcessGroup) -> None:
        self._groups[group] = line = f"{sign} {group.number} {group.start}\n"
        self._send(line)
        if self._guard:
            self._guard.watch(self._on_guard_death)

    def _send(self, line: str) -> None:
        """Write to the guard. One that accepts no more is dead or frozen: replace it."""
        if self._guard:
            try:
                self._guard.write(line)
            except OSError:
                self._start_guard()

    def _on_guard_death(self) -> None:
        """Replace the guard that died."""
        if self._guard and self._guard.was_ready:
            self._failures, self._warned = 0, False
        else:
            self._failures += 1
        if self._failures < _MAX_FAILED_STARTS:
            self._start_guard()
        elif former := self._detach_guard():
            former.kill()
            self._warn("it ended at once")

    def _start_guard(self) -> None:
        """Start a guard in place of the former one, and register all groups with it."""
        if former := self._detach_guard():
            former.kill()
        try:
            self._guard = _Guard()
            for line in filter(None, (self._lease_line(), *self._groups.values())):
                self._guard.write(line)
        except (OSError, ValueError) as error:
            if former := self._detach_guard():
                former.kill()
            self._warn(str(error))
            return
        if self._groups:
            self._guard.watch(self._on_guard_death)

    def _detach_guard(self) -> "_Guard | None":
        """Return the guard, and have none."""
        former, self._guard = self._guard, None
        return former

    def _warn(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "the guard of commands cannot be started, so commands will outlive this worker if it dies: %s", why
            )


class _Guard:
    """One guard process, in a session of its own: signals to this process's group or terminal do not reach it.

    It ends with this object at the latest, and kills the registered groups then.
    """

    def __init__(self) -> None:
        """Start it. Raises OSError and ValueError. Whether it becomes ready shows in `watch`."""
        command = [sys.executable, "-I", "-S", str(Path(script.__file__).absolute())]
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED_SIGNALS)  # the guard inherits the mask
        try:
            self.process = Popen(
                command, bufsize=0, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd="/", start_new_session=True
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.was_ready = False
        self._write_lock = threading.Lock()
        self._watching: asyncio.AbstractEventLoop | None = None
        self._end = weakref.finalize(self, _dismiss, self.process)
        os.set_blocking(self._pipe(self.process.stdin), False)

    def write(self, line: str) -> None:
        """Write a line, from any thread. Raises OSError where the guard is dead, or its pipe is full."""
        with self._write_lock:
            os.write(self._pipe(self.process.stdin), line.encode())

    def watch(self, on_death: Callable[[], None]) -> None:
        """Call `on_death` when it has died."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop()
            self._watching.add_reader(self._pipe(self.process.stdout), self._read, on_death)

    def unwatch(self) -> None:
        """Stop watching it."""
        if self._watching:
            self._watching.remove_reader(self._pipe(self.process.stdout))
            self._watching = None

    def kill(self) -> None:
        """Kill it before it finds its pipe closed, so that it kills no group."""
        self.unwatch()
        self.process.kill()
        with suppress(TimeoutExpired):
            self.process.wait(_END_SECONDS)
        with self._write_lock:
            self._end()

    async def end(self) -> None:
        """Close its pipe, so that it kills the registered groups and ends."""
        self.unwatch()
        if self.process.stdin:
            with self._write_lock:
                self.process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(wait_for_exit(self.process), _END_SECONDS)
        self.kill()

    def _read(self, on_death: Callable[[], None]) -> None:
        if os.read(self._pipe(self.process.stdout), 64):
            self.was_ready = True
        else:
            self.unwatch()
            on_death()

    @staticmethod
    def _pipe(end: IO[bytes] | None) -> int:
        assert end is not None
        return end.fileno()


def _dismiss(process: Popen[bytes]) -> None:
    for end in (process.stdin, process.stdout):
        if end:
            end.close()
    try:
        process.wait(_END_SECONDS)
    except TimeoutExpired:
        process.kill()
        process.wait()
