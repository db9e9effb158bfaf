"""Reading fields of a request body, with refusals (422) that name the field."""

import unicodedata
from collections.abc import Mapping
from http import HTTPStatus

from shop_common.web import HttpError


def refuse(name: str, problem: str) -> HttpError:
    """The error that blames one field; the problem completes the sentence that its name begins."""
    return HttpError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} {problem}", about=name)


def text(body: Mapping[str, object], name: str, *, longest: int) -> str:
    """A text of 1 to `longest` characters, without blanks around it; any script and emoji, no control characters."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise refuse(name, "must be a text that is not empty")
    value = value.strip()
    if len(value) > longest:
        raise refuse(name, f"must have at most {longest} characters, not {len(value)}")
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise refuse(name, "must not hold control characters")
    return value


def whole(body: Mapping[str, object], name: str, *, least: int, most: int) -> int:
    """A whole number within bounds; true and 1.0 are not taken for 1."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(name, "must be a whole number")
    if not least <= value <= most:
        raise refuse(name, f"must be from {least} to {most}")
    return value


def objects(body: Mapping[str, object], name: str, *, most: int) -> list[Mapping[str, object]]:
    """A list of 1 to `most` objects."""
    value = body.get(name)
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise refuse(name, f"must be a list of 1 to {most} objects")
    if not all(isinstance(each, dict) for each in value):
        raise refuse(name, "must hold objects only")
    return value


def only(body: Mapping[str, object], *names: str) -> None:
    """Refuses fields that nobody reads: a misspelt optional field would be lost silently."""
    for name in body:
        if name not in names:
            raise refuse(name, f"is not a field here; there are {', '.join(names)}")
