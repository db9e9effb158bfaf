"""Between rows and core values: JSON columns in and out, checked against the types of the core."""

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
    """Return a function that makes a core value of a row whose `json_columns` come as JSON text."""

    def read(row: Row) -> T:
        values = dict(row)
        for column in json_columns:
            if values[column] is not None:
                values[column] = msgspec.json.decode(values[column])
        return msgspec.convert(values, to)

    return read


def json_reader(to: Any) -> Callable[[str | None], Any]:
    """Return a function that makes a core value, or None, of JSON text."""
    decode = msgspec.json.Decoder(to).decode
    return lambda text: None if text is None else decode(text)
