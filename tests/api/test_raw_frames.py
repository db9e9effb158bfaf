"""Raw frames past ASGI: only where it is safe, and the same messages either way."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from app.api.transport import raw_frames
from app.api.transport.raw_frames import RawFrames, frame_header
from tests.api.support.feeds import EVENTS, chain, collect, over_socket, start, stored
from tests.api.support.wire import begin
from tests.support.client import Client
from tests.support.system import System, served


class FrameCounter:
    """Counts messages that were sent as raw frames, and refused ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = self.refused = 0
        sender = RawFrames.sender

        def counted(raw_frames_: RawFrames, prefix: bytes, is_cancelled: Callable[[], int]) -> Callable[[bytes], bool]:
            send = sender(raw_frames_, prefix, is_cancelled)

            def count(suffix: bytes) -> bool:
                is_sent = send(suffix)
                self.taken, self.refused = self.taken + is_sent, self.refused + (not is_sent)
                return is_sent

            return count

        monkeypatch.setattr(RawFrames, "sender", counted)


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> FrameCounter:
    return FrameCounter(monkeypatch)


@pytest.fixture(scope="module")
async def live(shared: System) -> System:
    """The running API, with a worker."""
    await shared.start_worker()
    return shared


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_frame_headers_equal_those_of_the_library(size: int) -> None:
    assert frame_header(size) + bytes(size) == Frame(Opcode.TEXT, bytes(size)).serialize(mask=False)


async def test_live_events_are_sent_as_raw_frames(live: System, frames: FrameCounter) -> None:
    deployment = await chain(live)
    followers = [asyncio.create_task(collect(over_socket(live.admin, EVENTS, deployment))) for _ in range(5)]
    await start(live.admin, deployment)
    expected = [await follower for follower in followers]
    assert expected == [await stored(live.admin, EVENTS, deployment)] * 5
    assert frames.taken > 5 * 5


@pytest.mark.parametrize("options", [{"ws_per_message_deflate": True}], ids=["compressed"])
async def test_sockets_that_compress_get_their_messages_through_asgi(
    live: System, frames: FrameCounter, options: dict[str, Any]
) -> None:
    deployment = await chain(live)
    async with served(live.runtime, **options) as url:
        client = Client(url, live.admin.token)
        following = asyncio.create_task(collect(over_socket(client, EVENTS, deployment)))
        await start(live.admin, deployment)
        assert await following == await stored(live.admin, EVENTS, deployment)
    assert frames.taken == frames.refused == 0


async def test_a_client_that_falls_behind_gets_its_messages_through_asgi(
    live: System, frames: FrameCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_frames, "MAX_PENDING_BYTES", -1)
    deployment = await chain(live)
    following = asyncio.create_task(collect(over_socket(live.admin, EVENTS, deployment)))
    await start(live.admin, deployment)
    assert await following == await stored(live.admin, EVENTS, deployment)
    assert frames.refused and not frames.taken


async def test_an_id_that_is_used_again_gets_nothing_of_its_earlier_operation(live: System) -> None:
    deployment = await chain(live, 30, seconds=0.01)
    await start(live.admin, deployment)
    cursors: list[str] = []
    cursor, completed = None, False
    async with live.admin.socket() as socket:
        while not completed:
            await begin(socket, "1", EVENTS.document, id=deployment, after=cursor)
            stopped = False
            while (message := json.loads(await socket.recv()))["type"] != "pong":
                completed = completed or message["type"] == "complete"
                if message["type"] == "next":
                    batch = message["payload"]["data"]["deploymentEvents"]
                    cursors += [event["cursor"] for event in batch["events"]]
                    cursor = batch["cursor"]
                if not stopped:
                    await socket.send(json.dumps({"id": "1", "type": "complete"}))
                    await socket.send(json.dumps({"type": "ping"}))
                    stopped = True
    assert cursors == [event["cursor"] for event in await stored(live.admin, EVENTS, deployment)]
