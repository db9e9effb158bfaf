"""GraphQL over HTTP: what a request is answered with, in which encoding, under which status.

https://graphql.github.io/graphql-over-http tells the statuses: with `application/json` every well-formed request has
a 200, with `application/graphql-response+json` one that could not be run has a 400. A stream begins with a 200 either
way.
"""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec
from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType as Allowed

from app.api.authentication import TokenCache, unauthenticated
from app.api.context import Context, address_of
from app.api.errors import as_graphql_error, translate_error
from app.api.feeds.hub import AccessLostError, FeedHub, NotSharedError
from app.api.feeds.shared_operation import shared_operation
from app.api.request_codes import RequestCode
from app.api.schema import schema
from app.api.transport.compression import LARGE_BYTES, accepts_gzip, compressed
from app.api.transport.connection_limits import ConnectionLimits, TooManyConnectionsError
from app.api.transport.negotiation import MAX_HEADER, Accepted, Media, accepted
from app.api.transport.requests import BadRequestError, BatchError, GraphQLRequest, NotPersistedError, read
from app.api.transport.streaming import streamed
from app.core.errors import ErrorCode, Refused
from app.core.roles import Role

Body = dict[str, Any]
Bodies = Body | list[Body]
_encode = msgspec.json.Encoder().encode
METHODS = ("GET", "POST")
MAX_TOLD = 100
"""Operations of a list that are refused one by one."""


async def answer(
    request: Request, new_context: Callable[..., Context], live: FeedHub, seats: ConnectionLimits, tokens: TokenCache
) -> Response:
    """Return the answer to a request whose token was checked; of one that writes it is checked as it is now."""
    choices = accepted(request.headers.get("accept", "*/*")[:MAX_HEADER])
    try:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in METHODS:
            raise BadRequestError(405, "Send an operation by GET or POST.", {"Allow": ", ".join(METHODS)})
        operation = await read(request, method)
        kind = operation.kind()
        if kind is OperationType.MUTATION and method == "GET":
            raise BadRequestError(405, "A GET request changes nothing: send mutations by POST.", {"Allow": "POST"})
        media = choices.choose(subscription=kind is OperationType.SUBSCRIPTION)
        if media is None:
            raise BadRequestError(406, f"Accept one of {', '.join(Media)}; subscriptionSpec=1.0.")
        scope = request.scope
        principal = scope["principal"]
        if kind is OperationType.MUTATION:
            principal = await tokens.principal(scope["secret"], scope["since"])
            if principal is None:
                return unauthenticated()
        made = new_context(principal, scope["secret"], address=address_of(scope))
        if media.streams:
            actor_id = made.viewer.actor.id
            seats.check(actor_id)
            payloads = partial(_payloads, operation, made, live, method)
            return streamed(lambda: _seated(seats, actor_id, payloads()), media, scope)
        made.single_result = True
        return await _fitted(await _document(operation, made, method, media), request)
    except TooManyConnectionsError as many:
        return _encoded(refusal(str(many)), choices.document or Media.JSON, 429)
    except Refused as refused:
        return _encoded(refusal(str(refused), refused.problems[0].code), choices.document or Media.JSON)
    except BatchError as batch:
        return _each_refused(batch, choices.document or Media.JSON)
    except BadRequestError as bad:
        return _encoded(refusal(bad.message, bad.code), choices.document or Media.JSON, bad.status, bad.headers)
    except NotPersistedError as unknown:
        return _told(refusal(str(unknown), unknown.code), choices, request.scope)
    except Exception as error:
        body: Body = {"errors": [translate_error(as_graphql_error(error)).formatted]}
        return _encoded(body, choices.document or Media.JSON, 500)


async def _document(operation: GraphQLRequest, made: Context, method: Any, media: Media) -> Response:
    """Return the answer that is one result. Raises BadRequestError when no operation was meant."""
    known = (operation.text, operation.name)
    result: Any = await schema.execute_prepared(known, operation.variables, made, operation.extensions)
    if result is None:
        result = await _executed(operation, made, method)
    made.refresh()
    body = result_body(result)
    if media is Media.GRAPHQL and isinstance(result, PreExecutionError):
        return _encoded(body, media, 500 if _is_our_fault(result) else 400)
    return _encoded(body, media)


async def _executed(operation: GraphQLRequest, made: Context, method: Any) -> Any:
    try:
        return await schema.execute(
            operation.text,
            variable_values=operation.variables,
            context_value=made,
            operation_name=operation.name,
            operation_extensions=operation.extensions,
            allowed_operation_types=Allowed.from_http(method),
        )
    except CannotGetOperationTypeError as error:
        code = RequestCode.OPERATION_RESOLUTION_FAILURE
        raise BadRequestError(400, error.as_http_error_reason(), code=code) from error
    except InvalidOperationTypeError as error:
        raise BadRequestError(405, error.as_http_error_reason(method), {"Allow": "POST"}) from error


async def _seated(
    seats: ConnectionLimits, actor_id: str, payloads: AsyncGenerator[str, None]
) -> AsyncGenerator[str, None]:
    """Yield the payloads, and count as a live connection meanwhile."""
    with seats.taken(actor_id):
        async with aclosing(payloads):
            async for payload in payloads:
                yield payload


async def _payloads(operation: GraphQLRequest, made: Context, live: FeedHub, method: Any) -> AsyncGenerator[str, None]:
    """Yield every result, encoded; a subscription that others follow as well is executed once for all of them."""
    fault = operation.fault()
    if fault is not None:
        yield encode({"errors": [fault.formatted]})
        return
    found = shared_operation(operation.text, operation.variables, operation.name)
    if found is not None and made.secret is not None and made.viewer.allows_somewhere(Role.VIEWER):
        try:
            async with aclosing(live.read(found[0], made.viewer, made.secret, found[1])) as shared:
                async for payload in shared:
                    yield payload.decode()
            return
        except NotSharedError as refused:
            operation = GraphQLRequest(found[0].text, found[0].given(refused.position), operation.name)
        except AccessLostError:
            yield encode({"data": None} | refusal("Your token is not valid any more.", ErrorCode.FORBIDDEN))
            return
    results = await schema.stream(
        operation.text,
        variable_values=operation.variables,
        context_value=made,
        operation_name=operation.name,
        operation_extensions=operation.extensions,
        allowed_operation_types=Allowed.from_http(method),
    )
    async with aclosing(results):
        async for result in results:
            yield encode(result_body(result))


def result_body(result: Any) -> Body:
    """Return a result as clients see it: of what was not run there is no data."""
    body: Body = {} if isinstance(result, PreExecutionError) else {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if getattr(result, "extensions", None):
        body["extensions"] = result.extensions
    return body


def refusal(message: str, code: ErrorCode | RequestCode = ErrorCode.INVALID) -> Body:
    """Return what says why there is no result."""
    return {"errors": [{"message": message, "extensions": {"code": str(code)}}]}


def encode(body: Bodies) -> str:
    """Return JSON in one line, which spells whatever is no character of its own."""
    return json.dumps(body, separators=(",", ":"))


def _each_refused(batch: BatchError, media: Media) -> Response:
    """Return the refusal of a list: to clients that would show nothing else, a list as long."""
    body = refusal(batch.message, batch.code)
    listed = media is Media.GRAPHQL and 0 < batch.operations <= MAX_TOLD
    return _encoded([body] * batch.operations if listed else body, media, batch.status)


def _told(body: Body, choices: Accepted, scope: Scope) -> Response:
    """Return the answer to a request whose kind is not known, in the encoding that is wanted most."""

    async def payloads() -> AsyncGenerator[str, None]:
        yield encode(body)

    media = choices.choose(subscription=False) or choices.stream or Media.JSON
    return streamed(payloads, media, scope) if media.streams else _encoded(body, media)


async def _fitted(response: Response, request: Request) -> Response:
    """Return an answer, compressed where it is large and its client accepts that."""
    if len(response.body) >= LARGE_BYTES:
        response.headers.add_vary_header("Accept-Encoding")
        if accepts_gzip(request.headers.get("accept-encoding", "")[:MAX_HEADER]):
            response.body = await compressed(bytes(response.body))
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))
    return response


def _encoded(body: Bodies, media: Media, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_bytes(body), status, headers, media_type=f"{media}; charset=utf-8")


def _bytes(body: Bodies) -> bytes:
    """Return JSON in UTF-8; half a character, which has no bytes there, is spelt."""
    try:
        return _encode(body)
    except UnicodeEncodeError:
        return encode(body).encode()


def _is_our_fault(result: Any) -> bool:
    errors: list[GraphQLError] = result.errors or []
    return any((error.extensions or {}).get("code") == "INTERNAL" for error in errors)
