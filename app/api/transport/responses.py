"""GraphQL over HTTP: which response a request gets, in which media type and with which status.

https://graphql.github.io/graphql-over-http defines the statuses. With `application/json` every well-formed request has
a 200; with `application/graphql-response+json` a request that could not be executed has a 400. A stream begins with a
200 in either case.
"""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType as AllowedTypes

from app.api.authentication import unauthenticated
from app.api.context import ApiRuntime, Context, address_of
from app.api.encoding import Body, encode_body, error_body, result_body
from app.api.errors import as_graphql_error, translate_error
from app.api.feeds.hub import FeedHub
from app.api.request_codes import RequestCode
from app.api.schema import schema
from app.api.transport.compression import LARGE_BYTES, accepts_gzip, compress
from app.api.transport.connection_limits import ConnectionLimits, TooManyConnectionsError
from app.api.transport.negotiation import MAX_HEADER, Accepted, Media, accepted
from app.api.transport.requests import BadRequestError, BatchError, GraphQLRequest, NotPersistedError, read_request
from app.api.transport.result_stream import counted, results
from app.api.transport.streaming import stream_response
from app.core.errors import ErrorCode, Refused

METHODS = ("GET", "POST")
MAX_BATCH_ERRORS = 100
"""Operations of a list that are refused one by one."""


class Responder:
    """Answers the HTTP requests of one API process."""

    def __init__(self, api: ApiRuntime, hub: FeedHub, limits: ConnectionLimits) -> None:
        self._api = api
        self._hub = hub
        self._limits = limits

    async def respond(self, request: Request) -> Response:
        """Return the response to a request with a valid token."""
        choices = accepted(request.headers.get("accept", "*/*")[:MAX_HEADER])
        media = choices.document or Media.JSON
        try:
            return await self._respond(request, choices)
        except TooManyConnectionsError as error:
            return _encoded(error_body(str(error), ErrorCode.INVALID), media, 429)
        except Refused as error:
            return _encoded(error_body(str(error), error.problems[0].code), media)
        except BatchError as error:
            return _batch_response(error, media)
        except BadRequestError as error:
            return _encoded(error_body(error.message, error.code), media, error.status, error.headers)
        except NotPersistedError as error:
            return _response_of_any_kind(error_body(str(error), error.code), choices, request.scope)
        except Exception as error:
            body: Body = {"errors": [translate_error(as_graphql_error(error)).formatted]}
            return _encoded(body, media, 500)

    async def _respond(self, request: Request, choices: Accepted) -> Response:
        method = _method_of(request)
        operation = await read_request(request, method)
        kind = operation.kind()
        media = _media_of(kind, method, choices)
        principal = request.scope["principal"]
        if kind is OperationType.MUTATION:
            principal = await self._api.tokens.principal(request.scope["secret"], request.scope["since"])
            if principal is None:
                return unauthenticated()
        context = self._api.context(principal, request.scope["secret"], address_of(request.scope))
        if media.streams:
            return self._stream(operation, context, media, request.scope, method)
        context.single_result = True
        return await _compressed(await _document(operation, context, method, media), request)

    def _stream(self, operation: GraphQLRequest, context: Context, media: Media, scope: Scope, method: Any) -> Response:
        """Return a response that streams results. Raises TooManyConnectionsError."""
        actor_id = context.viewer.actor.id
        self._limits.check(actor_id)
        payloads = partial(results, operation, context, self._hub, method)
        return stream_response(lambda: counted(self._limits, actor_id, payloads()), media, scope)


def _method_of(request: Request) -> str:
    """Return the HTTP method, GET for HEAD. Raises BadRequestError."""
    method = "GET" if request.method == "HEAD" else request.method
    if method not in METHODS:
        message = f"{method} is not supported. Send an operation by GET or POST."
        raise BadRequestError(405, message, {"Allow": ", ".join(METHODS)})
    return method


def _media_of(kind: OperationType | None, method: str, choices: Accepted) -> Media:
    """Return the media type of the response to an operation. Raises BadRequestError."""
    if kind is OperationType.MUTATION and method == "GET":
        raise BadRequestError(405, "A GET request cannot change data. Send mutations by POST.", {"Allow": "POST"})
    media = choices.choose(subscription=kind is OperationType.SUBSCRIPTION)
    if media is None:
        types = f"{', '.join(Media)}; subscriptionSpec=1.0"
        raise BadRequestError(406, f"The Accept header admits no available media type. Accept one of {types}.")
    return media


async def _document(operation: GraphQLRequest, context: Context, method: Any, media: Media) -> Response:
    """Return the response with the one result of an operation. Raises BadRequestError."""
    key = (operation.text, operation.name)
    result: Any = await schema.execute_prepared(key, operation.variables, context, operation.extensions)
    if result is None:
        result = await _execute(operation, context, method)
    context.refresh()
    body = result_body(result)
    if media is Media.GRAPHQL and isinstance(result, PreExecutionError):
        return _encoded(body, media, 500 if _is_internal(result) else 400)
    return _encoded(body, media)


async def _execute(operation: GraphQLRequest, context: Context, method: Any) -> Any:
    try:
        return await schema.execute(
            operation.text,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
            operation_extensions=operation.extensions,
            allowed_operation_types=AllowedTypes.from_http(method),
        )
    except CannotGetOperationTypeError as error:
        code = RequestCode.OPERATION_RESOLUTION_FAILURE
        raise BadRequestError(400, error.as_http_error_reason(), code=code) from error
    except InvalidOperationTypeError as error:
        raise BadRequestError(405, error.as_http_error_reason(method), {"Allow": "POST"}) from error


def _is_internal(result: Any) -> bool:
    errors: list[GraphQLError] = result.errors or []
    return any((error.extensions or {}).get("code") == "INTERNAL" for error in errors)


def _batch_response(error: BatchError, media: Media) -> Response:
    """Return the refusal of a list of operations: as a list of its length for clients that expect one."""
    body = error_body(error.message, error.code)
    is_listed = media is Media.GRAPHQL and 0 < error.count <= MAX_BATCH_ERRORS
    return _encoded([body] * error.count if is_listed else body, media, error.status)


def _response_of_any_kind(body: Body, choices: Accepted, scope: Scope) -> Response:
    """Return the response to an operation of unknown kind, in the media type that the client prefers."""

    async def payloads() -> AsyncGenerator[bytes, None]:
        yield encode_body(body)

    media = choices.choose(subscription=False) or choices.stream or Media.JSON
    return stream_response(payloads, media, scope) if media.streams else _encoded(body, media)


async def _compressed(response: Response, request: Request) -> Response:
    """Return a response, compressed if it is large and the client accepts that."""
    if len(response.body) >= LARGE_BYTES:
        response.headers.add_vary_header("Accept-Encoding")
        if accepts_gzip(request.headers.get("accept-encoding", "")[:MAX_HEADER]):
            response.body = await compress(bytes(response.body))
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.body))
    return response


def _encoded(
    body: Body | list[Body], media: Media, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(encode_body(body), status, headers, media_type=f"{media}; charset=utf-8")
