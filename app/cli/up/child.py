"""One process that `boreas up` keeps running: started on a leash, started again when it dies, ended when told."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.cli.console import say
from app.cli.up import process_wrapper

QUICK_SECONDS = 10.0
"""A process that lived for less died quickly."""
QUICK_DEATHS = 5
"""After so many in a row it makes no sense to start it once more."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
READY_POLL_SECONDS = 0.02
KILL_SECONDS = 5.0
"""What the leash may take beyond the grace that it gives, and what a kill may take."""
LAST_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run, and how it ends."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    log: Path | None = None
    """Where its output goes; None: where ours goes."""
    folder: Path = Path("/")
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL
    """What ends it at once. It goes to the whole process group."""
    grace_seconds: float
    """How long it may take to end before it is killed."""
    whole_group: bool = False
    """Whether what it started itself is told to stop as well."""
    user: str | None = None


class GaveUpError(Exception):
    """A process dies again and again; the message says which one and where to look."""


@dataclass(frozen=True, slots=True)
class ProcessPipes:
    """What a process on a leash inherits."""

    leash: int
    """The end of a pipe that is read: when all that hold the other end are gone, the process ends."""
    held: tuple[int, ...]
    """Files that stay open until it has ended: the data folder's lock, the other end of the pipes of servers."""


class Child:
    """A process that is kept running. `before` (called in a thread, with the number of quick deaths) clears its way."""

    def __init__(
        self,
        program: Program,
        before: Callable[[int], None] | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        self.program = program
        self._before = before
        self._ready = ready
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | asyncio.Task[int] | None = None

    def launch(self, ties: ProcessPipes) -> "asyncio.Task[None]":
        """Start it, and go on starting it. The task ends after `stop`, or with GaveUpError."""
        task = self._task = asyncio.create_task(self._keep(ties), name=self.program.name)
        return task

    def launch_once(self, ties: ProcessPipes) -> "asyncio.Task[int]":
        """Start it. The task gives its exit status when it has ended; above 128 it was a signal."""
        task = self._task = asyncio.create_task(self._run(ties), name=self.program.name)
        return task

    async def until_ready(self) -> None:
        """Wait until it can be used. Ends early when it is given up, which `launch`'s task tells."""
        while self._ready and self._task and not self._task.done():
            if self._process is not None and await asyncio.to_thread(self._ready):
                return
            await asyncio.sleep(READY_POLL_SECONDS)

    async def stop(self) -> bool:
        """Tell it to end, and wait for that; kill it when it takes too long. Returns whether it ran."""
        self._stopping.set()
        process = self._process
        running = process is not None and process.returncode is None
        if process is not None and running:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(self.program.grace_seconds + KILL_SECONDS):
                    await process.wait()
            except TimeoutError:
                self.kill()
        if self._task is not None:
            await asyncio.wait([self._task])
        return running

    def kill(self) -> None:
        """End it at once."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._signal_group(self.program.kill_signal)

    def _signal_group(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    async def _keep(self, ties: ProcessPipes) -> None:
        deaths = 0
        while not self._stopping.is_set():
            if self._before is not None:
                await asyncio.to_thread(self._before, deaths)
            began = time.monotonic()
            process = await self._start(ties)
            code = await process.wait()
            if self._stopping.is_set():
                return
            self._signal_group(self.program.stop_signal)
            deaths = deaths + 1 if time.monotonic() - began < QUICK_SECONDS else 1
            await self._pause(deaths, code)

    async def _run(self, ties: ProcessPipes) -> int:
        process = await self._start(ties)
        return await process.wait()

    async def _pause(self, deaths: int, code: int) -> None:
        name, log = self.program.name, self.program.log
        if deaths >= QUICK_DEATHS:
            raise GaveUpError(f"{name} ended {deaths} times in a row, last with {ending(code)}.{_last_lines(log)}")
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (deaths - 1), LONGEST_PAUSE_SECONDS)
        say(f"{name} ended with {ending(code)}; it is started again in {pause:g} s. See {log}")
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._stopping.wait()

    async def _start(self, ties: ProcessPipes) -> asyncio.subprocess.Process:
        program = self.program
        output = None if program.log is None else os.open(program.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_leashed(program),
                stdin=ties.leash,
                stdout=output,
                stderr=output,
                env=dict(program.environ),
                cwd=program.folder,
                start_new_session=True,
                pass_fds=ties.held,
            )
        finally:
            if output is not None:
                os.close(output)
        if self._stopping.is_set():
            self._process.terminate()
        return self._process


def _leashed(program: Program) -> list[str]:
    scope = "group" if program.whole_group else "program"
    number = program.stop_signal.name.removeprefix("SIG")
    options = [number, f"{program.grace_seconds:g}", scope, program.user or "-", "--"]
    return [sys.executable, "-I", "-S", process_wrapper.__file__, *options, *program.command]


def ending(code: int) -> str:
    """Return how a process ended, in words."""
    number = -code if code < 0 else code - 128
    if number > 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(number).name}"
    return f"exit status {code}"


def _last_lines(log: Path | None) -> str:
    if log is None or not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    return "".join([f" The end of {log}:", *(f"\n    {line}" for line in lines)])
