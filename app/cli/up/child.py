"""A process that `boreas up` keeps running: in a wrapper, restarted with backoff, stopped on request."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tenacity import stop_after_attempt, wait_exponential

from app.cli.backoff import Backoff
from app.cli.console import say
from app.cli.up import process_wrapper

STABLE_SECONDS = 10.0
"""A process that lived this long resets the backoff when it dies."""
MAX_QUICK_DEATHS = 5
"""After this many deaths in a row the process is not restarted."""
FIRST_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 8.0
READY_POLL_SECONDS = 0.02
KILL_SECONDS = 5.0
"""How long the wrapper may take beyond the grace period, and a kill to take effect."""
LAST_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program to run, and how to stop it."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    log: Path | None = None
    """The file for its output. None: the output of the supervisor."""
    folder: Path = Path("/")
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL
    """The signal that ends it at once. It goes to the whole process group."""
    grace_seconds: float
    """How long it may take to stop before it is killed."""
    stops_group: bool = False
    """Whether the stop signal goes to the whole process group."""
    user: str | None = None


class GaveUpError(Exception):
    """A process dies again and again; the message names it and its log."""


@dataclass(frozen=True, slots=True)
class ProcessPipes:
    """The file descriptors that a wrapper inherits."""

    stop_pipe: int
    """The reading end of a pipe. When every holder of the writing end is gone, the program is stopped."""
    held: tuple[int, ...]
    """Files that stay open until the program has ended: the lock of the data folder, the writing end of a pipe."""


class Child:
    """A process that is kept running. `prepare` gets the number of deaths before each start, in a thread."""

    def __init__(
        self,
        program: Program,
        prepare: Callable[[int], None] | None = None,
        is_ready: Callable[[], bool] | None = None,
    ) -> None:
        self.program = program
        self._prepare = prepare
        self._is_ready = is_ready
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | asyncio.Task[int] | None = None
        self._backoff = Backoff(
            wait=wait_exponential(multiplier=FIRST_BACKOFF_SECONDS, max=MAX_BACKOFF_SECONDS),
            stop=stop_after_attempt(MAX_QUICK_DEATHS),
        )

    def launch(self, pipes: ProcessPipes) -> "asyncio.Task[None]":
        """Start the process, and restart it when it dies. The task ends after `stop`, or with GaveUpError."""
        task = self._task = asyncio.create_task(self._keep_running(pipes), name=self.program.name)
        return task

    def launch_once(self, pipes: ProcessPipes) -> "asyncio.Task[int]":
        """Start the process. The task returns its exit status, above 128 for a signal."""
        task = self._task = asyncio.create_task(self._run(pipes), name=self.program.name)
        return task

    async def until_ready(self) -> None:
        """Wait until the process is ready, or until the task of `launch` has ended."""
        while self._is_ready and self._task and not self._task.done():
            if self._process is not None and await asyncio.to_thread(self._is_ready):
                return
            await asyncio.sleep(READY_POLL_SECONDS)

    async def stop(self) -> bool:
        """Stop the process, and kill it after its grace period. Return whether it was running."""
        self._stopping.set()
        process = self._process
        was_running = process is not None and process.returncode is None
        if process is not None and was_running:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(self.program.grace_seconds + KILL_SECONDS):
                    await process.wait()
            except TimeoutError:
                self.kill()
        if self._task is not None:
            await asyncio.wait([self._task])
        return was_running

    def kill(self) -> None:
        """End the process group at once."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._signal_group(self.program.kill_signal)

    def _signal_group(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    async def _keep_running(self, pipes: ProcessPipes) -> None:
        while not self._stopping.is_set():
            if self._prepare is not None:
                await asyncio.to_thread(self._prepare, self._backoff.failures)
            started = time.monotonic()
            process = await self._start(pipes)
            status = await process.wait()
            if self._stopping.is_set():
                return
            self._signal_group(self.program.stop_signal)
            if time.monotonic() - started >= STABLE_SECONDS:
                self._backoff.reset()
            await self._back_off(status)

    async def _run(self, pipes: ProcessPipes) -> int:
        process = await self._start(pipes)
        return await process.wait()

    async def _back_off(self, status: int) -> None:
        """Wait before the next start, or until the process is to stop. Raises GaveUpError."""
        name, log = self.program.name, self.program.log
        delay = self._backoff.next_delay()
        if delay is None:
            deaths = self._backoff.failures
            raise GaveUpError(f"{name} ended {deaths} times in a row, last with {ending(status)}.{_last_lines(log)}")
        say(f"{name} ended with {ending(status)}; restarting it in {delay:g} s. See {log}")
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._stopping.wait()

    async def _start(self, pipes: ProcessPipes) -> asyncio.subprocess.Process:
        program = self.program
        output = None if program.log is None else os.open(program.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_wrapped(program),
                stdin=pipes.stop_pipe,
                stdout=output,
                stderr=output,
                env=dict(program.environ),
                cwd=program.folder,
                start_new_session=True,
                pass_fds=pipes.held,
            )
        finally:
            if output is not None:
                os.close(output)
        if self._stopping.is_set():
            self._process.terminate()
        return self._process


def _wrapped(program: Program) -> list[str]:
    """Return the command line of the wrapper that runs a program."""
    scope = "group" if program.stops_group else "program"
    stop_signal = program.stop_signal.name.removeprefix("SIG")
    options = [stop_signal, f"{program.grace_seconds:g}", scope, program.user or "-", "--"]
    return [sys.executable, "-I", "-S", process_wrapper.__file__, *options, *program.command]


def ending(status: int) -> str:
    """Return how a process ended, in words."""
    number = -status if status < 0 else status - 128
    if number > 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(number).name}"
    return f"exit status {status}"


def _last_lines(log: Path | None) -> str:
    if log is None or not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    return "".join([f" The end of {log}:", *(f"\n    {line}" for line in lines)])
