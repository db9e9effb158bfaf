"""Checks of single values: each yields every problem of a value, with the path of its field."""

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from app.core.errors import InvalidInput, Problem
from app.core.kubernetes import images
from app.core.template import MAX_VALUE
from app.core.texts import UNSTORABLE, first_invisible
from app.core.validation.job_option_checks import DNS_LABEL

FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")
LABEL_LENGTH = 63
MAX_SECONDS = 7 * 86_400
MAX_ATTEMPTS = 100
MAX_INSTANCES = 1000
MAX_URL = 2000
MAX_IMAGE = 1000
MAX_LIST = 1000
MAX_TEXT = MAX_VALUE
LARGEST = int(sys.float_info.max)
NOT_FINITE = f"A number must be finite: between -{sys.float_info.max:.2g} and {sys.float_info.max:.2g}."
NOT_STORABLE = "The text contains NUL or an unpaired surrogate."

Problems = Iterator[Problem]


def dns_label(value: str, *path: str) -> Problems:
    """Check a DNS label: lower case letters, digits and inner hyphens, up to 63 characters."""
    if len(value) > LABEL_LENGTH or not DNS_LABEL.fullmatch(value):
        yield InvalidInput(
            message=f"“{value[:80]}” is not a DNS label: use 1 to 63 lower case letters, digits and inner hyphens.",
            path=path,
        )


def display_name(value: str, limit: int, *path: str) -> Problems:
    """Check a name for people, in any script: one line, not blank, up to `limit` characters."""
    if not value.strip():
        yield InvalidInput(message="The value must not be empty.", path=path)
    elif len(value) > limit:
        yield InvalidInput(message=f"The value has {len(value)} characters; the limit is {limit}.", path=path)
    elif (character := first_invisible(value)) is not None:
        message = (
            f"The value contains U+{ord(character):04X}: remove control characters, line breaks and invisible "
            "characters."
        )
        yield InvalidInput(message=message, path=path)


def text(value: str | None, *path: str) -> Problems:
    """Check a text of several lines."""
    if value is not None and (UNSTORABLE.search(value) or len(value) > MAX_TEXT):
        yield InvalidInput(message=f"The text must have at most {MAX_TEXT} characters, without NUL.", path=path)


def reason(value: str, *path: str) -> Problems:
    """Check the reason that a person gives: not blank."""
    if not value.strip() or len(value) > MAX_TEXT or UNSTORABLE.search(value):
        message = f"Give a reason of 1 to {MAX_TEXT} characters without NUL: it is stored and shown."
        yield InvalidInput(message=message, path=path)


def storage_error(value: object) -> str | None:
    """Return why a single value cannot be stored as JSON and read back equal, or None.

    PostgreSQL stores neither NUL nor unpaired surrogates. Numbers must fit a double, whatever their notation.
    """
    if isinstance(value, str):
        return None if value.isascii() and "\0" not in value else UNSTORABLE.search(value) and NOT_STORABLE
    if isinstance(value, float):
        return None if math.isfinite(value) else NOT_FINITE
    return NOT_FINITE if isinstance(value, int) and abs(value) > LARGEST else None


def storable(value: object, *path: str) -> Problems:
    """Check any JSON value; only the first problem is reported."""
    pending = [value]
    while pending:
        item = pending.pop()
        error = storage_error(item)
        if error is not None:
            yield InvalidInput(message=error, path=path)
            return
        if type(item) is dict or isinstance(item, Mapping):
            pending += item
            pending += item.values()
        elif isinstance(item, list | tuple):
            pending += item


def list_size(values: Sequence[object] | None, *path: str) -> Problems:
    """Check the length of a list, such as one of a filter."""
    if values is not None and len(values) > MAX_LIST:
        yield InvalidInput(message=f"The list has {len(values)} items; the limit is {MAX_LIST}.", path=path)


def in_range(value: int, low: int, high: int, *path: str) -> Problems:
    """Check a number, or a count, against its bounds."""
    if not low <= value <= high:
        yield InvalidInput(message=f"{value} is out of range: use {low} to {high}.", path=path)


def http_url(value: str, *path: str) -> Problems:
    """Check an http or https URL with a host."""
    if len(value) > MAX_URL:
        yield InvalidInput(message=f"The URL has {len(value)} characters; the limit is {MAX_URL}.", path=path)
        return
    try:
        parts = urlsplit(value)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not UNSTORABLE.search(value)
    except ValueError:
        is_valid = False
    if not is_valid:
        yield InvalidInput(message=f"“{value[:200]}” is not a valid http or https URL.", path=path)


def image(value: str | None, *path: str) -> Problems:
    """Check a reference of a container image."""
    if value is None:
        return
    problems = list(display_name(value, MAX_IMAGE, *path))
    yield from problems
    if not problems and (fault := images.fault(value)) is not None:
        yield InvalidInput(message=f"“{value[:80]}” is not a valid image reference: {fault}.", path=path)
