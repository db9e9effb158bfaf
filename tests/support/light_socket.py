"""A light graphql-transport-ws socket with one subscription: a process can have thousands."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

_KEY = base64.b64encode(b"sixteen bytes  !").decode()
_TEXT, _CLOSE, _PING = 1, 8, 9


class LightSocket(asyncio.Protocol):
    """Subscribes at once. `take` gets each raw `next` message, `end` the reason for the end."""

    def __init__(
        self,
        url: str,
        token: str,
        operation: dict[str, Any],
        take: Callable[[bytes], None],
        end: Callable[[str], None],
    ) -> None:
        self.transport: asyncio.Transport | None = None
        self._host = urlsplit(url).netloc
        self._token = token
        self._operation = operation
        self._take = take
        self._end = end
        self._buffer = b""
        self._open = False
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws"
            "\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish("lost")

    def abort(self) -> None:
        """Abort the connection."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._open:
            head, end, buffer = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._finish(head.decode(errors="replace").partition("\r")[0])
                self.abort()
                return
            self._open = True
            self._say({"type": "connection_init", "payload": {"Authorization": f"Bearer {self._token}"}})
        start, size = 0, len(buffer)
        while size - start >= 2 and not self._ended:
            length, body = buffer[start + 1], start + 2
            if length > 125:
                body += 2 if length == 126 else 8
                length = int.from_bytes(buffer[start + 2 : body], "big") if size >= body else size
            if size < body + length:
                break
            self._handle(buffer[start] & 15, buffer[body : body + length])
            start = body + length
        self._buffer = buffer[start:]

    def _handle(self, opcode: int, payload: bytes) -> None:
        assert self.transport is not None
        if opcode == _PING:
            self.transport.write(bytes((0x8A, 0x80 | len(payload))) + bytes(4) + payload)
        elif opcode == _CLOSE:
            self._finish(f"closed with {int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')}")
            self.abort()
        elif opcode == _TEXT and b'"next"' in payload[:80]:
            self._take(payload)
        elif opcode == _TEXT and b"connection_ack" in payload:
            self._say({"id": "1", "type": "subscribe", "payload": self._operation})
        elif opcode == _TEXT:
            kind = str(json.loads(payload).get("type"))
            self._finish(kind if kind == "complete" else payload.decode())
            self.abort()

    def _finish(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self._end(reason)

    def _say(self, message: object) -> None:
        assert self.transport is not None
        data = json.dumps(message).encode()
        size = bytes((0x80 | len(data),)) if len(data) < 126 else bytes((0xFE,)) + len(data).to_bytes(2, "big")
        self.transport.write(b"\x81" + size + bytes(4) + data)
