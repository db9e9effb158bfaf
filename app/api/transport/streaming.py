"""Several results in one HTTP response: as server-sent events, or as the parts of a multipart body.

A stream begins before the first result, and sends heartbeats while there is none: proxies would otherwise close it.
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
"""Proxies close a silent connection after 30 s or 60 s, some after 15 s."""
PARTS_HEARTBEAT_SECONDS = 5.0
"""The interval that clients of this protocol expect."""
BOUNDARY = "graphql"
STREAM_KEY = "boreas.stream"
"""The scope's key for the `_Stopper` of its stream."""
Payloads = Callable[[], AsyncGenerator[bytes, None]]
UNBUFFERED = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Framing:
    """How a stream is written: its opening, its heartbeat, the text around each result, and its end.

    `closing` ends a complete stream, `interrupting` one that is not complete. An interrupted stream must not look
    complete to clients, or they would not come back.
    """

    content_type: str
    opening: str
    heartbeat: str
    before: str
    after: str
    closing: str
    interrupting: str

    def frame(self, payload: bytes) -> str:
        """Return an encoded result, which is one line, as it is sent."""
        return f"{self.before}{payload.decode()}{self.after}"


EVENTS = Framing(
    content_type="text/event-stream; charset=utf-8",
    opening=": here it begins\n\n",
    heartbeat=": still here\n\n",
    before="event: next\ndata: ",
    after="\n\n",
    closing="event: complete\ndata:\n\n",
    interrupting=": this process stops, come back\n\n",
)
_HEAD = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
_DELIMITER = f"\r\n--{BOUNDARY}"
_STOPPING = '{"message":"This process stops: come back.","extensions":{"code":"TRY_AGAIN"}}'
# Clients take a part once they have the delimiter behind it, so each part is sent with that delimiter.
PARTS = Framing(
    content_type=f'multipart/mixed; boundary="{BOUNDARY}"; subscriptionSpec="1.0"',
    opening=f"{_DELIMITER}{_HEAD}{{}}{_DELIMITER}",
    heartbeat=f"{_HEAD}{{}}{_DELIMITER}",
    before=f'{_HEAD}{{"payload":',
    after=f"}}{_DELIMITER}",
    closing="--\r\n",
    interrupting=f'{_HEAD}{{"payload":null,"errors":[{_STOPPING}]}}{_DELIMITER}--\r\n',
)


def framing(media: Media) -> tuple[Framing, float]:
    """Return how a stream is written, and the seconds between heartbeats."""
    if media is Media.EVENTS:
        return EVENTS, EVENTS_HEARTBEAT_SECONDS
    return PARTS, PARTS_HEARTBEAT_SECONDS


def stream_response(payloads: Payloads, media: Media, scope: Scope) -> Response:
    """Return a response that sends every payload, then a completion. HEAD gets the headers only."""
    frames, interval = framing(media)
    headers: Mapping[str, str] = {"Content-Type": frames.content_type, **UNBUFFERED}
    if scope["method"] == "HEAD":
        return Response(headers=headers)
    return StreamingResponse(_write(payloads, frames, interval, scope), headers=headers)


class _Stopper:
    """Ends a stream: at once while it waits for the next text, else after the text that is being sent."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self._waiting: asyncio.Task[object] | None = None

    def stop(self) -> None:
        """End the stream; a second call changes nothing."""
        if not self.stopped.is_set() and self._waiting is not None:
            self._waiting.cancel()
        self.stopped.set()

    async def next_text(self, texts: AsyncGenerator[str, None]) -> str | None:
        """Return the next text, None at the end or once the stream is stopped."""
        if self.stopped.is_set():
            return None
        task = self._waiting = asyncio.current_task()
        try:
            return await anext(texts, None)
        except asyncio.CancelledError:
            if task is None or not self.stopped.is_set():
                raise
            task.uncancel()
            return None
        finally:
            self._waiting = None


def stop_stream(scope: Mapping[str, Any]) -> None:
    """End the stream that answers a request, if there is one. Its client comes back, to another process."""
    stopper: _Stopper | None = scope.get(STREAM_KEY)
    if stopper is not None:
        stopper.stop()


async def _write(payloads: Payloads, frames: Framing, interval: float, scope: Scope) -> AsyncGenerator[str, None]:
    stopper = scope[STREAM_KEY] = _Stopper()

    async def framed() -> AsyncGenerator[str, None]:
        async with aclosing(payloads()) as encoded:
            async for payload in encoded:
                yield frames.frame(payload)
        yield frames.closing

    with_heartbeats = merge_stream_with_heartbeat(
        framed, lambda: frames.heartbeat, interval=interval, send_initial_heartbeat=False
    )
    async with aclosing(with_heartbeats()) as texts:
        text: str | None = frames.opening
        while text is not None and text != frames.closing:
            yield text
            text = await stopper.next_text(texts)
    yield frames.interrupting if text is None else text
