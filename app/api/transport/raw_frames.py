"""The transport beneath a socket: thousands of subscribers get a message as a ready frame, without a task waking up.

Only the server that this was written for is used in this way, and only while nothing is out of the ordinary: it has
not begun to close, compresses nothing, and has taken what was written before. Whatever else a socket is served by, or
once it falls behind, messages go the ordinary way, which waits for the client.
"""

import socket
from asyncio import Transport
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

FULL_BYTES = 65_536
"""How much may wait to be taken by the kernel: the mark at which the server itself tells an application to wait."""
FIRST_BYTES = 16_384
"""How long a message may be before it is known who sends it: the application says of less that it is too long."""
SILENCE_SECONDS = 30
"""How long a peer may take nothing of what is sent to it before it counts as gone."""
KEY = "boreas.wire"
"""Under which a scope holds the wire of its socket."""
_TEXT = 0x81
"""The first byte of a frame that holds a whole text message."""


@lru_cache(maxsize=4096)
def header(size: int) -> bytes:
    """Return the header of a text message of `size` bytes, as servers write it: without a mask."""
    if size < 126:
        return bytes((_TEXT, size))
    if size < 65_536:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big")
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class RawFrames:
    """The transport of one socket, and what the server knows of it."""

    protocol: WebSocketsSansIOProtocol
    transport: Transport

    def sender(self, head: bytes, unwanted: Callable[[], int]) -> Callable[[bytes], bool]:
        """Return what writes a text message that begins with `head`.

        Where it would have to wait, or is not wanted any more, it is not written, and False is returned. What is
        written to a transport that closes goes nowhere, like all that was on its way when a connection broke.
        """
        connection, pending, write = self.protocol.conn, self.transport.get_write_buffer_size, self.transport.write
        size = len(head)

        def send(tail: bytes) -> bool:
            if unwanted() or connection.state is not State.OPEN or pending() > FULL_BYTES:
                return False
            write(b"".join((header(size + len(tail)), head, tail)))
            return True

        return send


def forget_handshake(scope: Scope) -> None:
    """Let go of what a client said to get its socket, once it has it: it is as large as all else that is kept."""
    scope["headers"].clear()
    protocol: WebSocketsSansIOProtocol | None = scope.get(KEY)
    if protocol is not None and protocol.handshake_complete:
        protocol.request.headers.clear()
        protocol.response.headers.clear()


def allow(scope: Scope, size: int) -> None:
    """Let the server take messages of so many bytes from a client."""
    protocol: WebSocketsSansIOProtocol | None = scope.get(KEY)
    if protocol is not None:
        protocol.conn.max_message_size = size


def has_more(scope: Scope) -> bool:
    """Whether a client has sent something that nobody has looked at yet."""
    protocol: WebSocketsSansIOProtocol | None = scope.get(KEY)
    return protocol is not None and not protocol.queue.empty()


def hang_up(scope: Scope) -> None:
    """Close a connection once what was written is sent, without waiting for the client's farewell."""
    protocol: WebSocketsSansIOProtocol | None = scope.get(KEY)
    if protocol is not None:
        protocol.transport.close()


def cut(scope: Scope) -> None:
    """End a connection at once, whatever was not taken yet: a client that takes nothing takes no farewell either."""
    protocol: WebSocketsSansIOProtocol | None = scope.get(KEY)
    if protocol is not None:
        protocol.transport.abort()


def raw_frames_of(scope: Scope) -> RawFrames | None:
    """Return the wire of a socket whose handshake is done, None where messages go the ordinary way."""
    protocol: WebSocketsSansIOProtocol | None = scope.get(KEY)
    if protocol is None or protocol.conn.extensions:
        return None
    return RawFrames(protocol, protocol.transport)


def _limit_silence(transport: Transport) -> None:
    """Let the kernel give up on a peer that takes nothing: a ping that can not be sent finds nobody dead."""
    connection = transport.get_extra_info("socket")
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT") and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_SECONDS * 1000)


class RawFramesMiddleware:
    """Notes what a socket is served by, where that is what wires are made for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        server = getattr(send, "__self__", None)
        if scope["type"] == "websocket" and isinstance(server, WebSocketsSansIOProtocol):
            scope[KEY] = server
            allow(scope, FIRST_BYTES)
            _limit_silence(server.transport)
        await self._app(scope, receive, send)
