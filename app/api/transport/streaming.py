"""Results one after another in one HTTP answer: as server-sent events, or as parts of a multipart body.

Both begin at once, before there is a first result, and say something while nothing happens: whatever stands between a
client and this process would else take the silence for death.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Scope
from strawberry.http.streaming import merge_stream_with_heartbeat

from app.api.transport.negotiation import Media

EVENTS_HEARTBEAT_SECONDS = 12.0
"""Proxies give up on what is silent for 30 s or 60 s, some for 15 s."""
PARTS_HEARTBEAT_SECONDS = 5.0
"""What clients of this protocol were made to expect."""
BOUNDARY = "graphql"
STOP = "boreas.stop"
"""Under which a scope holds what ends its stream."""
Payloads = Callable[[], AsyncGenerator[str, None]]
UNBUFFERED = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Framing:
    """How a stream is written: what opens and closes it, a sign of life, and what stands around each result."""

    content_type: str
    opening: str
    heartbeat: str
    before: str
    after: str
    closing: str
    farewell: str
    """Ends a stream that is not complete. Nothing in it may make clients believe that it is: they would not return."""

    def framed(self, payload: str) -> str:
        """Return a result, which is JSON in one line, as it goes over the wire."""
        return f"{self.before}{payload}{self.after}"


EVENTS = Framing(
    content_type="text/event-stream; charset=utf-8",
    opening=": here it begins\n\n",
    heartbeat=": still here\n\n",
    before="event: next\ndata: ",
    after="\n\n",
    closing="event: complete\ndata:\n\n",
    farewell=": this process stops, come back\n\n",
)
_HEAD = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
_NEXT = f"\r\n--{BOUNDARY}"
_STOPS = '{"message":"This process stops: come back.","extensions":{"code":"TRY_AGAIN"}}'
# A part counts only once the delimiter behind it has come, so that goes along with it.
PARTS = Framing(
    content_type=f'multipart/mixed; boundary="{BOUNDARY}"; subscriptionSpec="1.0"',
    opening=f"{_NEXT}{_HEAD}{{}}{_NEXT}",
    heartbeat=f"{_HEAD}{{}}{_NEXT}",
    before=f'{_HEAD}{{"payload":',
    after=f"}}{_NEXT}",
    closing="--\r\n",
    farewell=f'{_HEAD}{{"payload":null,"errors":[{_STOPS}]}}{_NEXT}--\r\n',
)


def framing(media: Media) -> tuple[Framing, float]:
    """Return how a stream is written, and how many seconds it may be silent."""
    if media is Media.EVENTS:
        return EVENTS, EVENTS_HEARTBEAT_SECONDS
    return PARTS, PARTS_HEARTBEAT_SECONDS


def streamed(payloads: Payloads, media: Media, scope: Scope) -> Response:
    """Return the answer that brings every payload, then says that it is complete. Of HEAD it is the head alone."""
    frame, interval = framing(media)
    headers: Mapping[str, str] = {"Content-Type": frame.content_type, **UNBUFFERED}
    if scope["method"] == "HEAD":
        return Response(headers=headers)
    return StreamingResponse(_written(payloads, frame, interval, scope), headers=headers)


class _Stop:
    """Ends a stream that waits for what comes next; one that is being taken ends with that."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self._waiting: asyncio.Task[object] | None = None

    def __call__(self) -> None:
        """End it, once."""
        if not self.called.is_set() and self._waiting is not None:
            self._waiting.cancel()
        self.called.set()

    async def following(self, texts: AsyncGenerator[str, None]) -> str | None:
        """Return the next text, None when there is none, or it is to end."""
        if self.called.is_set():
            return None
        task = self._waiting = asyncio.current_task()
        try:
            return await anext(texts, None)
        except asyncio.CancelledError:
            if task is None or not self.called.is_set():
                raise
            task.uncancel()
            return None
        finally:
            self._waiting = None


def stop(scope: Mapping[str, Any]) -> None:
    """End the stream that answers a request, if one does: its client comes back, to another process."""
    found: _Stop | None = scope.get(STOP)
    if found is not None:
        found()


async def _written(payloads: Payloads, frame: Framing, interval: float, scope: Scope) -> AsyncGenerator[str, None]:
    stopping = scope[STOP] = _Stop()

    async def results() -> AsyncGenerator[str, None]:
        async with aclosing(payloads()) as found:
            async for payload in found:
                yield frame.framed(payload)
        yield frame.closing

    beating = merge_stream_with_heartbeat(
        results, lambda: frame.heartbeat, interval=interval, send_initial_heartbeat=False
    )
    async with aclosing(beating()) as texts:
        text: str | None = frame.opening
        while text is not None and text != frame.closing:
            yield text
            text = await stopping.following(texts)
    yield frame.farewell if text is None else text
