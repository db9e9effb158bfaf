"""One WebSocket: its messages within limits of size and time, and its closing."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from enum import IntEnum
from json import JSONDecodeError

from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected

from app.api.transport.raw_frames import abort_transport, set_max_message_size
from app.api.transport.request_bodies import MAX_BODY

logger = logging.getLogger(__name__)
SEND_SECONDS = 30.0
"""How long a client may take to receive a message before it counts as gone."""
CLOSE_SECONDS = 5.0
MAX_UNAUTHENTICATED_MESSAGE = 8192
"""Characters of a message from a client that is not authenticated."""
MAX_REASON = 123
"""Bytes of the reason that a close frame can hold."""


class CloseCode(IntEnum):
    """Why a socket is closed, beside the codes of the protocol's library."""

    TOO_LONG = 1009
    TRY_AGAIN = 1012
    FORBIDDEN = 4403
    NOT_INITIALISED = 4408
    TOO_MANY = 4429


class SocketAdapter(ASGIWebSocketAdapter):
    """A socket that refuses binary and long messages, and that closes even when its client does not read."""

    max_message = MAX_UNAUTHENTICATED_MESSAGE
    """Characters of a message."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Yield the decoded messages. Raises NonTextMessageReceived, NonJsonMessageReceived."""
        with suppress(WebSocketDisconnect):
            while self.ws.application_state is not WebSocketState.DISCONNECTED:
                try:
                    text = await self.ws.receive_text()
                    if len(text) > self.max_message:
                        await self.close(CloseCode.TOO_LONG, self._too_long())
                        return
                    yield self.view.decode_json(text)
                except JSONDecodeError as error:
                    if not ignore_parsing_errors:
                        raise NonJsonMessageReceived from error
                except (KeyError, TypeError) as error:
                    raise NonTextMessageReceived from error

    def _too_long(self) -> str:
        if self.max_message == MAX_UNAUTHENTICATED_MESSAGE:
            return f"Before connection_ack a message may have at most {MAX_UNAUTHENTICATED_MESSAGE} characters"
        return f"A message may have at most {self.max_message} characters. Send larger operations over HTTP"

    def allow_long_messages(self) -> None:
        """Accept messages up to `MAX_BODY`, once the client is authenticated."""
        self.max_message = MAX_BODY
        set_max_message_size(self.ws.scope, 2 * MAX_BODY)

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message. Raises WebSocketDisconnected."""
        async with self._time_limit(SEND_SECONDS):
            await super().send_json(message)

    async def send_text(self, text: str) -> None:
        """Send an encoded message. Raises WebSocketDisconnected."""
        async with self._time_limit(SEND_SECONDS):
            await self.ws.send_text(text)

    async def close(self, code: int, reason: str) -> None:
        """Close the socket, with a reason cut to `MAX_REASON`; abort it if the client does not read."""
        text = reason.encode()[:MAX_REASON].decode(errors="ignore")
        with suppress(WebSocketDisconnected):
            async with self._time_limit(CLOSE_SECONDS):
                await super().close(code, text)

    @asynccontextmanager
    async def _time_limit(self, seconds: float) -> AsyncIterator[None]:
        """Abort the connection after a time. Raises WebSocketDisconnected."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            abort_transport(self.ws.scope)
            logger.info("a client read nothing for %g s, its socket is aborted", seconds)
            raise WebSocketDisconnected from None
        except WebSocketDisconnect as disconnect:
            raise WebSocketDisconnected from disconnect
