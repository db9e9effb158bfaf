"""Scalars: times, JSON values, and cursors, which are opaque to clients."""

import base64
import binascii
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from app.core.errors import InvalidInput, Refused
from app.core.texts import UNSTORABLE

Cursor = NewType("Cursor", str)
JSON = NewType("JSON", object)
MAX_NUMBER = 2**63 - 1
MAX_CURSOR = 1000
MAX_CACHED_TIMES = 32_768


@lru_cache(maxsize=MAX_CACHED_TIMES)
def format_time(value: datetime) -> str:
    """Return a time as ISO 8601 in UTC with microseconds."""
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return f"{utc.isoformat(timespec='microseconds')[:-6]}Z"


def parse_time(value: Any) -> datetime:
    """Return the time that a client sent. Raises GraphQLError if it is not a time with an offset."""
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            raise GraphQLError(f"“{value[:80]}” is not an ISO 8601 time.") from None
        try:
            if time.tzinfo is not None:
                return time.astimezone(UTC)
        except OverflowError:
            raise GraphQLError(f"“{value[:80]}” is outside the range of supported dates.") from None
    raise GraphQLError("A DateTime is ISO 8601 with a time zone, such as 2026-03-29T12:00:00Z.")


def encode_cursor(kind: str, position: str | int) -> Cursor:
    """Return the opaque cursor of a position in a kind of list."""
    if isinstance(position, int):
        return encode_number_cursor(kind, position)
    return Cursor(base64.urlsafe_b64encode(f"{kind}:{position}".encode()).decode().rstrip("="))


def encode_number_cursor(kind: str, position: int) -> Cursor:
    """Return the cursor of a numbered list.

    Its text needs no URL-safe alphabet, so the faster encoder serves.
    """
    return Cursor(binascii.b2a_base64(b"%s:%d" % (kind.encode(), position), newline=False).decode().rstrip("="))


def decode_cursor(kind: str, value: str | None, argument: str) -> str | None:
    """Return the position in a cursor of this kind. Raises Refused for any other text."""
    if value is None:
        return None
    if len(value) > MAX_CURSOR:
        message = f"A cursor has at most {MAX_CURSOR} characters. Use a cursor that this list returned."
        raise Refused(InvalidInput(message=message, path=(argument,)))
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    cursor_kind, _, position = text.partition(":")
    if cursor_kind != kind or not position or UNSTORABLE.search(position):
        message = f"“{value[:80]}” is not a cursor of this list. Use a cursor that this list returned."
        raise Refused(InvalidInput(message=message, path=(argument,)))
    return position


def decode_number_cursor(kind: str, value: str | None, argument: str) -> int | None:
    """Return the number in a cursor of a numbered list. Raises Refused."""
    position = decode_cursor(kind, value, argument)
    if position is None:
        return None
    if not position.isdecimal() or len(position) > len(str(MAX_NUMBER)) or int(position) > MAX_NUMBER:
        message = f"“{value}” is not a cursor of this list. Use a cursor that this list returned."
        raise Refused(InvalidInput(message=message, path=(argument,)))
    return int(position)


SCALARS: dict[object, ScalarDefinition] = {
    Cursor: strawberry.scalar(
        name="Cursor",
        description="An opaque position in a list or feed. Send it back unchanged to continue from there.",
        serialize=str,
        parse_value=str,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time in ISO 8601. Output is in UTC with microseconds. Input needs an offset, which may be any.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=format_time,
        parse_value=parse_time,
    ),
}
