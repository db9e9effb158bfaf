"""Why a command cannot start, in words for its author, with what to check."""

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from app.core.attempt import Ending, Outcome

MAX_WORD_BYTES = 128 << 10
"""The most that Linux accepts in one argument or variable."""
MAX_TOTAL_BYTES = 2 << 20
"""The most that it accepts in all of them, with the usual stack."""
_ADVICE = {
    errno.EACCES: "this worker may not execute it; check that it is a file with the execute permission (chmod +x)",
    errno.ENOTDIR: "part of its path is not a folder; check the path",
    errno.ENOEXEC: "it is not a program for this machine; check its architecture or, for a script, its #! line",
    errno.E2BIG: "its arguments and variables are too long for the system; shorten them, or pass a file",
}


def start_error(command: Sequence[str], env: Mapping[str, str]) -> str | None:
    """Return why no system could run a command; None where one could."""
    if not command or not command[0]:
        return "it names no program; set the first argument"
    for number, argument in enumerate(command):
        if "\0" in argument:
            return f"argument {number} contains a NUL character; remove it"
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            return f"the variable {name!r} cannot be set; check its name, and that its value contains no NUL character"
    return None


def refused(command: Sequence[str] | None, why: str, code: int = 126) -> Outcome:
    """Return the outcome of a command that was not started, with the exit code that a shell would return."""
    name = repr(command[0]) if command else "the command"
    return Outcome(Ending.FAILED, f"{name} could not be started: {why}", exit_code=code)


def not_started(command: Sequence[str], env: Mapping[str, str], folder: Path, error: OSError | ValueError) -> Outcome:
    """Return the outcome of a command that the system did not start: why, and what to check."""
    if not isinstance(error, OSError):
        return refused(command, f"its arguments or variables are not valid text; check their values ({error})")
    program, why = command[0], error.strerror or str(error)
    if error.filename == str(folder):
        return refused(command, f"this worker cannot enter its working folder: {why}; check {folder}")
    cause = error.errno or 0
    if cause == errno.EACCES and "/" not in program:
        cause = _cause_of_denial(command, env)
    if cause != errno.ENOENT:
        return refused(command, _ADVICE.get(cause, why))
    where = "check its name, and that it is installed in a folder of the worker's PATH"
    if "/" in program:
        where = "check the path (a relative one begins at the working folder)"
    if shutil.which(folder / program if "/" in program else program, path=env["PATH"]):
        return refused(command, "its interpreter was not found; check its #! line", 127)
    return refused(command, f"it was not found; {where}", 127)


def _cause_of_denial(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Return the error behind EACCES: the system reports that for any PATH that has an unreadable folder."""
    if not _is_in_path(command[0], env["PATH"]):
        return errno.ENOENT
    words = (*command, *(f"{name}={value}" for name, value in env.items()))
    if max(map(len, words)) >= MAX_WORD_BYTES or sum(map(len, words)) >= MAX_TOTAL_BYTES:
        return errno.E2BIG
    return errno.EACCES


def _is_in_path(program: str, path: str) -> bool:
    """Return whether a readable folder of the PATH has the program."""
    for folder in path.split(os.pathsep):
        with suppress(OSError):
            if (Path(folder) / program).exists():
                return True
    return False
