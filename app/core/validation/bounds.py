"""Bounds of what is only kept or looked for: JSON values of people's own, and texts to search for."""

from collections.abc import Mapping

from app.core.errors import InvalidInput
from app.core.texts import UNSTORABLE
from app.core.validation.checks import Problems, storable

MAX_DEPTH = 40
"""Less than a request may be nested: what is read can be sent again, with all that stands around it."""
MAX_JSON = 1024 * 1024
"""Characters of all texts in a JSON value and items of all lists and objects, together."""
MAX_SEARCH = 1000


def json_value(value: object, *path: str) -> Problems:
    """A JSON value that is kept: storable, and of some size and depth."""
    waiting, size = [(value, 0)], 0
    while waiting:
        one, depth = waiting.pop()
        why = None
        if isinstance(one, str):
            size += len(one)
        elif isinstance(one, Mapping | list | tuple):
            size += len(one)
            why = f"It is nested more than {MAX_DEPTH} deep." if depth >= MAX_DEPTH else None
            below = (*one, *one.values()) if isinstance(one, Mapping) else one
            waiting += [(each, depth + 1) for each in below]
        if why is None and size > MAX_JSON:
            why = f"Its texts and items are more than {MAX_JSON} together."
        if why is not None:
            yield InvalidInput(message=why, path=path)
            return
    yield from storable(value, *path)


def search(value: str | None, *path: str) -> Problems:
    """A text to look for."""
    if value is not None and (len(value) > MAX_SEARCH or UNSTORABLE.search(value)):
        yield InvalidInput(message=f"It takes at most {MAX_SEARCH} characters, without NUL.", path=path)
