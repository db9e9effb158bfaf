"""Commands as real processes of this machine: started from an argument list, followed live, ended as a group."""

import asyncio
import codecs
import errno
import fcntl
import os
import shutil
import signal
import sys
import termios
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from app.core.attempt import Ending, Outcome
from app.core.logs import Stream
from app.ports import LONG_LINE, Instruction, LogSink

_CHUNK_BYTES = _LINE_CHARACTERS = LONG_LINE
"""Read at once (what a pipe holds), and held of a line that has not ended: a longer one is passed on in pieces."""

_SILENCE_SECONDS, _DRAIN_SECONDS = 0.5, 2.0
"""What keeps a pipe open after its command has ended is heard until it is silent so long, and so long at most."""

_KILLED_SECONDS = 2.0
"""How long killed processes may take to vanish: long only where the kernel holds one, and then nothing helps."""

_SIGNALS = {number.value: number.name for number in signal.Signals}
_ADVICE = {
    errno.EACCES: "it may not be executed; check that it is a file with the execute permission (chmod +x)",
    errno.ENOTDIR: "part of its path is not a folder; check the path",
    errno.ENOEXEC: "it is no program for this machine; check what it was built for or, for a script, its #! line",
    errno.E2BIG: "its arguments and variables are too long for the system; check what they hold, or pass a file",
}


class ShellOperator:
    """Runs each command as a process group of its own in a folder of its own below `workspaces`.

    Commands see PATH, HOME and LANG of the worker, BOREAS_WORKSPACE (their folder) and the variables of their
    instruction. What a command leaves running when it ends stays, as deploy commands start services; it should
    write its output elsewhere, since nobody reads it here any more. A time limit or a cancellation ends the whole
    group: SIGTERM, then SIGKILL after `grace_seconds`. A process that left the group (setsid) is beyond reach.
    """

    def __init__(self, workspaces: Path, grace_seconds: float = 10.0) -> None:
        self._workspaces = workspaces
        self._grace = grace_seconds

    async def execute(self, instruction: Instruction, log: LogSink) -> Outcome:
        """Make the folder, run the command if there is one, and return how it ended, with the code a shell would give.

        Raises only what `log` raises, after the processes were ended. It is awaited by one stream at a time.
        The time limit is the command's: lines that it printed in time are passed on however long the log takes.
        """
        command = instruction.command
        try:
            folder = self._folder(instruction.workspace)
        except (OSError, RuntimeError, ValueError) as error:
            why = (isinstance(error, OSError) and error.strerror) or error
            return _refused(command, f"its working folder {instruction.workspace!r} can not be used: {why}")
        if command is None:
            return Outcome(Ending.SUCCEEDED)
        fault = _fault(command, instruction.env)
        if fault:
            return _refused(command, fault)
        env = _environment(folder, instruction.env)
        try:
            run, cancelled = await _whole(_start(command, env, folder, log))
        except (OSError, ValueError) as error:
            return _not_started(command, env, folder, error)
        try:
            if cancelled:
                raise cancelled
            return await self._attend(run, instruction.timeout_seconds)
        except BaseException:
            await run.stop(self._grace)
            raise
        finally:
            await run.close()

    async def _attend(self, run: "_Run", limit: float) -> Outcome:
        await run.flush(limit)
        if run.process.returncode is not None:
            await run.flush(None)
            return _ended(run.process.returncode)
        await run.end(self._grace)
        await run.flush(max(self._grace, _DRAIN_SECONDS))
        message = f"the time limit of {limit:.10g} seconds was reached, and its processes were ended"
        return replace(_ended(run.process.returncode), ending=Ending.FAILED, message=message)

    def _folder(self, workspace: str) -> Path:
        """Make the folder. Raises ValueError where it would not lie below the root, links followed."""
        root = self._workspaces.resolve()
        folder = (root / workspace).resolve()
        if ".." in PurePath(workspace).parts or folder == root or not folder.is_relative_to(root):
            raise ValueError("it must lie inside the folder of workspaces")
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class _Run:
    """A started command: its process group, and the tasks that follow it. Who started it closes it."""

    def __init__(self, process: Process, outputs: Sequence["_Output"], pipes: ExitStack) -> None:
        self.process = process
        self._outputs = outputs
        self._pipes = pipes
        self._tasks = [asyncio.create_task(work) for work in (self._watch(), *(output.pump() for output in outputs))]

    async def _watch(self) -> None:
        await self.process.wait()
        for output in self._outputs:
            output.expect_end()

    async def flush(self, seconds: float | None) -> None:
        """Wait for the end and the whole output. Raises what the log raised."""
        done, _ = await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def end(self, grace: float) -> None:
        """End the group: ask, and after `grace` seconds force."""
        self._signal(signal.SIGTERM)
        if not await self._gone(grace):
            self._signal(signal.SIGKILL)
            await self._gone(_KILLED_SECONDS)

    async def stop(self, grace: float) -> None:
        """End the group, at once where this is cancelled, and pass on what it still had to say."""
        try:
            await self.end(grace)
            await asyncio.wait(self._tasks, timeout=_DRAIN_SECONDS)
        except asyncio.CancelledError:
            self._signal(signal.SIGKILL)
            await self._gone(_KILLED_SECONDS)
            raise

    async def close(self) -> None:
        """Stop following; the processes are left as they are."""
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


class _Output:
    """One stream of a command. While the log takes its time nothing is read, and the command waits in its next write.

    The pipe is not the event loop's, which takes a process as ended only when all holders of its pipes have gone.
    """

    def __init__(self, pipe: int, stream: Stream, log: LogSink, turn: asyncio.Lock) -> None:
        self._pipe = pipe
        self._stream = stream
        self._log = log
        self._turn = turn
        self._lines = _Lines()
        self._stirred = asyncio.Event()
        self._deadline: float | None = None
        self._due = 0

    async def pump(self) -> None:
        """Pass lines on until the stream ends. Raises what the log raises."""
        ended = False
        while not ended:
            chunk = await self._read()
            ended = not chunk
            if lines := self._lines.feed(chunk, final=ended):
                async with self._turn:
                    await self._log(self._stream, lines)
            await asyncio.sleep(0)  # reading and a ready log never wait: others must have their turn

    def expect_end(self) -> None:
        """Take note that the command has ended: what it wrote is all in the pipe, the rest is others' and optional."""
        self._due = int.from_bytes(fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
        self._deadline = asyncio.get_running_loop().time() + _DRAIN_SECONDS
        self._stirred.set()

    async def _read(self) -> bytes:
        """Return what has come, waiting for it; nothing at the end."""
        now = asyncio.get_running_loop().time
        while self._deadline is None or self._due > 0 or now() < self._deadline:
            try:
                chunk = os.read(self._pipe, _CHUNK_BYTES)
            except BlockingIOError:
                if await self._is_silent():
                    break
            else:
                self._due -= len(chunk)
                return chunk
        return b""

    async def _is_silent(self) -> bool:
        """Wait for something to read; True where the command has ended and nothing comes."""
        loop = asyncio.get_running_loop()
        self._stirred.clear()
        loop.add_reader(self._pipe, self._stirred.set)
        try:
            async with asyncio.timeout(None if self._deadline is None else _SILENCE_SECONDS):
                await self._stirred.wait()
        except TimeoutError:
            return True
        finally:
            loop.remove_reader(self._pipe)
        return False


class _Lines:
    """Cuts bytes into lines, without their ends; half a line or character waits for its rest."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest, self._continues = "", False

    def feed(self, chunk: bytes, final: bool = False) -> list[str]:
        """Return the lines that `chunk` completes; with `final`, also the last one, which has no end."""
        lines = (self._rest + self._decoder.decode(chunk, final)).split("\n")
        self._rest = lines.pop()
        if lines and self._continues:
            self._continues = False
            if lines[0] in ("", "\r"):
                del lines[0]
        lines = [line.removesuffix("\r") for line in lines]
        if len(self._rest) > _LINE_CHARACTERS or (final and self._rest):
            lines.append(self._rest)
            self._rest, self._continues = "", True
        return lines


async def _start(command: Sequence[str], env: Mapping[str, str], folder: Path, log: LogSink) -> _Run:
    """Start the command as the leader of a new group. Raises OSError and ValueError where it can not be."""
    with ExitStack() as ours, ExitStack() as theirs:
        turn = asyncio.Lock()
        outputs, ends = [], []
        for stream in (Stream.STDOUT, Stream.STDERR):
            reading, writing = os.pipe()
            ours.callback(os.close, reading)
            theirs.callback(os.close, writing)
            os.set_blocking(reading, False)
            outputs.append(_Output(reading, stream, log, turn))
            ends.append(writing)
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=ends[0], stderr=ends[1], cwd=str(folder), env=env, start_new_session=True
        )
        return _Run(process, outputs, ours.pop_all())


async def _whole(starting: Coroutine[Any, Any, _Run]) -> tuple[_Run, asyncio.CancelledError | None]:
    """Wait out even a cancellation, and return it too: half a start would leave a group that nobody knows."""
    task, cancelled = asyncio.create_task(starting), None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled and task.exception():
        raise cancelled
    return task.result(), cancelled


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


def _environment(folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return all that a command sees: a worker's own environment holds secrets that are no command's business."""
    return {
        "PATH": os.environ.get("PATH") or os.defpath,
        "HOME": os.environ.get("HOME") or str(folder),
        "LANG": os.environ.get("LANG") or "C.UTF-8",
        "BOREAS_WORKSPACE": str(folder),
        **extra,
    }


def _fault(command: Sequence[str], env: Mapping[str, str]) -> str | None:
    """Say what no system could run, before trying."""
    if not command or not command[0]:
        return "it names no program; check the first argument"
    for number, argument in enumerate(command):
        if "\0" in argument:
            return f"argument {number} holds a NUL character; check where its value comes from"
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            return f"the variable {name!r} can not be set; check its name, and that its value holds no NUL character"
    return None


def _refused(command: Sequence[str] | None, why: str, code: int = 126) -> Outcome:
    name = repr(command[0]) if command else "the command"
    return Outcome(Ending.FAILED, f"{name} could not be started: {why}", exit_code=code)


def _not_started(command: Sequence[str], env: Mapping[str, str], folder: Path, error: OSError | ValueError) -> Outcome:
    """Say why the system did not start the command, and what to check."""
    if not isinstance(error, OSError):
        return _refused(command, f"its arguments or variables are no valid text; check their values ({error})")
    program, why = command[0], error.strerror or str(error)
    if error.filename == str(folder):
        return _refused(command, f"its working folder can not be entered: {why}; check {folder}")
    if error.errno != errno.ENOENT:
        return _refused(command, _ADVICE.get(error.errno or 0, why))
    where = "check its name, and that it is installed in a folder of the worker's PATH"
    if "/" in program:
        where = "check the path (a relative one begins at the working folder)"
    if shutil.which(folder / program if "/" in program else program, path=env["PATH"]):
        return _refused(command, "what should interpret it was not found; check its #! line", 127)
    return _refused(command, f"it was not found; {where}", 127)


def _ended(code: int | None) -> Outcome:
    """Say how a process ended, with the code that a shell gives: a signal's number is counted from 128 up."""
    if code is None or code > 0:
        return Outcome(Ending.FAILED, f"exit status {code}", exit_code=code)
    if code == 0:
        return Outcome(Ending.SUCCEEDED, exit_code=0)
    return Outcome(Ending.FAILED, f"ended by signal {_SIGNALS.get(-code, -code)}", exit_code=128 - code)
