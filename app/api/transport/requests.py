"""Operations as requests bring them, and what is known of them before they are executed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

from graphql import GraphQLError, OperationType
from starlette.requests import Request

from app.api.documents.prepared_document import PreparedDocument
from app.api.errors import translate_error
from app.api.request_codes import RequestCode, code_of_status
from app.api.schema import schema
from app.api.transport.request_bodies import (
    MAX_BODY,
    decode_envelope,
    decode_json,
    excess_of_body,
    excess_of_value,
    excess_of_variables,
    takes_graph,
)

JSON_TYPE = "application/json"
INVALID_JSON = "The request is not valid JSON in UTF-8."
MAX_NAME = 80
"""Characters of an operation's name that an error repeats."""


class BadRequestError(Exception):
    """The request holds no valid operation. `status` and `headers` are those of the response."""

    def __init__(
        self, status: int, message: str, headers: dict[str, str] | None = None, code: RequestCode | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.code = code or code_of_status(status)


class BatchError(BadRequestError):
    """The request holds a list of operations. `count` is their number."""

    def __init__(self, count: int) -> None:
        super().__init__(400, "The body is a list of operations. Send them one by one.")
        self.count = count


class NotPersistedError(Exception):
    """The request names its document by a hash. Clients know this message, and send the text then."""

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")
        self.code = RequestCode.PERSISTED_QUERY_NOT_SUPPORTED


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """An operation to execute. `name` chooses one of the document's operations."""

    text: str
    variables: dict[str, Any] | None = None
    name: str | None = None
    extensions: dict[str, Any] | None = None

    @property
    def document(self) -> PreparedDocument:
        """The parsed document, from the cache."""
        return schema.documents.get(self.text)

    def kind(self) -> OperationType | None:
        """Return whether it is a query, mutation or subscription; None when the document does not tell."""
        kinds = self.document.operation_types
        if self.name is None and len(kinds) > 1:
            return None
        return kinds.get(self.name) if self.name is not None else next(iter(kinds.values()), None)

    def error(self) -> GraphQLError | None:
        """Return why the document's syntax, or the operation's name, leaves nothing to execute; else None."""
        document = self.document
        if document.ast is None:
            return translate_error(document.errors[0])
        if not document.operation_types:
            return _resolution_error("The document has no operation. Add a query, mutation or subscription.")
        if self.name is not None and self.name not in document.operation_types:
            return _resolution_error(
                f"The document has no operation named “{self.name[:MAX_NAME]}”. Correct “operationName”."
            )
        return None


def _resolution_error(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": str(RequestCode.OPERATION_RESOLUTION_FAILURE)})


async def read_request(request: Request, method: str) -> GraphQLRequest:
    """Return the operation of an HTTP request. Raises BadRequestError, NotPersistedError."""
    if method == "GET":
        parameters: dict[str, Any] = dict(request.query_params)
        for name in ("variables", "extensions"):
            parameters[name] = _decode(parameters[name].encode()) if parameters.get(name) else None
        return await _checked(parameters)
    _check_content_type(request.headers.get("content-type", ""))
    data = await request.body()
    if len(data) > MAX_BODY:
        return await _read_large(data)
    body = _decode(data)
    if isinstance(body, list):
        raise BatchError(len(body))
    if not isinstance(body, dict):
        raise BadRequestError(400, "The body is not a JSON object. Send an object with a “query”.")
    return await _checked(body)


async def _read_large(data: bytes) -> GraphQLRequest:
    """Return the operation of a body beyond `MAX_BODY`, which must bring a graph. Raises BadRequestError."""
    try:
        envelope = decode_envelope(data)
    except JSONDecodeError:
        raise BadRequestError(400, INVALID_JSON) from None
    document = await schema.documents.load(envelope.query)
    if not takes_graph(schema._schema, document, envelope.operationName or None):
        raise BadRequestError(413, f"The body has more than {MAX_BODY} bytes. Only a graph of tasks may be larger.")
    excess = excess_of_body(data)
    if excess is not None:
        raise BadRequestError(413, excess)
    body = {"query": envelope.query, "operationName": envelope.operationName}
    await asyncio.sleep(0)
    body |= {"variables": _decode(bytes(envelope.variables)), "extensions": _decode(bytes(envelope.extensions))}
    return await _checked(body)


def _decode(data: bytes) -> Any:
    try:
        return decode_json(data)
    except JSONDecodeError:
        raise BadRequestError(400, INVALID_JSON) from None


def _check_content_type(header: str) -> None:
    type_, *parameters = [part.strip().lower() for part in header.split(";")]
    charsets = [part.partition("=")[2].strip("\"'") for part in parameters if part.startswith("charset=")]
    if type_ != JSON_TYPE or any(charset not in ("utf-8", "utf8") for charset in charsets):
        message = f"The Content-Type of the request is not supported. Send {JSON_TYPE} in UTF-8."
        raise BadRequestError(415, message)


def check_has_text(body: Mapping[str, Any]) -> None:
    """Raise NotPersistedError for a document named by hash, BadRequestError for one named by id."""
    extensions = body.get("extensions")
    if isinstance(extensions, dict) and extensions.get("persistedQuery") is not None:
        raise NotPersistedError
    if body.get("documentId") is not None:
        raise BadRequestError(
            400, "The “documentId” is not supported: no document is known by an id. Send its text as “query”."
        )


async def _checked(body: dict[str, Any]) -> GraphQLRequest:
    """Return the operation of a decoded body. Raises BadRequestError, NotPersistedError."""
    text, name = body.get("query"), body.get("operationName") or None
    if text is None:
        check_has_text(body)
    if not isinstance(text, str) or not text.strip():
        raise BadRequestError(400, "The “query” is missing. Send the text of a GraphQL document.")
    if not isinstance(body.get("operationName"), str | None):
        raise BadRequestError(400, "The “operationName” is not a string. Send a string or null.")
    for field in ("variables", "extensions"):
        if not isinstance(body.get(field), dict | None):
            raise BadRequestError(400, f"The “{field}” are not a JSON object. Send an object or null.")
    document = await schema.documents.load(text)
    excess = excess_of_variables(schema._schema, document, name, body.get("variables"))
    excess = excess or excess_of_value(body.get("extensions"))
    if excess is not None:
        raise BadRequestError(413, excess)
    return GraphQLRequest(text, body.get("variables"), name, body.get("extensions"))
