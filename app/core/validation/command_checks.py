"""Checks of commands: their arguments and their environment variables."""

import re
from collections.abc import Iterator, Mapping, Sequence

from app.core.command_visibility import HIDDEN_COMMAND
from app.core.errors import InvalidInput, Problem
from app.core.masking import masking_limit_error
from app.core.texts import UNSTORABLE
from app.core.tokens import HIDDEN

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_ARGUMENTS = 1000
MAX_VARIABLES = 1000
MAX_NAME = 200
MAX_ARGUMENT = 128 * 1024 - 1
"""Bytes of an argument, or of `NAME=value`: the kernel's limit, without the NUL that ends it."""
MAX_COMMAND = 1024 * 1024
"""Bytes of all arguments of a command, and of all its variables."""
HIDDEN_VALUE = f"{HIDDEN} stands for a value that you may not see: give the value itself."


def command(value: Sequence[str], *path: str) -> Iterator[Problem]:
    """Check an argument list whose first item is the program."""
    if not value or not value[0].strip():
        message = "A command is a list of the program and its arguments: the program is missing."
        yield InvalidInput(message=message, path=path)
    yield from arguments(value, *path)


def arguments(value: Sequence[str], *path: str) -> Iterator[Problem]:
    """Check an argument list that may be empty."""
    if len(value) > MAX_ARGUMENTS:
        yield InvalidInput(message=f"A command has at most {MAX_ARGUMENTS} arguments.", path=path)
        return
    sizes = list(map(size_of, value))
    for index, size in enumerate(sizes):
        if size > MAX_ARGUMENT:
            message = f"Argument {index} has {size} bytes; the limit is {MAX_ARGUMENT}. Pass a file instead."
            yield InvalidInput(message=message, path=path)
    if sum(sizes) > MAX_COMMAND:
        yield InvalidInput(message=f"A command has at most {MAX_COMMAND} bytes.", path=path)
    if any(UNSTORABLE.search(argument) for argument in value):
        yield InvalidInput(message="An argument must not contain NUL.", path=path)
    if tuple(value) == HIDDEN_COMMAND:
        message = f"{HIDDEN} stands for a command that you may not see: give the command itself."
        yield InvalidInput(message=message, path=path)


def variables(value: Mapping[str, object], *path: str) -> Iterator[Problem]:
    """Check environment variables, which map names to strings."""
    if len(value) > MAX_VARIABLES:
        yield InvalidInput(message=f"A command has at most {MAX_VARIABLES} variables.", path=path)
        return
    total = 0
    for name, content in value.items():
        size = len(name) + size_of(content) + 1 if isinstance(content, str) else 0
        total += size
        if (error := _variable_error(name, content, size)) is not None:
            yield InvalidInput(message=error, path=(*path, name[:MAX_NAME]))
    if total > MAX_COMMAND:
        yield InvalidInput(message=f"The variables have {total} bytes; the limit is {MAX_COMMAND}.", path=path)
    elif error := masking_limit_error(value):
        yield InvalidInput(message=error, path=path)


def _variable_error(name: str, content: object, size: int) -> str | None:
    """Return what is wrong with a variable that has `size` bytes, or None."""
    if not VARIABLE.fullmatch(name) or len(name) > MAX_NAME:
        return f"“{name[:80]}” is not a valid name of an environment variable of at most {MAX_NAME} characters."
    if name.startswith("BOREAS_"):
        return "Boreas itself sets the variables that begin with BOREAS_: choose another name."
    if content == HIDDEN:
        return HIDDEN_VALUE
    if not isinstance(content, str) or UNSTORABLE.search(content):
        return "The value of an environment variable must be a string without NUL."
    if size > MAX_ARGUMENT:
        return f"The variable has {size} bytes with its name; the limit is {MAX_ARGUMENT}. Pass a file instead."
    return None


def size_of(text: str) -> int:
    """Return how many bytes a text has; an unpaired surrogate counts as it would in a pair."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
