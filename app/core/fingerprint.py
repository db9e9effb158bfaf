"""What a command means, however it was spelt: the order of an object's keys and 1 for 1.0 make no difference."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any


def fingerprint(command: object) -> str:
    """Return a hash of what a command means. Fields that do not count for its comparison do not count here either."""
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
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if is_dataclass(value):
        counting = {one.name: _plain(getattr(value, one.name)) for one in fields(value) if one.compare}
        return [kind.__name__, counting]
    return str(value)
