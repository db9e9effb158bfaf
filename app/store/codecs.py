"""Conversion between rows and core values, with JSON columns checked against the core's types."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from app.store.database import Row

T = TypeVar("T")
encode_json = msgspec.json.Encoder().encode


def dump(value: Any) -> str:
    """Return a core value as JSON text for a `jsonb` parameter."""
    return encode_json(value).decode()


def plain(value: Any) -> Any:
    """Return a core value as dicts, lists and scalars, for a model's JSON field."""
    return msgspec.to_builtins(value)


def reader(to: type[T], *json_columns: str) -> Callable[[Row], T]:
    """Return a function that makes a core value of a row; its `json_columns` are JSON text."""

    def read(row: Row) -> T:
        values = dict(row)
        for column in json_columns:
            if values[column] is not None:
                values[column] = msgspec.json.decode(values[column])
        return msgspec.convert(values, to)

    return read


def json_reader(to: Any) -> Callable[[str | None], Any]:
    """Return a function that makes a core value of JSON text, and None of None."""
    decode = msgspec.json.Decoder(to).decode
    return lambda text: None if text is None else decode(text)
