"""Finds values that no database can hold in the arguments of a root field, by their path.

At this point literals, variables and defaults of variables are the same values, in every kind of operation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from app.core.errors import InvalidInput, Problem
from app.core.validation.checks import storage_error

INPUT = "input"
"""The argument of mutations and plans. It is not part of the paths of its fields."""


Trail = tuple[Any, ...]
"""The path of a value from its end: the name, then the trail of what holds it. Most values need no path."""


def problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem, with its path, for every argument value that cannot be stored or searched for."""
    pending: list[tuple[Any, Trail]] = [
        (value, () if name == INPUT else (_field_name(name), ())) for name, value in arguments.items()
    ]
    while pending:
        value, trail = pending.pop()
        kind: Any = type(value)
        if kind is list:
            pending += [(item, (str(index), trail)) for index, item in enumerate(value)]
        elif kind is dict:
            pending += [(content, (name, trail)) for name, content in value.items()]
            yield from (_problem(message, trail) for name in value if (message := storage_error(name)))
        elif (message := storage_error(value)) is not None:
            yield _problem(message, trail)
        else:
            pending += [(getattr(value, attribute), (name, trail)) for attribute, name in _fields(kind)]


def _problem(message: str, trail: Trail) -> Problem:
    path: list[str] = []
    while trail:
        name, trail = trail
        path.append(name)
    return InvalidInput(message=message, path=tuple(reversed(path)) or (INPUT,))


@cache
def _fields(kind: Any) -> tuple[tuple[str, str], ...]:
    """Return the attributes of an input class with the names of their fields; none for other classes."""
    return tuple((field.name, _field_name(field.name)) for field in fields(kind)) if is_dataclass(kind) else ()


def _field_name(name: str) -> str:
    return to_camel_case(name.rstrip("_"))
