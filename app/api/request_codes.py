"""Codes of requests that cannot be executed, as clients of GraphQL servers know them.

Errors of operations that are executed have a code of `ErrorCode`.
"""

from enum import StrEnum


class RequestCode(StrEnum):
    """Stable codes that clients may rely on."""

    PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    """The document is not GraphQL."""
    VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    """The document does not fit the schema."""
    BAD_USER_INPUT = "BAD_USER_INPUT"
    """A variable or an argument does not have its type."""
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    """The document has no such operation, or has several and the request names none."""
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    """The request names its document by a hash. Its client then sends the text."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """The request has no valid token."""
    BAD_REQUEST = "BAD_REQUEST"
    """The request is not a GraphQL request."""
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    """The HTTP method does not allow the operation."""
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    """The Accept header admits no available media type."""
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    """The request took too long to arrive."""
    TOO_LARGE = "TOO_LARGE"
    """The request, its document or its variables exceed a limit."""
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    """The Content-Type of the request is not supported."""
    ORIGIN_NOT_ALLOWED = "ORIGIN_NOT_ALLOWED"
    """The request comes from a page of an origin that the settings do not allow."""


CODE_BY_STATUS = {
    405: RequestCode.METHOD_NOT_ALLOWED,
    406: RequestCode.NOT_ACCEPTABLE,
    408: RequestCode.REQUEST_TIMEOUT,
    413: RequestCode.TOO_LARGE,
    415: RequestCode.UNSUPPORTED_MEDIA_TYPE,
}


def code_of_status(status: int) -> RequestCode:
    """Return the code of a request that is answered with an HTTP status."""
    return CODE_BY_STATUS.get(status, RequestCode.BAD_REQUEST)
