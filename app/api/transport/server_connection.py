"""HTTP connections with limits: the size and time of a request's head, and their number.

uvicorn itself waits for ever for a head, and keeps all of it, however long. Limits for a whole network of clients (how
many connections and requests each may make) belong into the proxy in front.
"""

import asyncio
from asyncio import TimerHandle
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.api.transport.streaming import stop_stream

MAX_HEAD = 32_768
"""Bytes of a request's first line and headers."""
MAX_HEADERS = 100
HEAD_SECONDS = 10.0
"""How long a head may take, from the connection or from its first byte."""
REST_SECONDS = 10.0
"""How long the rest of a request may take that was answered already."""
MAX_CONNECTIONS = 20_000
"""Connections and sockets of a process. Further requests get a 503."""
SAFE_HEADERS = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
]
"""Headers of every response: browsers must not guess its type, frame it, or pass its address on."""
HEAD_TOO_LONG = (431, f"The first line and headers of the request exceed {MAX_HEAD} bytes or {MAX_HEADERS} headers.")
HEAD_TOO_SLOW = (408, f"The first line and headers of the request took longer than {HEAD_SECONDS:g} seconds.")
MALFORMED = 400


class HeadTooLongError(Exception):
    """The head of a request exceeds a limit."""


class Connection(HttpToolsProtocol):
    """An HTTP connection, until it is upgraded to a socket."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        self._in_body = False
        self._received = 0
        self._head_bytes = 0
        self._head_lines = 0
        self._refused = False
        self._timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer for the first head."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data, unless the head becomes too long by it."""
        if self._refused:
            return
        if self._in_head:
            self._received += len(data)
        super().data_received(data)
        if self._in_head and not self._refused:
            if self._received > MAX_HEAD:
                self._refuse(*HEAD_TOO_LONG)
            elif self._received and self._timer is None:
                self._start_timer()

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._head_lines = True, 0, 0
        if self._timer is None:
            self._received = 1

    def on_url(self, url: bytes) -> None:
        """Take a part of the first line. Raises HeadTooLongError."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Raises HeadTooLongError."""
        self._head_lines += 1
        self._count_head(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the head, and let the application answer."""
        self._in_head, self._in_body = False, True
        self._received = 0
        self._stop_timer()
        super().on_headers_complete()

    def shutdown(self) -> None:
        """Close after the response that is being sent. A stream is stopped, as it might never end."""
        super().shutdown()
        if self.cycle is not None:
            stop_stream(cast("dict[str, Any]", self.cycle.scope))

    def on_message_complete(self) -> None:
        """End the body."""
        self._in_body = False
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Give a client that was answered early `REST_SECONDS` to send the rest of its body."""
        super().on_response_complete()
        if self._in_body and self._timer is None:
            self._timer = self.loop.call_later(REST_SECONDS, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is malformed or has too long a head."""
        if not self._refused:
            self._refuse(*(HEAD_TOO_LONG if self._is_head_too_long else (MALFORMED, msg)))

    @property
    def _is_head_too_long(self) -> bool:
        return self._head_bytes > MAX_HEAD or self._head_lines > MAX_HEADERS

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._is_head_too_long:
            raise HeadTooLongError

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self._refuse, *HEAD_TOO_SLOW)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, message: str) -> None:
        """Send an error and close. A connection without any bytes gets no response."""
        self._refused = True
        self._stop_timer()
        if self.transport is None or self.transport.is_closing():
            return
        if self._received or status == MALFORMED:
            body = message.encode()
            lines = [
                b"content-type: text/plain; charset=utf-8",
                b"content-length: %d" % len(body),
                b"connection: close",
            ]
            lines += [f"{name}: {value}".encode() for name, value in SAFE_HEADERS]
            self.transport.write(STATUS_LINE[status] + b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()
