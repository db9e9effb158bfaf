"""The worker's side of the guard: starts it, tells it which process groups run, and replaces it when it dies."""

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
"""How long a guard may take to end when its pipe was closed: it takes milliseconds, unless somebody froze it."""

_CLOSE_SECONDS = 0.05
"""How close to its time a call of `hold` may come too late for a guard that acts at that very moment."""

_STARTS = 3
"""After so many guards in a row that died before they came to work there is no next one before the next command."""

_BLOCKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
"""What people and service managers send to everything at once: a guard is there for what comes after it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """A process group, named by its leader's number and, as numbers are used again, by when the leader was started."""

    number: int
    start: str


class GuardClient:
    """The process groups of one operator, and the guard that kills them when this process dies or falls silent.

    Without a guard, where none can be started, everything else goes on. All of it belongs to one event loop's thread,
    but `extend`.
    """

    def __init__(self) -> None:
        self._groups: dict[ProcessGroup, str] = {}
        self._until: float | None = None
        self._lapsed: set[ProcessGroup] = set()
        self._held = asyncio.Event()
        self._guard: _Guard | None = None
        self._failures = 0
        self._warned = False

    def open(self) -> None:
        """Have a guard, before what it is to guard is started."""
        if self._guard is None or self._guard.process.poll() is not None:
            self._renew()

    def add(self, number: int) -> ProcessGroup:
        """Guard the process group that the process `number`, not reaped yet, has just begun."""
        found = script.look(number)
        group = ProcessGroup(number, found[0] if found else script.UNKNOWN)
        self._register("+", group)
        return group

    def condemn(self, group: ProcessGroup) -> None:
        """Guard also what the leader leaves behind when it ends: the group is being ended."""
        self._register("!", group)

    def remove(self, group: ProcessGroup) -> None:
        """Guard the group no longer. One that is not guarded is left so."""
        if self._groups.pop(group, None):
            self._tell(f"- {group.number}\n")
        if not self._groups and self._guard:
            self._guard.unwatch()

    def renew_lease(self, seconds: float) -> None:
        """Let everything run for `seconds` from now, and no longer unless this is called again in time."""
        if self._is_past():
            self._lapsed.update(self._groups)
        self._until = time.monotonic() + seconds
        self._held.set()
        if self._groups:
            self.open()
        self._tell(self._limit())

    def renew_lease_from_thread(self, seconds: float) -> None:
        """Do as `hold` from another thread, with the guard there is. What has lapsed is left to `hold`."""
        until = time.monotonic() + seconds
        if self._until is None or self._is_past() or until <= self._until:
            return
        self._until = until
        if guard := self._guard:
            with suppress(OSError, ValueError):
                guard.write(self._limit())

    def lapsed(self, group: ProcessGroup) -> bool:
        """Tell whether a group may have been killed as `hold` was not called in time. To be asked once, at its end."""
        return group in self._lapsed or self._is_past()

    def forget(self, group: ProcessGroup) -> None:
        """Forget a group that has ended."""
        self._lapsed.discard(group)

    def _is_past(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until - _CLOSE_SECONDS

    async def is_held(self, seconds: float) -> bool:
        """Return whether something may be started, waiting for it `seconds` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._until is not None and time.monotonic() >= self._until:
                    self._held.clear()
                    await self._held.wait()
                    await asyncio.sleep(0)  # who renews leases also cancels, in the same turn, what has lost its own
                return True
        return False

    async def close(self) -> None:
        """End the guard, which kills what it still guards. Nothing happens where there is none."""
        if former := self._forget():
            await former.end()

    def _limit(self) -> str:
        return "" if self._until is None else f"until {self._until:.6f}\n"

    def _register(self, sign: str, group: ProcessGroup) -> None:
        self._groups[group] = line = f"{sign} {group.number} {group.start}\n"
        self._tell(line)
        if self._guard:
            self._guard.watch(self._lost)

    def _tell(self, line: str) -> None:
        """Write to the guard. One that takes nothing any more is dead or frozen, and replaced by one that knows all."""
        if self._guard:
            try:
                self._guard.write(line)
            except OSError:
                self._renew()

    def _lost(self) -> None:
        """Replace the guard that died."""
        if self._guard and self._guard.was_ready:
            self._failures, self._warned = 0, False
        else:
            self._failures += 1
        if self._failures < _STARTS:
            self._renew()
        elif former := self._forget():
            former.kill()
            self._warn("it ended at once")

    def _renew(self) -> None:
        """Start a guard in place of the former one, if any, and tell it everything."""
        if former := self._forget():
            former.kill()
        try:
            self._guard = _Guard()
            for line in filter(None, (self._limit(), *self._groups.values())):
                self._guard.write(line)
        except (OSError, ValueError) as error:
            if former := self._forget():
                former.kill()
            self._warn(str(error))
            return
        if self._groups:
            self._guard.watch(self._lost)

    def _forget(self) -> "_Guard | None":
        former, self._guard = self._guard, None
        return former

    def _warn(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "the guard of commands can not be started, they will outlive this worker if it dies: %s", why
            )


class _Guard:
    """One guard process: in a session of its own, out of reach of signals to this process's group or terminal.

    It is ended with this object, at the latest; what it guards then is killed.
    """

    def __init__(self) -> None:
        """Start it. Raises OSError and ValueError where that fails; `watch` finds out whether it comes to work."""
        command = [sys.executable, "-I", "-S", str(Path(script.__file__).absolute())]
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)  # it inherits the mask, and keeps it
        try:
            self.process = Popen(
                command, bufsize=0, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd="/", start_new_session=True
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.was_ready = False
        self._pen = threading.Lock()
        self._watching: asyncio.AbstractEventLoop | None = None
        self._end = weakref.finalize(self, _dismiss, self.process)
        os.set_blocking(self._pipe(self.process.stdin), False)

    def write(self, line: str) -> None:
        """Tell it a line, from any thread. Raises OSError where it is dead, or has not read thousands of lines."""
        with self._pen:
            os.write(self._pipe(self.process.stdin), line.encode())

    def watch(self, lost: Callable[[], None]) -> None:
        """Call `lost` when it has died."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop()
            self._watching.add_reader(self._pipe(self.process.stdout), self._hear, lost)

    def unwatch(self) -> None:
        """Watch it no longer."""
        if self._watching:
            self._watching.remove_reader(self._pipe(self.process.stdout))
            self._watching = None

    def kill(self) -> None:
        """End it at once, before it finds its pipe closed and does its work."""
        self.unwatch()
        self.process.kill()
        with suppress(TimeoutExpired):
            self.process.wait(_END_SECONDS)
        with self._pen:
            self._end()

    async def end(self) -> None:
        """Have it do its work and end."""
        self.unwatch()
        if self.process.stdin:
            with self._pen:
                self.process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(wait_for_exit(self.process), _END_SECONDS)
        self.kill()

    def _hear(self, lost: Callable[[], None]) -> None:
        if os.read(self._pipe(self.process.stdout), 64):
            self.was_ready = True
        else:
            self.unwatch()
            lost()

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
