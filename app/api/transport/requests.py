"""An operation as a request brings it, and what can be told of it before it is run."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

from graphql import GraphQLError, OperationType
from starlette.requests import Request

from app.api.documents.prepared_document import PreparedDocument
from app.api.errors import translate_error
from app.api.request_codes import RequestCode, of_status
from app.api.schema import schema
from app.api.transport.request_bodies import (
    MAX_BODY,
    decoded,
    fault_of_form,
    opened,
    takes_graph,
    too_many_values,
    too_much,
)

JSON = "application/json"
NO_JSON = "This is no JSON in UTF-8."


class BadRequestError(Exception):
    """The request is none that can be run. `status` is that of its answer, `headers` go with it."""

    def __init__(
        self, status: int, message: str, headers: dict[str, str] | None = None, code: RequestCode | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.code = code or of_status(status)


class BatchError(BadRequestError):
    """The request holds a list of operations, of so many."""

    def __init__(self, operations: int) -> None:
        super().__init__(400, "One request holds one operation: send those of a list one by one.")
        self.operations = operations


class NotPersistedError(Exception):
    """The request names its document by a hash. Clients that do so know the answer, and send the text then."""

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")
        self.code = RequestCode.PERSISTED_QUERY_NOT_SUPPORTED


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What is to be run. `name` says which of the document's operations, where it has several."""

    text: str
    variables: dict[str, Any] | None = None
    name: str | None = None
    extensions: dict[str, Any] | None = None

    @property
    def document(self) -> PreparedDocument:
        """What is known of the document."""
        return schema.documents.get(self.text)

    def kind(self) -> OperationType | None:
        """Return whether it reads, writes or subscribes; None when the document can not tell."""
        found = self.document.operation_types
        if self.name is None and len(found) > 1:
            return None
        return found.get(self.name) if self.name is not None else next(iter(found.values()), None)

    def fault(self) -> GraphQLError | None:
        """Return why the document holds nothing to run, in so far as its form tells; None when nothing is wrong."""
        document = self.document
        if document.ast is None:
            return translate_error(document.errors[0])
        if not document.operation_types:
            return _unresolved("The document has no operation.")
        if self.name is not None and self.name not in document.operation_types:
            return _unresolved(f"The document has no operation named “{self.name[:80]}”.")
        return None


def _unresolved(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": str(RequestCode.OPERATION_RESOLUTION_FAILURE)})


async def read(request: Request, method: str) -> GraphQLRequest:
    """Return the operation of a request. Raises BadRequestError when it holds none, or too much, NotPersistedError."""
    if method == "GET":
        parameters: dict[str, Any] = dict(request.query_params)
        for name in ("variables", "extensions"):
            parameters[name] = decode(parameters[name].encode()) if parameters.get(name) else None
        return await _operation(parameters)
    _check_content_type(request.headers.get("content-type", ""))
    data = await request.body()
    if len(data) > MAX_BODY:
        return await _large(data)
    body = decode(data)
    if isinstance(body, list):
        raise BatchError(len(body))
    if not isinstance(body, dict):
        raise BadRequestError(400, "The body is a JSON object with a “query”.")
    return await _operation(body)


async def _large(data: bytes) -> GraphQLRequest:
    """Return the operation of a body that is larger than others, as it brings a graph. Raises BadRequestError."""
    try:
        envelope = opened(data)
    except JSONDecodeError:
        raise BadRequestError(400, NO_JSON) from None
    document = await schema.documents.load(envelope.query)
    if not takes_graph(schema._schema, document, envelope.operationName or None):
        raise BadRequestError(413, f"A request has at most {MAX_BODY} bytes, unless it brings a graph of tasks.")
    fault = fault_of_form(data)
    if fault is not None:
        raise BadRequestError(413, fault)
    given = {"query": envelope.query, "operationName": envelope.operationName}
    await asyncio.sleep(0)
    given |= {"variables": decode(bytes(envelope.variables)), "extensions": decode(bytes(envelope.extensions))}
    return await _operation(given)


def decode(data: bytes) -> Any:
    """Return what JSON holds. Raises BadRequestError when it is none."""
    try:
        return decoded(data)
    except JSONDecodeError:
        raise BadRequestError(400, NO_JSON) from None


def _check_content_type(header: str) -> None:
    type_, *parameters = [part.strip().lower() for part in header.split(";")]
    charsets = [part.partition("=")[2].strip("\"'") for part in parameters if part.startswith("charset=")]
    if type_ != JSON or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise BadRequestError(415, f"The body of a request is {JSON} in UTF-8, and its Content-Type says so.")


def check_text(given: Mapping[str, Any]) -> None:
    """Look at an operation without its text. Raises NotPersistedError, and BadRequestError where it has but an id."""
    extensions = given.get("extensions")
    if isinstance(extensions, dict) and extensions.get("persistedQuery") is not None:
        raise NotPersistedError
    if given.get("documentId") is not None:
        raise BadRequestError(400, "No document is known by an id: send its text as the “query”.")


async def _operation(given: dict[str, Any]) -> GraphQLRequest:
    text, name = given.get("query"), given.get("operationName") or None
    if text is None:
        check_text(given)
    if not isinstance(text, str) or not text.strip():
        raise BadRequestError(400, "There is no “query”: it is the text of a GraphQL document.")
    if not isinstance(given.get("operationName"), str | None):
        raise BadRequestError(400, "The “operationName” is a string, or null.")
    for field in ("variables", "extensions"):
        if not isinstance(given.get(field), dict | None):
            raise BadRequestError(400, f"The “{field}” are a JSON object, or null.")
    document = await schema.documents.load(text)
    fault = too_many_values(schema._schema, document, name, given.get("variables")) or too_much(given.get("extensions"))
    if fault is not None:
        raise BadRequestError(413, fault)
    return GraphQLRequest(text, given.get("variables"), name, given.get("extensions"))
