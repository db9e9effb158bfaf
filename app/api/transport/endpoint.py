"""HTTP around GraphQL: who comes with which token, and the pages that tell whether the process is well."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET, UnsetType

from app import __version__
from app.api.authentication import TokenCache, unauthenticated
from app.api.context import Context, address_of, context, shared_context
from app.api.feeds.hub import FeedHub
from app.api.request_codes import RequestCode
from app.api.schema import schema
from app.api.shared_loaders import SharedLoaders
from app.api.transport.connection_limits import ConnectionLimits
from app.api.transport.raw_frames import hang_up, has_more
from app.api.transport.request_bodies import MAX_GRAPH_BODY, decoded
from app.api.transport.requests import BadRequestError
from app.api.transport.responses import answer, refusal
from app.api.transport.unauthenticated_sockets import UnauthenticatedSockets
from app.api.transport.websocket import GREETING_SECONDS, RejectedError, SocketAdapter
from app.api.transport.websocket_feeds import TRY_AGAIN, FeedSocket
from app.core.access import Principal
from app.services.health import is_ready
from app.services.runtime import Runtime

logger = logging.getLogger(__name__)
BODY_SECONDS = 60.0
"""How long the body of a request may take."""
CLOSE = {"Connection": "close"}
"""Ends the connection with the answer: nobody is going to read the rest of the request."""
UNINITIALISED = 4408
"""The code that closes sockets whose clients do not say who they are."""

NOT_SAID = "Forbidden: send Authorization: Bearer TOKEN in the payload of connection_init"
NOT_VALID = "Forbidden: the token is not valid. Send Authorization: Bearer TOKEN in the payload of connection_init"


class _Connection(FeedSocket):
    """A socket: its subscriptions are shared, the rest is the protocol's. It has a seat until it ends."""

    def handle(self) -> Coroutine[Any, Any, None]:
        """Serve the socket, unless there are too many whose clients did not say who they are.

        Sockets live long, so no frame of its own is kept for that: `shutdown` comes last, whatever happens.
        """
        if self.view.strangers.enter(address_of(self.websocket.ws.scope), self):
            return super().handle()
        return self.websocket.close(TRY_AGAIN, "Too many connections have yet to be initialised")

    @property
    def silent(self) -> bool:
        """Whether nothing came from the client."""
        return not self.connection_init_received and not self.said and not has_more(self.websocket.ws.scope)

    async def send_away(self) -> None:
        """Close the socket, to make room for others."""
        await self.websocket.close(UNINITIALISED, "Too many connections have yet to be initialised")
        hang_up(self.websocket.ws.scope)

    def greeted(self) -> None:
        """Take note that the client has said who they are."""
        super().greeted()
        self.view.strangers.known(self)

    async def shutdown(self) -> None:
        """End every operation."""
        try:
            await super().shutdown()
        finally:
            self.view.strangers.known(self)
            if self.context.seat is not None:
                self.view.seats.leave(self.context.seat)


class Endpoint(GraphQL[Context, None]):
    """GraphQL over HTTP and graphql-transport-ws."""

    graphql_transport_ws_handler_class = _Connection
    websocket_adapter_class = SocketAdapter

    def __init__(
        self,
        runtime: Runtime,
        connections_each: int,
        tokens: TokenCache,
        shared_loaders: SharedLoaders,
        origins: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            max_subscriptions_per_connection=None,
            allowed_origins=sorted(origins),
            connection_init_wait_timeout=timedelta(seconds=GREETING_SECONDS),
        )
        self._tokens = tokens
        self._new_context = partial(context, runtime, tokens=tokens, shared_loaders=shared_loaders)
        self.seats = ConnectionLimits(connections_each)
        self.strangers = UnauthenticatedSockets()
        self.live = FeedHub(schema, runtime, partial(shared_context, runtime, shared_loaders))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a socket."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        response = await answer(Request(scope, receive), self._new_context, self.live, self.seats, self._tokens)
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Return the context of a socket, whose token may be yet to come."""
        principal: Principal | None = request.scope.get("principal")
        secret, address = request.scope.get("secret"), address_of(request.scope)
        return self._new_context(principal, secret, address=address, socket=True)

    def decode_json(self, data: str | bytes) -> object:
        """Return what a message holds. Raises JSONDecodeError also for numbers and nests that are too large."""
        return decoded(data)

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Take the token of connection_init, unless the handshake brought one. Raises RejectedError, TooManyError."""
        given = context.connection_params
        headers = given.get("headers")
        secret = bearer(given) or (bearer(headers) if isinstance(headers, dict) else None)
        if secret is not None:
            context.secret = secret
            context.principal = await self.live.principal(secret)
        if context.principal is None:
            raise RejectedError(NOT_VALID if context.secret is not None else NOT_SAID)
        self.seats.take(context.principal.actor.id)
        context.seat = context.principal.actor.id
        accepted: UnsetType = UNSET
        return accepted


def bearer(fields: Mapping[str, Any]) -> str | None:
    """Return the token that `authorization` holds, by any spelling of its name."""
    for name, value in fields.items():
        if name.lower() == "authorization" and isinstance(value, str):
            scheme, _, secret = value.partition(" ")
            if scheme.lower() == "bearer" and secret.strip():
                return secret.strip()
    return None


class Authenticated:
    """Lets nothing through without a valid token, except sockets, which bring theirs in connection_init."""

    def __init__(self, inner: ASGIApp, tokens: TokenCache) -> None:
        self._inner = inner
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a socket, which lives long: what is read of its headers is not kept."""
        scope["since"] = time.monotonic()
        scope["secret"], too_large = _read_headers(scope)
        scope["principal"] = await self._tokens.principal(scope["secret"]) if scope["secret"] else None
        if scope["principal"] is None and scope["type"] == "http":
            await unauthenticated()(scope, receive, send)
            return
        if too_large:
            text = f"A request has at most {MAX_GRAPH_BODY} bytes."
            await JSONResponse(refusal(text, RequestCode.TOO_LARGE), 413)(scope, receive, send)
            return
        limited = _Limited(receive, scope["since"]) if scope["type"] == "http" else receive
        await self._inner(scope, limited, send)


def _read_headers(scope: Scope) -> tuple[str | None, bool]:
    """Return the token that was brought, and whether the body is too large."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return bearer(headers), _too_large(headers)


class _Limited:
    """Receives a body up to the limit, however its length was announced, within a time."""

    def __init__(self, receive: Receive, since: float) -> None:
        self._receive = receive
        self._left = MAX_GRAPH_BODY
        self._until = since + BODY_SECONDS
        self._complete = False

    async def __call__(self) -> Message:
        """Receive a message. Raises BadRequestError when the body is too large, or too slow."""
        if self._complete:
            return await self._receive()
        message = await self._receive() if self._has_come else await self._in_time()
        self._complete = not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise BadRequestError(413, f"A request has at most {MAX_GRAPH_BODY} bytes.")
        return message

    @property
    def _has_come(self) -> bool:
        """Whether the server has something already, so that nothing is to be waited for."""
        came = getattr(getattr(self._receive, "__self__", None), "message_event", None)
        return isinstance(came, asyncio.Event) and came.is_set()

    async def _in_time(self) -> Message:
        try:
            async with asyncio.timeout_at(self._until):
                return await self._receive()
        except TimeoutError:
            raise BadRequestError(408, f"The body of a request comes within {BODY_SECONDS:g} seconds.", CLOSE) from None


def _too_large(headers: Mapping[str, str]) -> bool:
    length = headers.get("content-length", "0")
    return not length.isdecimal() or int(length) > MAX_GRAPH_BODY


async def index(_: Request) -> Response:
    """Say what this is and where to go."""
    return PlainTextResponse(
        f"Boreas {__version__}: a continuous-deployment control plane.\n\n"
        "  /graphql   the API: GraphQL over HTTP; subscriptions over WebSocket (graphql-transport-ws), server-sent\n"
        "             events (distinct connections), or multipart; in a browser GraphiQL, to try it\n"
        "  /healthz   whether this process lives\n"
        "  /readyz    whether it can serve: its database answers\n\n"
        "From a terminal: boreas deploy --help, boreas watch --help, boreas logs --help\n"
    )


async def healthz(_: Request) -> Response:
    """Say that the process lives."""
    return PlainTextResponse("ok\n")


async def readyz(_: Request) -> Response:
    """Say whether the database answers."""
    if await is_ready():
        return PlainTextResponse("ready\n")
    return PlainTextResponse("the database does not answer\n", 503)
