"""Validation of graphql-transport-ws messages from clients."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError

from app.api.transport.requests import BadRequestError, NotPersistedError, check_has_text

TYPES_WITH_ID = ("subscribe", "complete")
TYPES = ("connection_init", "ping", "pong", *TYPES_WITH_ID)
MAX_TYPE = 40
"""Characters of a message's type that an error repeats."""


def message_error(message: object) -> str | None:
    """Return why a message violates the protocol, None when it is valid."""
    if not isinstance(message, dict):
        return "The message is not a JSON object"
    type_ = message.get("type")
    if type_ not in TYPES:
        return f"The message type {str(type_)[:MAX_TYPE]!r} is not supported"
    if type_ in TYPES_WITH_ID and not (isinstance(message.get("id"), str) and message["id"]):
        return f"The “id” of {type_} must be a non-empty string"
    payload = message.get("payload")
    if type_ == "subscribe":
        return _subscribe_error(payload)
    if type_ in TYPES_WITH_ID or isinstance(payload, dict | None):
        return None
    return f"The “payload” of {type_} must be an object"


def _subscribe_error(payload: object) -> str | None:
    if not isinstance(payload, dict):
        return "The “payload” of subscribe must be an object"
    if not isinstance(payload.get("query"), str) and missing_text_error(payload) is None:
        return "The “query” of subscribe must be a string"
    if not isinstance(payload.get("operationName"), str | None):
        return "The “operationName” of subscribe must be a string or null"
    for name in ("variables", "extensions"):
        if not isinstance(payload.get(name), dict | None):
            return f"The “{name}” of subscribe must be an object or null"
    return None


def missing_text_error(payload: Mapping[str, Any]) -> GraphQLError | None:
    """Return the error for a payload that names its document by hash or id, None for other payloads."""
    try:
        if payload.get("query") is None:
            check_has_text(payload)
    except (NotPersistedError, BadRequestError) as error:
        return GraphQLError(str(error), extensions={"code": str(error.code)})
    return None


def without_nulls(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message without its null fields, which the library does not expect."""
    return {name: value for name, value in message.items() if value is not None}
