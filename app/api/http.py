"""HTTP around GraphQL: who comes with which token, and the pages that tell whether the process is well."""

import logging
from collections.abc import Mapping
from typing import Any

from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.streaming import SSETransport
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET, UnsetType

from app import __version__
from app.api.context import Context, context
from app.api.schema import schema
from app.core.access import Principal
from app.services.access import authenticate
from app.services.health import is_ready
from app.services.runtime import Runtime

logger = logging.getLogger(__name__)
MAX_BODY = 16 * 1024 * 1024
"""Bytes of one request. A graph of 2,000 tasks with long commands takes a few of these 16 MiB."""
UNAUTHORIZED = (
    "A valid token is needed: send the header “Authorization: Bearer TOKEN”. boreas up prints the first one; "
    "boreas token create makes more."
)


class LineFeedSSE(SSETransport):
    """Server-sent events with plain line feeds, and headers sent at once: some clients never deliver otherwise."""

    send_initial_heartbeat = True

    def encode_event(self, event: str, data: str | None = None) -> str:
        """Return one event."""
        return super().encode_event(event, data).replace("\r\n", "\n")

    def encode_comment(self, comment: str) -> str:
        """Return one comment."""
        return super().encode_comment(comment).replace("\r\n", "\n")


class Endpoint(GraphQL[Context, None]):
    """GraphQL over HTTP, graphql-transport-ws and SSE."""

    stream_transport_classes_by_protocol = {GRAPHQL_SSE_PROTOCOL: LineFeedSSE}  # noqa: RUF012

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
        )
        self._runtime = runtime

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Return the context of a request, whose token was checked, or of a socket, whose token is yet to come."""
        principal: Principal | None = request.scope.get("principal")
        socket = isinstance(request, WebSocket)
        made = context(self._runtime, principal, request.scope.get("secret"), socket=socket)
        made.plain = not socket and "text/event-stream" not in request.headers.get("accept", "")
        return made

    def parse_json(self, data: str | bytes) -> Any:
        """Return the body of a request. Raises HTTPException when it is no JSON object or list of them."""
        value = super().parse_json(data)
        if not isinstance(value, dict | list):
            raise HTTPException(400, "The body is a JSON object with a “query”.")
        return value

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Take the token of connection_init, unless the handshake brought one. Raises ConnectionRejectionError."""
        secret = bearer(context.connection_params)
        if secret is not None:
            context.secret = secret
            context.principal = await authenticate(self._runtime, secret)
        if context.principal is None:
            raise ConnectionRejectionError
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

    def __init__(self, inner: ASGIApp, runtime: Runtime) -> None:
        self._inner = inner
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a socket."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        secret = bearer(headers)
        principal = await authenticate(self._runtime, secret) if secret else None
        if principal is None and scope["type"] == "http":
            body = {"errors": [{"message": UNAUTHORIZED, "extensions": {"code": "UNAUTHENTICATED"}}]}
            response = JSONResponse(body, 401, {"WWW-Authenticate": 'Bearer realm="boreas"'})
            await response(scope, receive, send)
            return
        if _too_large(headers):
            await PlainTextResponse(f"A request has at most {MAX_BODY} bytes.", 413)(scope, receive, send)
            return
        limited = _Limited(receive) if scope["type"] == "http" else receive
        await self._inner({**scope, "principal": principal, "secret": secret}, limited, send)


class _Limited:
    """Receives a body up to the limit, however its length was announced."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = MAX_BODY

    async def __call__(self) -> Message:
        """Receive a message. Raises HTTPException when the body is too large."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, f"A request has at most {MAX_BODY} bytes.")
        return message


def _too_large(headers: Mapping[str, str]) -> bool:
    length = headers.get("content-length", "0")
    return not length.isdecimal() or int(length) > MAX_BODY


async def index(_: Request) -> Response:
    """Say what this is and where to go."""
    return PlainTextResponse(
        f"Boreas {__version__}: a continuous-deployment control plane.\n\n"
        "  /graphql   the API: GraphQL over HTTP, WebSocket (graphql-transport-ws) and server-sent events\n"
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
