"""What nothing can hold, in the arguments of a root field: found by its place, whichever way it came.

Literals, variables and defaults of variables are the same values by then, of queries, mutations and subscriptions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from app.core.errors import InvalidInput, Problem
from app.core.validation.checks import storage_error

INPUT = "input"
"""The argument of mutations and plans, which is no part of the paths of its fields."""


def problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield every value among some arguments that can be neither kept nor looked for, with its path."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [
        (value, () if name == INPUT else (_name(name),)) for name, value in arguments.items()
    ]
    while waiting:
        value, path = waiting.pop()
        kind = type(value)
        if kind is list:
            waiting += [(one, (*path, str(index))) for index, one in enumerate(value)]
        elif kind is dict:
            waiting += [(one, (*path, name)) for name, one in value.items()]
            yield from (_problem(why, path) for name in value if (why := storage_error(name)))
        elif (why := storage_error(value)) is not None:
            yield _problem(why, path)
        elif is_dataclass(value):
            waiting += [(getattr(value, one.name), (*path, _name(one.name))) for one in fields(value)]


def _problem(why: str, path: tuple[str, ...]) -> Problem:
    return InvalidInput(message=why, path=path or (INPUT,))


def _name(name: str) -> str:
    return to_camel_case(name.rstrip("_"))
