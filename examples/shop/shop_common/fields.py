"""Reads the fields of a request body. An invalid field is an error (422) that names it."""

import unicodedata
from collections.abc import Mapping
from http import HTTPStatus

from shop_common.web import HttpError


def field_error(name: str, problem: str) -> HttpError:
    """Returns the error for a field; its message is the name of the field and the problem."""
    return HttpError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} {problem}", about=name)


def text(body: Mapping[str, object], name: str, *, longest: int) -> str:
    """Returns a text of 1 to `longest` characters, stripped, without control characters."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise field_error(name, "must be a non-empty text")
    value = value.strip()
    if len(value) > longest:
        raise field_error(name, f"must have at most {longest} characters, not {len(value)}")
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise field_error(name, "must not contain control characters")
    return value


def whole(body: Mapping[str, object], name: str, *, least: int, most: int) -> int:
    """Returns a whole number within bounds; true and 1.0 are not whole numbers."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise field_error(name, "must be a whole number")
    if not least <= value <= most:
        raise field_error(name, f"must be from {least} to {most}")
    return value


def objects(body: Mapping[str, object], name: str, *, most: int) -> list[Mapping[str, object]]:
    """Returns a list of 1 to `most` objects."""
    value = body.get(name)
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise field_error(name, f"must be a list of 1 to {most} objects")
    if not all(isinstance(item, dict) for item in value):
        raise field_error(name, "must contain only objects")
    return value


def only(body: Mapping[str, object], *names: str) -> None:
    """Refuses unknown fields: a misspelt optional field would be ignored silently."""
    for name in body:
        if name not in names:
            raise field_error(name, f"is not a known field; the fields are {', '.join(names)}")
