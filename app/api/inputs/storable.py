"""Finds values that no database can hold in the arguments of a root field, by their path.

At this point literals, variables and defaults of variables are the same values, in every kind of operation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from app.core.errors import InvalidInput, Problem
from app.core.validation.checks import storage_error

INPUT = "input"
"""The argument of mutations and plans. It is not part of the paths of its fields."""


def problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem, with its path, for every argument value that cannot be stored or searched for."""
    pending: list[tuple[Any, tuple[str, ...]]] = [
        (value, () if name == INPUT else (_field_name(name),)) for name, value in arguments.items()
    ]
    while pending:
        value, path = pending.pop()
        kind = type(value)
        if kind is list:
            pending += [(item, (*path, str(index))) for index, item in enumerate(value)]
        elif kind is dict:
            pending += [(content, (*path, name)) for name, content in value.items()]
            yield from (_problem(message, path) for name in value if (message := storage_error(name)))
        elif (message := storage_error(value)) is not None:
            yield _problem(message, path)
        elif is_dataclass(value):
            pending += [(getattr(value, field.name), (*path, _field_name(field.name))) for field in fields(value)]


def _problem(message: str, path: tuple[str, ...]) -> Problem:
    return InvalidInput(message=message, path=path or (INPUT,))


def _field_name(name: str) -> str:
    return to_camel_case(name.rstrip("_"))
