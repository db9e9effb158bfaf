"""A started command: a process group that is followed, asked to end, and forced to."""

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
from app.gateways.operators.shell.landlock import begun_behind
from app.gateways.operators.shell.open_files import given_back
from app.gateways.operators.shell.output import DRAIN_SECONDS, Output
from app.gateways.operators.shell.spawner_client import UMASK, Process, Spawner
from app.ports import LogSink

_KILLED_SECONDS = 2.0
"""How long killed processes may take to vanish: long only where the kernel holds one, and then nothing helps."""

_LAST_WORDS_SECONDS = 0.2
"""How long a command has after SIGTERM when it is killed: a lost lease kills too, and many end in milliseconds."""

_SIGNALS = {number.value: number.name for number in signal.Signals}


class RunningCommand:
    """A started command: its process group, and the tasks that follow it. Who started it closes it."""

    def __init__(
        self, process: Process, guarded: GuardClient, group: ProcessGroup, outputs: Sequence[Output], pipes: ExitStack
    ) -> None:
        self.process = process
        self._guarded = guarded
        self._group = group
        self._outputs = outputs
        self._pipes = pipes
        self._ending = False
        self._tasks = [asyncio.create_task(work) for work in (self._watch(), *(output.pump() for output in outputs))]

    async def _watch(self) -> None:
        await wait_for_exit(self.process)
        if not self._ending:
            self._guarded.remove(self._group)
        self.process.wait()
        for output in self._outputs:
            output.expect_end()

    @property
    def lapsed(self) -> bool:
        """Whether it was killed, and may have been because nobody vouched for it any more."""
        return self.process.returncode == -signal.SIGKILL and self._guarded.lapsed(self._group)

    async def flush(self, seconds: float | None) -> None:
        """Wait for the end and the whole output. Raises what the log raised."""
        done, _ = await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def end(self, grace: float) -> None:
        """End the group: ask, and after `grace` seconds force."""
        self._ask()
        await self._force_after(grace)

    async def stop(self, grace: float, request: EndRequest) -> None:
        """End the group and pass its last output on. Hurry on the order to kill, and more where this is cancelled."""
        self._ask()
        try:
            if await request.unless_killed(self._force_after(grace)):
                await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
            else:
                await self._force_after(min(grace, _LAST_WORDS_SECONDS))
        except asyncio.CancelledError:
            await self._force_after(0)
            raise

    def _ask(self) -> None:
        self._ending = True
        self._guarded.condemn(self._group)
        self._signal(signal.SIGTERM)

    async def _force_after(self, grace: float) -> None:
        if not await self._gone(grace):
            self._signal(signal.SIGKILL)
            await self._gone(_KILLED_SECONDS)
        self._guarded.remove(self._group)

    async def close(self) -> None:
        """Stop following; the processes are left as they are."""
        self._guarded.remove(self._group)
        self._guarded.forget(self._group)
        for task in self._tasks:
            task.cancel()
        with self._pipes:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    async def _gone(self, seconds: float) -> bool:
        """Wait until no process of the group is left; False where one outlives the time. Nothing tells, so it polls."""
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + seconds, 0.02
        while self.process.returncode is None or _has_members(self.process.pid):
            if loop.time() >= until:
                return False
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, 0.2)
        return True


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """Where a command runs, and as whom (None: as this process). `wall` is the ruleset of the wall around it."""

    folder: Path
    account: Account | None = None
    home: Path | None = None
    temporary: Path | None = None
    wall: int | None = None

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return all that a command sees: a worker's own environment holds secrets that are no command's business."""
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
    """Starts commands: itself, or by a spawner where they run as somebody else."""

    def __init__(self, guarded: GuardClient) -> None:
        self.guarded = guarded
        self._spawner = Spawner()

    def start(
        self, command: Sequence[str], env: Mapping[str, str], place: CommandPlace, ends: Sequence[int]
    ) -> Process:
        """Start a command as the leader of a new group. Raises OSError and ValueError where it can not be."""
        account = place.account
        if account and Spawner.usable:
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
            preexec_fn=given_back(),
        )
        return begin() if place.wall is None else begun_behind(place.wall, begin)

    def close(self) -> None:
        """End the spawner."""
        self._spawner.close()


def start(
    command: Sequence[str], env: Mapping[str, str], place: CommandPlace, log: LogSink, starter: Starter
) -> RunningCommand:
    """Start the command as the leader of a new group. Raises OSError and ValueError where it can not be.

    Nothing is awaited from the fork to the registration with the guard. What remains is the time until the program
    is loaded, about a millisecond: a worker that is killed just then leaves the command running.
    """
    with ExitStack() as ours, ExitStack() as theirs:
        turn = asyncio.Lock()
        outputs, ends = [], []
        for stream in (Stream.STDOUT, Stream.STDERR):
            reading, writing = os.pipe()
            ours.callback(os.close, reading)
            theirs.callback(os.close, writing)
            os.set_blocking(reading, False)
            outputs.append(Output(reading, stream, log, turn))
            ends.append(writing)
        guarded = starter.guarded
        guarded.open()
        process = starter.start(command, env, place, ends)
        return RunningCommand(process, guarded, guarded.add(process.pid), outputs, ours.pop_all())


def outcome_of(code: int | None) -> Outcome:
    """Say how a process ended, with the code that a shell gives: a signal's number is counted from 128 up."""
    if code is None or code > 0:
        return Outcome(Ending.FAILED, f"exit status {code}", exit_code=code)
    if code == 0:
        return Outcome(Ending.SUCCEEDED, exit_code=0)
    return Outcome(Ending.FAILED, f"ended by signal {_SIGNALS.get(-code, -code)}", exit_code=128 - code)


def _has_members(group: int) -> bool:
    """Return whether anything of the group runs; zombies do not, and some containers reap them late or never."""
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
