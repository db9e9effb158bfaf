"""WebSocket frames written past ASGI: subscribers get an encoded message without waking a task each.

This works only with uvicorn's websockets-sansio protocol, and only for a socket that is open, does not compress, and
has sent what was written before. Other sockets, and those that fall behind, get messages through ASGI, which waits for
the client.
"""

import socket
from asyncio import Transport
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

MAX_PENDING_BYTES = 65_536
"""Unsent bytes beyond which no frame is written. The server makes applications wait at the same mark."""
MAX_UNAUTHENTICATED_BYTES = 16_384
"""Size of a message before authentication. The application has a lower limit, and a better reason."""
USER_TIMEOUT_SECONDS = 30
"""How long sent data may stay unacknowledged before the kernel closes the connection."""
KEY = "boreas.protocol"
"""The scope's key for the server's protocol of a socket."""
_TEXT = 0x81
"""The first byte of a frame that holds a whole text message."""


@lru_cache(maxsize=4096)
def frame_header(size: int) -> bytes:
    """Return the header of a text message of `size` bytes from a server, which uses no mask."""
    if size < 126:
        return bytes((_TEXT, size))
    if size < 65_536:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big")
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class RawFrames:
    """Writes frames to the transport of one socket."""

    protocol: WebSocketsSansIOProtocol
    transport: Transport

    def sender(self, prefix: bytes, is_cancelled: Callable[[], int]) -> Callable[[bytes], bool]:
        """Return a function that writes a text message of `prefix` and a suffix.

        It returns False, and writes nothing, where it would have to wait or its operation was cancelled. Bytes that are
        written to a closing transport are lost, like all that is on its way when a connection breaks.
        """
        connection, pending_bytes, write = (
            self.protocol.conn,
            self.transport.get_write_buffer_size,
            self.transport.write,
        )
        prefix_size = len(prefix)

        def send(suffix: bytes) -> bool:
            if is_cancelled() or connection.state is not State.OPEN or pending_bytes() > MAX_PENDING_BYTES:
                return False
            write(b"".join((frame_header(prefix_size + len(suffix)), prefix, suffix)))
            return True

        return send


def raw_frames_of(scope: Scope) -> RawFrames | None:
    """Return a socket's raw frames after its handshake, None where messages must go through ASGI."""
    protocol = _protocol_of(scope)
    if protocol is None or protocol.conn.extensions:
        return None
    return RawFrames(protocol, protocol.transport)


def forget_handshake(scope: Scope) -> None:
    """Drop the headers of a completed handshake: they take as much memory as the rest of a socket."""
    scope["headers"].clear()
    protocol = _protocol_of(scope)
    if protocol is not None and protocol.handshake_complete:
        protocol.request.headers.clear()
        protocol.response.headers.clear()


def set_max_message_size(scope: Scope, size: int) -> None:
    """Let the server accept messages of `size` bytes from a client."""
    protocol = _protocol_of(scope)
    if protocol is not None:
        protocol.conn.max_message_size = size


def has_unread_messages(scope: Scope) -> bool:
    """Return whether a client has sent messages that the application has not received."""
    protocol = _protocol_of(scope)
    return protocol is not None and not protocol.queue.empty()


def close_transport(scope: Scope) -> None:
    """Close a connection once everything written is sent, without waiting for the client's close frame."""
    protocol = _protocol_of(scope)
    if protocol is not None:
        protocol.transport.close()


def abort_transport(scope: Scope) -> None:
    """Close a connection at once and drop unsent data: the client would not read a close frame either."""
    protocol = _protocol_of(scope)
    if protocol is not None:
        protocol.transport.abort()


def _protocol_of(scope: Scope) -> WebSocketsSansIOProtocol | None:
    protocol: WebSocketsSansIOProtocol | None = scope.get(KEY)
    return protocol


def _set_user_timeout(transport: Transport) -> None:
    """Let the kernel close connections whose peer acknowledges nothing: pings wait behind the unsent data."""
    connection = transport.get_extra_info("socket")
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT") and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_SECONDS * 1000)


class RawFramesMiddleware:
    """Puts the server's protocol of a socket into its scope, where raw frames work with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a socket."""
        protocol = getattr(send, "__self__", None)
        if scope["type"] == "websocket" and isinstance(protocol, WebSocketsSansIOProtocol):
            scope[KEY] = protocol
            set_max_message_size(scope, MAX_UNAUTHENTICATED_BYTES)
            _set_user_timeout(protocol.transport)
        await self._app(scope, receive, send)
