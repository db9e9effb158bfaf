"""Column lists of SQL statements and rows of models, derived from the fields of core values."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from app.store.codecs import plain


def names_of(kind: Any, *, but: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of a dataclass's fields, except those in `but`."""
    return tuple(field.name for field in dataclasses.fields(kind) if field.name not in but)


def select_list(names: Iterable[str], *, alias: str = "", columns: Mapping[str, str] | None = None) -> str:
    """Return a SELECT list. `columns` maps the names of fields to the columns that are called otherwise."""
    prefix, columns = f"{alias}." if alias else "", columns or {}
    return ", ".join(f"{prefix}{columns[name]} AS {name}" if name in columns else f"{prefix}{name}" for name in names)


def json_object(alias: str, names: Iterable[str]) -> str:
    """Return an expression that builds a JSON object of columns."""
    pairs = ", ".join(f"'{name}', {alias}.{name}" for name in names)
    return f"json_build_object({pairs})"


def assignments(names: Iterable[str], first: int) -> str:
    """Return the SET list of an UPDATE whose parameters begin with number `first`."""
    return ", ".join(f"{name} = ${number}" for number, name in enumerate(names, first))


def row_of(
    value: Any, names: Iterable[str], *, json: Collection[str] = (), columns: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the row of a core value for a model: its fields by column, those in `json` as plain JSON."""
    columns = columns or {}
    return {
        columns.get(name, name): plain(getattr(value, name)) if name in json else getattr(value, name) for name in names
    }
