"""Results one after another in one HTTP answer: as server-sent events, or as parts of a multipart body.

Both begin at once, before there is a first result, and say something while nothing happens: whatever stands between a
client and this process would else take the silence for death.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from starlette.responses import StreamingResponse
from strawberry.http.streaming import merge_stream_with_heartbeat

from app.api.negotiation import Media

EVENTS_HEARTBEAT_SECONDS = 12.0
"""Proxies give up on what is silent for 30 s or 60 s, some for 15 s."""
PARTS_HEARTBEAT_SECONDS = 5.0
"""What clients of this protocol were made to expect."""
BOUNDARY = "graphql"
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
)
_HEAD = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
_NEXT = f"\r\n--{BOUNDARY}"
# A part counts only once the delimiter behind it has come, so that goes along with it.
PARTS = Framing(
    content_type=f'multipart/mixed; boundary="{BOUNDARY}"; subscriptionSpec="1.0"',
    opening=f"{_NEXT}{_HEAD}{{}}{_NEXT}",
    heartbeat=f"{_HEAD}{{}}{_NEXT}",
    before=f'{_HEAD}{{"payload":',
    after=f"}}{_NEXT}",
    closing="--\r\n",
)


def framing(media: Media) -> tuple[Framing, float]:
    """Return how a stream is written, and how many seconds it may be silent."""
    if media is Media.EVENTS:
        return EVENTS, EVENTS_HEARTBEAT_SECONDS
    return PARTS, PARTS_HEARTBEAT_SECONDS


def streamed(payloads: Payloads, media: Media) -> StreamingResponse:
    """Return the answer that brings every payload, then says that it is complete."""
    frame, interval = framing(media)
    headers: Mapping[str, str] = {"Content-Type": frame.content_type, **UNBUFFERED}
    return StreamingResponse(_written(payloads, frame, interval), headers=headers)


async def _written(payloads: Payloads, frame: Framing, interval: float) -> AsyncGenerator[str, None]:
    async def results() -> AsyncGenerator[str, None]:
        async with aclosing(payloads()) as found:
            async for payload in found:
                yield frame.framed(payload)
        yield frame.closing

    yield frame.opening
    beating = merge_stream_with_heartbeat(
        results, lambda: frame.heartbeat, interval=interval, send_initial_heartbeat=False
    )
    async with aclosing(beating()) as texts:
        async for text in texts:
            yield text
