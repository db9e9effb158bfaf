"""Connections as the server takes them: short heads, soon, and not too many at a time.

The server itself waits for ever for the head of a request, and keeps all of it, however long. What is to be said of a
whole network of clients (how many connections and requests each may make) is left to the proxy in front.
"""

import asyncio
from asyncio import TimerHandle
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.api.transport.streaming import stop

MAX_HEAD = 32_768
"""Bytes of the first line of a request and its headers."""
MAX_HEADERS = 100
HEAD_SECONDS = 10.0
"""How long the head of a request may take, from the connection or its first byte."""
REST_SECONDS = 10.0
"""How long the rest of a request may take that was answered already."""
MAX_CONNECTIONS = 20_000
"""Connections and sockets of a process; whatever comes then is told to come again."""
SAFE_HEADERS = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
]
"""What every answer has: it keeps browsers from making more of it than it is."""
TOO_LONG = (431, f"The first line and the headers of a request have at most {MAX_HEAD} bytes and {MAX_HEADERS} lines.")
TOO_SLOW = (408, f"The first line and the headers of a request come within {HEAD_SECONDS:g} seconds.")
MALFORMED = 400


class HeadTooLongError(Exception):
    """The head of a request goes on for too long."""


class Connection(HttpToolsProtocol):
    """A connection for HTTP, until it may become that of a socket."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        self._in_body = False
        self._came = 0
        self._long = 0
        self._lines = 0
        self._ended = False
        self._slow: TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the head of a request."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._waited()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is too much for a head."""
        if self._ended:
            return
        if self._in_head:
            self._came += len(data)
        super().data_received(data)
        if self._in_head and not self._ended:
            if self._came > MAX_HEAD:
                self._refuse(*TOO_LONG)
            elif self._came and self._slow is None:
                self._wait()

    def on_message_begin(self) -> None:
        """Begin with a head."""
        super().on_message_begin()
        self._in_head, self._long, self._lines = True, 0, 0
        if self._slow is None:
            self._came = 1

    def on_url(self, url: bytes) -> None:
        """Take a part of the first line. Raises HeadTooLongError."""
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Raises HeadTooLongError."""
        self._lines += 1
        self._grow(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Answer, now that the head is complete."""
        self._in_head, self._in_body = False, True
        self._came = 0
        self._waited()
        super().on_headers_complete()

    def shutdown(self) -> None:
        """End with the answer that is under way; a stream, which would not end, ends now."""
        super().shutdown()
        if self.cycle is not None:
            stop(cast("dict[str, Any]", self.cycle.scope))

    def on_message_complete(self) -> None:
        """Take note that all of a request has come."""
        self._in_body = False
        self._waited()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Give a client whose answer came early the time to send the rest, which nobody reads, but no longer."""
        super().on_response_complete()
        if self._in_body and self._slow is None:
            self._slow = self.loop.call_later(REST_SECONDS, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or too long for one."""
        if not self._ended:
            self._refuse(*(TOO_LONG if self._is_long else (MALFORMED, msg)))

    @property
    def _is_long(self) -> bool:
        return self._long > MAX_HEAD or self._lines > MAX_HEADERS

    def _grow(self, size: int) -> None:
        self._long += size
        if self._is_long:
            raise HeadTooLongError

    def _wait(self) -> None:
        self._slow = self.loop.call_later(HEAD_SECONDS, self._refuse, *TOO_SLOW)

    def _waited(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _refuse(self, status: int, message: str) -> None:
        """Say why, and hang up; a connection on which nothing came is told nothing."""
        self._ended = True
        self._waited()
        if self.transport is None or self.transport.is_closing():
            return
        if self._came or status == MALFORMED:
            body = message.encode()
            lines = [
                b"content-type: text/plain; charset=utf-8",
                b"content-length: %d" % len(body),
                b"connection: close",
            ]
            lines += [f"{name}: {value}".encode() for name, value in SAFE_HEADERS]
            self.transport.write(STATUS_LINE[status] + b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()
