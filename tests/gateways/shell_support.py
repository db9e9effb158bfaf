"""What the tests of the shell operator share: a log that keeps what it is given, and instructions in short."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.core.logs import Stream
from app.ports import Instruction

OUT, ERR = Stream.STDOUT, Stream.STDERR


class Log:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.written: list[tuple[Stream, str]] = []
        self.calls = 0
        self._more = asyncio.Event()

    async def __call__(self, stream: Stream, lines: Sequence[str]) -> None:
        self.calls += 1
        self.written += [(stream, line) for line in lines]
        self._more.set()

    def lines(self, stream: Stream = OUT) -> list[str]:
        return [line for origin, line in self.written if origin is stream]

    async def line(self, number: int) -> str:
        while len(self.lines()) < number:
            self._more.clear()
            await self._more.wait()
        return self.lines()[number - 1]


def instruct(
    *command: str, env: Mapping[str, str] | None = None, workspace: str = "d1/web", limit: float = 60.0
) -> Instruction:
    return Instruction(command=command, env=env or {}, workspace=workspace, timeout_seconds=limit)


def python(code: str, limit: float = 60.0) -> Instruction:
    return instruct(sys.executable, "-I", "-S", "-c", code, limit=limit)


def shell(script: str, limit: float = 60.0) -> Instruction:
    return instruct("sh", "-c", script, limit=limit)


def is_alive(pid: int) -> bool:
    """A process that ended but was not reaped yet is not alive."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()
