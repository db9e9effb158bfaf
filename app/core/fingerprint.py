"""Fingerprints of commands, independent of their notation: of the order of keys, and of 1 or 1.0."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any


def fingerprint(command: object) -> str:
    """Return a hash of the meaning of a command. Dataclass fields with compare=False do not count."""
    text = json.dumps(_plain(command), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is float:
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(name): _plain(content) for name, content in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if is_dataclass(value):
        compared = {field.name: _plain(getattr(value, field.name)) for field in fields(value) if field.compare}
        return [kind.__name__, compared]
    return str(value)
