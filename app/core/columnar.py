"""Thousands of values at once."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")
Columns = Mapping[str, Sequence[Any]]
"""Values of the fields of many objects, by the fields' names."""


def filled(to: type[T], columns: Columns) -> list[T]:
    """Return values of a frozen dataclass with slots, of a column for each of its fields.

    Calling the class for each, which sets field by field as well, takes four times as long. What the columns hold is
    not checked. Raises TypeError where they are not just the fields.
    """
    if columns.keys() != to.__dataclass_fields__.keys():  # type: ignore[attr-defined]
        raise TypeError(f"these are not the fields of {to.__name__}: {', '.join(columns)}")
    made = [object.__new__(to) for _ in next(iter(columns.values()))]
    for name, values in columns.items():
        deque(map(getattr(to, name).__set__, made, values), maxlen=0)
    return made


def columns_of(objects: Sequence[object], names: Iterable[str]) -> dict[str, Sequence[Any]]:
    """Return columns of the named attributes."""
    return {name: list(map(attrgetter(name), objects)) for name in names}
