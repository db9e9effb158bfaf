"""Authentication of requests before they are read, and limits of their bodies."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.authentication import TokenCache, unauthenticated
from app.api.encoding import error_body
from app.api.request_codes import RequestCode
from app.api.transport.request_bodies import MAX_GRAPH_BODY
from app.api.transport.requests import BadRequestError

BODY_SECONDS = 60.0
"""How long the body of a request may take."""
CLOSE_CONNECTION = {"Connection": "close"}
"""Headers of a response after which the rest of the request is not read."""
TOO_LARGE = f"The request has more than {MAX_GRAPH_BODY} bytes. Send a smaller one."


class AuthenticationMiddleware:
    """Lets requests with a valid token through, and sockets, whose token may come in connection_init."""

    def __init__(self, app: ASGIApp, tokens: TokenCache) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a socket. Sockets live long, so no local variable keeps their headers."""
        scope["since"] = time.monotonic()
        scope["secret"], too_large = _read_headers(scope)
        scope["principal"] = await self._tokens.principal(scope["secret"]) if scope["secret"] else None
        if scope["principal"] is None and scope["type"] == "http":
            await unauthenticated()(scope, receive, send)
            return
        if too_large:
            await JSONResponse(error_body(TOO_LARGE, RequestCode.TOO_LARGE), 413)(scope, receive, send)
            return
        limited = _LimitedReceive(receive, scope["since"]) if scope["type"] == "http" else receive
        await self._app(scope, limited, send)


def bearer_token(fields: Mapping[str, Any]) -> str | None:
    """Return the token of an `authorization` field, whose name may have any case."""
    for name, value in fields.items():
        if name.lower() == "authorization" and isinstance(value, str):
            scheme, _, secret = value.partition(" ")
            if scheme.lower() == "bearer" and secret.strip():
                return secret.strip()
    return None


def _read_headers(scope: Scope) -> tuple[str | None, bool]:
    """Return the token of a request, and whether its body is too large."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    length = headers.get("content-length", "0")
    return bearer_token(headers), not length.isdecimal() or int(length) > MAX_GRAPH_BODY


class _LimitedReceive:
    """Receives a body of at most `MAX_GRAPH_BODY` bytes within `BODY_SECONDS`."""

    def __init__(self, receive: Receive, since: float) -> None:
        self._receive = receive
        self._remaining_bytes = MAX_GRAPH_BODY
        self._deadline = since + BODY_SECONDS
        self._complete = False

    async def __call__(self) -> Message:
        """Receive a message. Raises BadRequestError when the body is too large, or too slow."""
        if self._complete:
            return await self._receive()
        message = await self._receive() if self._is_ready else await self._receive_in_time()
        self._complete = not message.get("more_body", False)
        self._remaining_bytes -= len(message.get("body", b""))
        if self._remaining_bytes < 0:
            raise BadRequestError(413, TOO_LARGE)
        return message

    @property
    def _is_ready(self) -> bool:
        """Whether the server has a message already, so that the call needs no timeout."""
        event = getattr(getattr(self._receive, "__self__", None), "message_event", None)
        return isinstance(event, asyncio.Event) and event.is_set()

    async def _receive_in_time(self) -> Message:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            message = f"The body of the request took longer than {BODY_SECONDS:g} seconds. Send it faster."
            raise BadRequestError(408, message, CLOSE_CONNECTION) from None
