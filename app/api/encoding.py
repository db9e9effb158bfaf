"""How results and errors become JSON: the same bytes over every transport."""

import json
from typing import Any

import msgspec
from strawberry.types.execution import PreExecutionError

from app.api.request_codes import RequestCode
from app.core.errors import ErrorCode

Body = dict[str, Any]
_encode = msgspec.json.Encoder().encode


def result_body(result: Any) -> Body:
    """Return a result as a response body. A result that was not executed has no `data`."""
    body: Body = {} if isinstance(result, PreExecutionError) else {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if getattr(result, "extensions", None):
        body["extensions"] = result.extensions
    return body


def error_body(message: str, code: ErrorCode | RequestCode) -> Body:
    """Return a response body that holds one error and no data."""
    return {"errors": [{"message": message, "extensions": {"code": str(code)}}]}


def encode_body(body: object) -> bytes:
    """Return JSON in UTF-8 on one line. A body with a lone surrogate, which has no UTF-8, is ASCII."""
    try:
        return _encode(body)
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()
