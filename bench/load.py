"""A bounded load of HTTP requests: each connection sends the next request after each answer."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import quantiles
from urllib.parse import urlsplit

END_OF_HEADERS = b"\r\n\r\n"
LENGTH = b"content-length:"
PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Taken:
    """The result of a load: seconds per answer, seconds in all, and the last answers."""

    lasted: float = 0.0
    seconds: list[float] = field(default_factory=list)
    answers: dict[bytes, bytes] = field(default_factory=dict)
    """By request."""

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.seconds) / self.lasted

    def percentile(self, percent: int) -> float:
        """Return how many seconds an answer took at most, for so many percent of the answers."""
        return quantiles(self.seconds, n=100)[percent - 1]


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection with no more than a load needs, to leave the machine to the server."""

    def __init__(self, request: bytes, until: float, taken: Taken) -> None:
        self._request, self._until, self._taken = request, until, taken
        self._received = bytearray()
        self._missing: int | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._missing is None:
            if END_OF_HEADERS not in self._received:
                return
            head = self._received.index(END_OF_HEADERS)
            self._missing = head + len(END_OF_HEADERS) + self._length(bytes(self._received[:head]))
        if len(self._received) >= self._missing:
            self._answered()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server closed a connection that was in use"))

    def _length(self, head: bytes) -> int:
        status, *lines = head.lower().split(b"\r\n")
        found = [line.partition(b":")[2] for line in lines if line.startswith(LENGTH)]
        if b" 200 " not in status or not found:
            self._fail(f"unexpected answer: {head.decode(errors='replace')}")
            return 0
        return int(found[0])

    def _ask(self) -> None:
        self._received.clear()
        self._missing = None
        self._begun = time.perf_counter()
        self._transport.write(self._request)

    def _answered(self) -> None:
        now = time.perf_counter()
        self._taken.seconds.append(now - self._begun)
        if now < self._until and not self.done.done():
            self._ask()
            return
        _, _, answer = bytes(self._received).partition(END_OF_HEADERS)
        self._taken.answers[self._request.partition(END_OF_HEADERS)[2]] = answer
        if not self.done.done():
            self.done.set_result(None)
        self._transport.close()

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))
        self._transport.close()


async def load(
    url: str, bodies: Sequence[bytes], headers: dict[str, str], *, connections: int, seconds: float
) -> Taken:
    """Post bodies over and over, each connection one. Raises RuntimeError at an answer other than 200.

    Raises also ConnectionError, TimeoutError.
    """
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    host, port = parts.hostname, parts.port
    requests = [_request(parts.path, {"Host": parts.netloc} | headers, body) for body in bodies]
    taken, begun, loop = Taken(), time.perf_counter(), asyncio.get_running_loop()
    opened = [
        await loop.create_connection(
            partial(_Connection, requests[n % len(requests)], begun + seconds, taken), host, port
        )
        for n in range(connections)
    ]
    async with asyncio.timeout(seconds + PATIENCE_SECONDS):
        await asyncio.gather(*(connection.done for _, connection in opened))
    taken.lasted = time.perf_counter() - begun
    return taken


def _request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))} | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body
