"""Codes of requests that are no operation, or none that can be run: as the clients of this ecosystem know them.

What an operation is refused for while it runs has a code of `ErrorCode`.
"""

from enum import StrEnum


class RequestCode(StrEnum):
    """Stable codes that clients may rely on."""

    PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    """The document is not GraphQL."""
    VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    """The document does not fit the schema."""
    BAD_USER_INPUT = "BAD_USER_INPUT"
    """A variable or an argument is not of its type."""
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    """It is not clear which operation of the document is meant."""
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    """The request names a document by its hash: its client sends the text then."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """The request has no valid token."""
    BAD_REQUEST = "BAD_REQUEST"
    """The request has not the form that it should have."""
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    """No encoding of the answer is accepted."""
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    TOO_LARGE = "TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    ORIGIN_NOT_ALLOWED = "ORIGIN_NOT_ALLOWED"
    """A page of an origin that the settings do not allow has sent it."""


OF_STATUS = {
    405: RequestCode.METHOD_NOT_ALLOWED,
    406: RequestCode.NOT_ACCEPTABLE,
    408: RequestCode.REQUEST_TIMEOUT,
    413: RequestCode.TOO_LARGE,
    415: RequestCode.UNSUPPORTED_MEDIA_TYPE,
}


def of_status(status: int) -> RequestCode:
    """Return the code that goes with the status of a request that is none."""
    return OF_STATUS.get(status, RequestCode.BAD_REQUEST)
