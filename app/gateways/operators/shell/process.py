"""A running command: a process group that is followed, stopped and killed."""

import asyncio
import errno
import os
import pwd
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, Popen

from app.core.attempt import Ending, Outcome
from app.core.log_levels import Stream
from app.gateways.operators.execution import EndRequest
from app.gateways.operators.shell.accounts import Account
from app.gateways.operators.shell.exit import wait_for_exit
from app.gateways.operators.shell.guard_client import GuardClient, ProcessGroup
from app.gateways.operators.shell.landlock import run_behind
from app.gateways.operators.shell.open_files import limit_restorer
from app.gateways.operators.shell.output import DRAIN_SECONDS, Output
from app.gateways.operators.shell.spawner_client import UMASK, Process, Spawner
from app.ports import LogSink

_KILLED_SECONDS = 2.0
"""How long killed processes may take to vanish. It is long only where the kernel holds one, and nothing helps then."""

_KILL_GRACE_SECONDS = 0.2
"""The grace after SIGTERM of a command that is killed: a lost lease kills too, and most end in milliseconds."""

_SIGNALS = {number.value: number.name for number in signal.Signals}


class RunningCommand:
    """A started command: its process group, and the tasks that follow it. The caller of `start` closes it."""

    def __init__(
        self, process: Process, guard: GuardClient, group: ProcessGroup, outputs: Sequence[Output], pipes: ExitStack
    ) -> None:
        self.process = process
        self._guard = guard
        self._group = group
        self._outputs = outputs
        self._pipes = pipes
        self._is_ending = False
        self._tasks = [asyncio.create_task(work) for work in (self._watch(), *(output.pump() for output in outputs))]

    async def _watch(self) -> None:
        await wait_for_exit(self.process)
        if not self._is_ending:
            self._guard.remove(self._group)
        self.process.wait()
        for output in self._outputs:
            output.expect_end()

    @property
    def lease_expired(self) -> bool:
        """Whether it was killed, and its lease had expired."""
        return self.process.returncode == -signal.SIGKILL and self._guard.was_expired(self._group)

    async def flush(self, seconds: float | None) -> None:
        """Wait for the exit and the whole output. Raises what the log raises."""
        done, _ = await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def end(self, grace: float) -> None:
        """End the group: SIGTERM, and SIGKILL after `grace` seconds."""
        self._terminate()
        await self._kill_after(grace)

    async def stop(self, grace: float, request: EndRequest) -> None:
        """End the group and pass its last output on. The grace is short when killed, and none when cancelled."""
        self._terminate()
        try:
            if await request.unless_killed(self._kill_after(grace)):
                await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
            else:
                await self._kill_after(min(grace, _KILL_GRACE_SECONDS))
        except asyncio.CancelledError:
            await self._kill_after(0)
            raise

    def _terminate(self) -> None:
        self._is_ending = True
        self._guard.mark_ending(self._group)
        self._signal(signal.SIGTERM)

    async def _kill_after(self, grace: float) -> None:
        if not await self._gone(grace):
            self._signal(signal.SIGKILL)
            await self._gone(_KILLED_SECONDS)
        self._guard.remove(self._group)

    async def close(self) -> None:
        """Stop following. Processes that run are left running."""
        self._guard.remove(self._group)
        self._guard.forget(self._group)
        for task in self._tasks:
            task.cancel()
        with self._pipes:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    async def _gone(self, seconds: float) -> bool:
        """Wait until the group has no process; False after `seconds`. The system has no event for that, so it polls."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + seconds, 0.02
        while self.process.returncode is None or _has_members(self.process.pid):
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, 0.2)
        return True


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """Where a command runs, and as which user (None: this process's). `wall` is the Landlock ruleset around it."""

    folder: Path
    account: Account | None = None
    home: Path | None = None
    temporary: Path | None = None
    wall: int | None = None

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a command: the worker's own has secrets that commands must not see."""
        home = os.environ.get("HOME")
        if self.account:
            home = str(self.home) if self.home else pwd.getpwuid(self.account.user).pw_dir
        return {
            "PATH": os.environ.get("PATH") or os.defpath,
            "HOME": home or str(self.folder),
            "LANG": os.environ.get("LANG") or "C.UTF-8",
            **({"TMPDIR": str(self.temporary)} if self.temporary else {}),
            "BOREAS_WORKSPACE": str(self.folder),
            **extra,
        }


class Starter:
    """Starts commands: directly, or by the spawner where they run as another user."""

    def __init__(self, guard: GuardClient) -> None:
        self.guard = guard
        self._spawner = Spawner()

    def start(
        self, command: Sequence[str], env: Mapping[str, str], place: CommandPlace, ends: Sequence[int]
    ) -> Process:
        """Start a command as the leader of a new group. Raises OSError and ValueError where it cannot start."""
        account = place.account
        if account and Spawner.is_supported:
            return self._spawner.start(command, env, place.folder, ends, account=account, wall=place.wall)
        begin = partial(
            Popen[bytes],
            command,
            stdin=DEVNULL,
            stdout=ends[0],
            stderr=ends[1],
            cwd=str(place.folder),
            env=env,
            start_new_session=True,
            user=account.user if account else None,
            group=account.group if account else None,
            extra_groups=account.groups if account else None,
            umask=UMASK if account else -1,
            preexec_fn=limit_restorer(),
        )
        return begin() if place.wall is None else run_behind(place.wall, begin)

    def close(self) -> None:
        """End the spawner."""
        self._spawner.close()


def start(
    command: Sequence[str], env: Mapping[str, str], place: CommandPlace, log: LogSink, starter: Starter
) -> RunningCommand:
    """Start the command as the leader of a new group. Raises OSError and ValueError where it cannot start.

    There is no await between the fork and the registration with the guard. A worker that is killed within the
    millisecond that loading the program takes leaves the command running.
    """
    with ExitStack() as ours, ExitStack() as theirs:
        log_lock = asyncio.Lock()
        outputs, ends = [], []
        for stream in (Stream.STDOUT, Stream.STDERR):
            reading, writing = os.pipe()
            ours.callback(os.close, reading)
            theirs.callback(os.close, writing)
            os.set_blocking(reading, False)
            outputs.append(Output(reading, stream, log, log_lock))
            ends.append(writing)
        guard = starter.guard
        guard.open()
        process = starter.start(command, env, place, ends)
        return RunningCommand(process, guard, guard.add(process.pid), outputs, ours.pop_all())


def outcome_of(code: int | None) -> Outcome:
    """Return the outcome of a process, with the exit code of a shell: 128 plus the number of a signal."""
    if code is None or code > 0:
        return Outcome(Ending.FAILED, f"exit status {code}", exit_code=code)
    if code == 0:
        return Outcome(Ending.SUCCEEDED, exit_code=0)
    return Outcome(Ending.FAILED, f"ended by signal {_SIGNALS.get(-code, -code)}", exit_code=128 - code)


def _has_members(group: int) -> bool:
    """Return whether a process of the group runs. Zombies do not count: some containers reap them late or never."""
    try:
        os.killpg(group, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    stats = list(Path("/proc").glob("[0-9]*/stat"))
    return not stats or any(_runs_in(group, stat) for stat in stats)


def _runs_in(group: int, stat: Path) -> bool:
    with suppress(OSError):
        state, _, its_group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
        return state not in "ZX" and int(its_group) == group
    return False
