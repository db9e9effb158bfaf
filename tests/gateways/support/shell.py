"""Shared support for the tests of the shell operator.

A log that collects lines, and short constructors of instructions.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from app.core.attempt import Outcome
from app.core.log_levels import Stream
from app.gateways.operators.shell import ShellOperator
from app.gateways.operators.shell.accounts import accounts, can_switch
from app.gateways.operators.shell.landlock import MIN_VERSION, Wall, version
from app.ports import Instruction, LogSink, Operator

OUT, ERR = Stream.STDOUT, Stream.STDERR


class Log:
    """Collects log lines."""

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


MODES = (
    "plain",
    pytest.param("walled", marks=pytest.mark.skipif(version() < MIN_VERSION, reason="this kernel has no Landlock")),
    pytest.param("other", marks=pytest.mark.skipif(not can_switch(), reason="only root may run commands as others")),
)
"""How commands are run: as we are, as we are behind a wall, as another user behind a wall."""


def operator_of(root: Path, mode: str, grace_seconds: float = 0.3) -> ShellOperator:
    """Return an operator that runs commands in one of the modes.

    The parent of `root` contains secrets.
    """
    root.mkdir(exist_ok=True)
    accounts_ = accounts("64000-64999", root.parent, passage=True) if mode == "other" else None
    passage = [Path(sys.prefix), Path(sys.base_prefix)] if accounts_ else None
    wall = None if mode == "plain" else Wall([root.parent], passage)
    return ShellOperator(root, grace_seconds, accounts=accounts_, wall=wall)


async def execute(operator: Operator, instruction: Instruction, log: LogSink) -> Outcome:
    """Carry an instruction out in the task of the caller: as much of it as runs before that is cancelled."""
    return await operator.start(instruction, log).wait()


def instruct(
    *command: str, env: Mapping[str, str] | None = None, workspace: str = "d1/web", limit: float = 60.0
) -> Instruction:
    return Instruction(command=command, env=env or {}, workspace=workspace, timeout_seconds=limit)


def python(code: str, limit: float = 60.0) -> Instruction:
    return instruct(sys.executable, "-I", "-S", "-c", code, limit=limit)


def shell(script: str, limit: float = 60.0) -> Instruction:
    return instruct("sh", "-c", script, limit=limit)


def names_in(folder: Path | str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def text_of(path: Path | str) -> str:
    return Path(path).read_text()


def owner_and_mode(path: Path | str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_uid, status.st_mode & 0o7777


def is_alive(pid: int) -> bool:
    """A process that ended but was not reaped yet is not alive."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()
