"""What leads from what is there to what is declared, field by field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs, by its path. None: there is no such thing, or there shall be none."""

    field: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[Difference]:
    """Yield every field that differs; of objects within objects each field, of lists the whole."""
    for name in dict.fromkeys((*after, *before)):
        path, old, new = f"{prefix}{name}", before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{path}.")
        elif not same(old, new):
            yield Difference(path, old, new)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON: a number is what a double makes of it, and no number is a boolean."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) or isinstance(other, float):
        return isinstance(one, int | float) and isinstance(other, int | float) and float(one) == float(other)
    return bool(one == other)
