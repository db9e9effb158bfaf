"""Why a command can not start, in words for whoever wrote it, with what to check."""

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from app.core.attempt import Ending, Outcome

LONGEST_WORD = 128 << 10
"""What Linux takes of one argument or variable, in bytes."""
LONGEST_ALL = 2 << 20
"""What it takes of all of them, with a usual stack."""
_ADVICE = {
    errno.EACCES: "it may not be executed; check that it is a file with the execute permission (chmod +x)",
    errno.ENOTDIR: "part of its path is not a folder; check the path",
    errno.ENOEXEC: "it is no program for this machine; check what it was built for or, for a script, its #! line",
    errno.E2BIG: "its arguments and variables are too long for the system; check what they hold, or pass a file",
}


def start_error(command: Sequence[str], env: Mapping[str, str]) -> str | None:
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


def refused(command: Sequence[str] | None, why: str, code: int = 126) -> Outcome:
    """Return the outcome of a command that was not started, with the code that a shell gives then."""
    name = repr(command[0]) if command else "the command"
    return Outcome(Ending.FAILED, f"{name} could not be started: {why}", exit_code=code)


def not_started(command: Sequence[str], env: Mapping[str, str], folder: Path, error: OSError | ValueError) -> Outcome:
    """Say why the system did not start the command, and what to check."""
    if not isinstance(error, OSError):
        return refused(command, f"its arguments or variables are no valid text; check their values ({error})")
    program, why = command[0], error.strerror or str(error)
    if error.filename == str(folder):
        return refused(command, f"its working folder can not be entered: {why}; check {folder}")
    cause = error.errno or 0
    if cause == errno.EACCES and "/" not in program:
        cause = _behind_a_closed_folder(command, env)
    if cause != errno.ENOENT:
        return refused(command, _ADVICE.get(cause, why))
    where = "check its name, and that it is installed in a folder of the worker's PATH"
    if "/" in program:
        where = "check the path (a relative one begins at the working folder)"
    if shutil.which(folder / program if "/" in program else program, path=env["PATH"]):
        return refused(command, "what should interpret it was not found; check its #! line", 127)
    return refused(command, f"it was not found; {where}", 127)


def _behind_a_closed_folder(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Return why a command is not started: a folder of the PATH that is closed is all that the system tells of."""
    if not _is_somewhere(command[0], env["PATH"]):
        return errno.ENOENT
    words = (*command, *(f"{name}={value}" for name, value in env.items()))
    if max(map(len, words)) >= LONGEST_WORD or sum(map(len, words)) >= LONGEST_ALL:
        return errno.E2BIG
    return errno.EACCES


def _is_somewhere(program: str, path: str) -> bool:
    """Return whether a folder of the PATH has the program; one that may not be looked into has nothing for us."""
    for folder in path.split(os.pathsep):
        with suppress(OSError):
            if (Path(folder) / program).exists():
                return True
    return False
