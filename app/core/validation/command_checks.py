"""What commands must look like: their arguments, and the variables that they see."""

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
"""Bytes of an argument, or of a variable with its name and “=”: what the kernel takes, without the NUL that ends it."""
MAX_COMMAND = 1024 * 1024
"""Bytes of all arguments of a command, and of all its variables."""


def command(value: Sequence[str], *path: str) -> Iterator[Problem]:
    """An argument list whose first item is the program."""
    if not value or not value[0].strip():
        yield InvalidInput(message="A command is a list: the program, then its arguments.", path=path)
    yield from arguments(value, *path)


def arguments(value: Sequence[str], *path: str) -> Iterator[Problem]:
    """An argument list that may be empty."""
    if len(value) > MAX_ARGUMENTS:
        yield InvalidInput(message=f"A command has at most {MAX_ARGUMENTS} arguments.", path=path)
        return
    sizes = list(map(size_of, value))
    for index, size in enumerate(sizes):
        if size > MAX_ARGUMENT:
            message = f"Argument {index} has {size} bytes; at most {MAX_ARGUMENT} are taken: pass a file."
            yield InvalidInput(message=message, path=path)
    if sum(sizes) > MAX_COMMAND:
        yield InvalidInput(message=f"A command has at most {MAX_COMMAND} bytes.", path=path)
    if any(UNSTORABLE.search(argument) for argument in value):
        yield InvalidInput(message="An argument must not hold NUL.", path=path)
    if tuple(value) == HIDDEN_COMMAND:
        yield InvalidInput(message=f"{HIDDEN} stands for a command that you may not see; give the command.", path=path)


def variables(value: Mapping[str, object], *path: str) -> Iterator[Problem]:
    """Environment variables: names to strings."""
    if len(value) > MAX_VARIABLES:
        yield InvalidInput(message=f"A command has at most {MAX_VARIABLES} variables.", path=path)
        return
    total = 0
    for name, content in value.items():
        size = len(name) + size_of(content) + 1 if isinstance(content, str) else 0
        total += size
        if not VARIABLE.fullmatch(name) or len(name) > MAX_NAME:
            message = f"“{name[:80]}” is no name of an environment variable of at most {MAX_NAME} characters."
            yield InvalidInput(message=message, path=(*path, name[:MAX_NAME]))
        elif name.startswith("BOREAS_"):
            yield InvalidInput(message="Names that begin with BOREAS_ are set by Boreas itself.", path=(*path, name))
        elif content == HIDDEN:
            message = f"{HIDDEN} stands for a value that you may not see; give the value."
            yield InvalidInput(message=message, path=(*path, name))
        elif not isinstance(content, str) or UNSTORABLE.search(content):
            yield InvalidInput(message="An environment variable is a string without NUL.", path=(*path, name))
        elif size > MAX_ARGUMENT:
            message = f"It has {size} bytes with its name; at most {MAX_ARGUMENT} are taken: pass a file."
            yield InvalidInput(message=message, path=(*path, name))
    if total > MAX_COMMAND:
        yield InvalidInput(message=f"The variables have {total} bytes; at most {MAX_COMMAND} are taken.", path=path)
    elif why := masking_limit_error(value):
        yield InvalidInput(message=why, path=path)


def size_of(text: str) -> int:
    """Return how many bytes a text takes; half a character counts as it would with its other half."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
