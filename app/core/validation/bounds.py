"""Bounds of stored JSON values and of texts to search for."""

from collections.abc import Mapping

from app.core.errors import InvalidInput
from app.core.texts import UNSTORABLE
from app.core.validation.checks import Problems, storable

MAX_DEPTH = 40
"""Below the nesting limit of a request, so that a value that was read can be sent again."""
MAX_JSON = 1024 * 1024
"""Characters of all texts in a JSON value and items of all lists and objects, together."""
MAX_SEARCH = 1000


def json_value(value: object, *path: str) -> Problems:
    """Check a JSON value that is stored: its characters and numbers, its size and its depth."""
    pending, size = [(value, 0)], 0
    while pending:
        item, depth = pending.pop()
        error = None
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, Mapping | list | tuple):
            size += len(item)
            error = f"The value is nested too deeply; the limit is {MAX_DEPTH} levels." if depth >= MAX_DEPTH else None
            children = (*item, *item.values()) if isinstance(item, Mapping) else item
            pending += [(child, depth + 1) for child in children]
        if error is None and size > MAX_JSON:
            error = f"The value is too large: its texts and items together exceed {MAX_JSON}."
        if error is not None:
            yield InvalidInput(message=error, path=path)
            return
    yield from storable(value, *path)


def search(value: str | None, *path: str) -> Problems:
    """Check a text to search for."""
    if value is not None and (len(value) > MAX_SEARCH or UNSTORABLE.search(value)):
        yield InvalidInput(message=f"The text must have at most {MAX_SEARCH} characters, without NUL.", path=path)
