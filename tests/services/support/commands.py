"""Commands for tests, as argument lists, with their notes and the gates at which they wait."""

import fcntl
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from app.core.application import CommandStep
from app.core.workflow import TaskType, WorkflowTask

Command = tuple[str, ...]
NOTHING: Command = ("true",)
FAILURE: Command = ("false",)


def sh(script: str, *arguments: object) -> Command:
    """Return a command that runs a script; arguments are $1 and so on."""
    return ("sh", "-c", script, "sh", *map(str, arguments))


def python(code: str, *arguments: object) -> Command:
    """Return a command that runs Python code; arguments are sys.argv[1] and so on."""
    return (sys.executable, "-I", "-S", "-c", code, *map(str, arguments))


POLITE = sh('trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.02; done')
"""Prints that it is ready, and exits with status 0 on SIGTERM."""


def step(command: Command, **fields: Any) -> CommandStep:
    """Return a build or test step."""
    return CommandStep(command, **fields)


def node(key: str, *block_by: str, command: Command = NOTHING, **fields: Any) -> WorkflowTask:
    """Return a task of a custom graph. `env` is that of its command."""
    command_step = CommandStep(command, env=fields.pop("env", {}))
    fields = {"type": TaskType.CUSTOM} | fields
    return WorkflowTask(key=key, name=key, block_by=block_by, command=command_step, **fields)


class Notes:
    """A file to which commands append lines: it shows which commands ran, and in which order."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self, text: str) -> Command:
        """Return a command that adds a line; `text` may contain variables."""
        return sh(f'echo "{text}" >> "$1"', self.path)

    def then(self, text: str, script: str, *arguments: object) -> Command:
        """Return a command that adds a line and then runs a script with the arguments."""
        return sh(f'echo "{text}" >> "$1"\nshift\n{script}', self.path, *arguments)

    @property
    def lines(self) -> Sequence[str]:
        """The lines so far."""
        return self.path.read_text().splitlines() if self.path.exists() else []


class Gate:
    """Blocks commands until it opens; later commands pass at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.wait = python("import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_SH)", path)

    def open(self) -> None:
        """Let all commands pass."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open()
