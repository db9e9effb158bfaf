"""Streams over HTTP on the wire: server-sent events, and the parts that Apollo Client reads."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes

import httpx
import pytest
from strawberry.http.streaming import merge_stream_with_heartbeat

from app.api.feeds.errors import FeedBrokenError
from app.api.feeds.hub import FeedHub
from app.api.transport import streaming
from app.core.events import Event
from app.services.feeds import events
from app.services.feeds.tail import FeedPage
from tests.api.support.feeds import EVENTS, chain, stored
from tests.api.support.rows import eventually
from tests.support.system import System

APOLLO = 'multipart/mixed;subscriptionSpec="1.0", application/json'
ACCEPTS = ["text/event-stream", APOLLO]
DOCUMENT = (
    "subscription($id: ID!, $after: Cursor) { deploymentEvents(id: $id, after: $after) { cursor events { cursor } } }"
)


class Stream:
    """A response that is read as it arrives."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.text = ""
        self._chunks = response.aiter_text()

    async def until(self, text: str) -> None:
        """Read until a text has come, and fail when it does not."""
        async with asyncio.timeout(10):
            while text not in self.text:
                self.text += await anext(self._chunks)

    async def rest(self) -> str:
        """Return the whole text, to the end of the response."""
        async with asyncio.timeout(10):
            async for chunk in self._chunks:
                self.text += chunk
        return self.text


@asynccontextmanager
async def opened(system: System, accept: str, document: str = DOCUMENT, **variables: object) -> AsyncIterator[Stream]:
    """Send an operation, and return at the response's headers."""
    headers = {"Authorization": f"Bearer {system.admin.token}", "Accept": accept}
    body = {"query": document, "variables": variables}
    http = httpx.AsyncClient(trust_env=False, timeout=10)
    async with http, http.stream("POST", f"{system.url}/graphql", json=body, headers=headers) as response:
        yield Stream(response)


async def cancel(system: System, deployment: str) -> None:
    """End a feed by cancelling its deployment."""
    await system.admin.change("cancelDeployment", "__typename", id=deployment, reason="a test")


@pytest.fixture
def silent_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feeds in which nothing happens."""

    async def follow(*_: object) -> AsyncIterator[FeedPage[Event]]:
        await asyncio.Event().wait()
        for never in list[FeedPage[Event]]():
            yield never

    monkeypatch.setattr(events, "follow", follow)


# Both


@pytest.mark.usefixtures("silent_feeds")
@pytest.mark.parametrize("accept", ACCEPTS)
async def test_a_stream_begins_before_its_first_result(shared: System, accept: str) -> None:
    deployment = await chain(shared, 1)
    async with opened(shared, accept, id=deployment) as stream:
        assert stream.response.status_code == 200
        assert "no-cache" in stream.response.headers["cache-control"]
        assert stream.response.headers["x-accel-buffering"] == "no"
        await stream.until("here it begins" if accept == ACCEPTS[0] else "{}\r\n--graphql")


@pytest.mark.usefixtures("silent_feeds")
@pytest.mark.parametrize("accept", ACCEPTS)
async def test_a_silent_stream_has_heartbeats(shared: System, accept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "EVENTS_HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(streaming, "PARTS_HEARTBEAT_SECONDS", 0.05)
    deployment = await chain(shared, 1)
    async with opened(shared, accept, id=deployment) as stream:
        beat = ": still here\n\n" if accept == ACCEPTS[0] else "\r\n\r\n{}\r\n--graphql"
        for _ in range(3):
            await stream.until(beat)
            stream.text = stream.text.partition(beat)[2]


def test_heartbeats_are_shorter_than_the_timeouts_of_proxies() -> None:
    assert 12 <= streaming.EVENTS_HEARTBEAT_SECONDS <= 15
    assert streaming.PARTS_HEARTBEAT_SECONDS == 5


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_the_stream_of_a_disconnected_client_is_closed(
    shared: System, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.transport.streaming.merge_stream_with_heartbeat", counter := StreamCounter())
    deployment = await chain(shared, 1)
    async with opened(shared, accept, id=deployment) as stream:
        await stream.until("cursor")
        assert counter.open == 1

    async def is_closed() -> bool:
        return counter.open == 0

    await eventually(is_closed, "the stream is closed")


class StreamCounter:
    """Counts the streams that are being written."""

    def __init__(self) -> None:
        self.open = 0

    def __call__(self, source: Callable[[], AsyncIterator[str]], *args: object, **options: object) -> object:
        async def counting() -> AsyncIterator[str]:
            self.open += 1
            try:
                async for text in source():
                    yield text
            finally:
                self.open -= 1

        return merge_stream_with_heartbeat(counting, *args, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_errors_of_invalid_operations_come_within_the_stream(shared: System, accept: str) -> None:
    for document in ("{", "subscription { nothing }", 'subscription { deploymentEvents(id: "nobody") { cursor } }'):
        async with opened(shared, accept, document) as stream:
            text = await stream.rest()
            assert stream.response.status_code == 200
            assert text.count('"errors":[{') == 1 and "INTERNAL" not in text


# Server-sent events


def events_of(text: str) -> list[tuple[str, str]]:
    """Return the events of a stream without carriage returns, by the rules of the HTML standard."""
    events_: list[tuple[str, str]] = []
    for block in text.split("\n\n"):
        fields = [line.partition(":") for line in block.split("\n") if line and not line.startswith(":")]
        if fields:
            values = {name: value.removeprefix(" ") for name, _, value in fields}
            events_.append((values["event"], values["data"]))
    return events_


async def test_a_feed_has_an_event_for_each_result_and_a_completion(shared: System) -> None:
    deployment = await chain(shared, 1)
    async with opened(shared, ACCEPTS[0], id=deployment) as stream:
        await stream.until("event: next")
        await cancel(shared, deployment)
        stream_events = events_of(await stream.rest())
    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [name for name, _ in stream_events] == ["next", "next", "complete"]
    batches = [json.loads(data)["data"]["deploymentEvents"] for name, data in stream_events if name == "next"]
    cursors = [event["cursor"] for batch in batches for event in batch["events"]]
    assert cursors == [event["cursor"] for event in await stored(shared.admin, EVENTS, deployment)]


async def test_a_feed_can_be_requested_by_get(shared: System) -> None:
    deployment = await chain(shared, 1)
    await cancel(shared, deployment)
    parameters = {"query": DOCUMENT, "variables": json.dumps({"id": deployment})}
    headers = {"Authorization": f"Bearer {shared.admin.token}", "Accept": ACCEPTS[0]}
    async with httpx.AsyncClient(trust_env=False) as http:
        stream_events = events_of((await http.get(f"{shared.url}/graphql", params=parameters, headers=headers)).text)
    assert [name for name, _ in stream_events] == ["next", "complete"]


async def test_a_broken_feed_breaks_the_connection_off(shared: System, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(*_: object) -> AsyncIterator[bytes]:
        yield b'{"data":{}}'
        raise FeedBrokenError

    monkeypatch.setattr(FeedHub, "read", read)
    async with opened(shared, ACCEPTS[0], id="any") as stream:
        with pytest.raises(httpx.RemoteProtocolError):
            await stream.rest()
    assert [name for name, _ in events_of(stream.text)] == ["next"]


async def test_a_query_and_a_mutation_have_one_event(shared: System) -> None:
    deployment = await chain(shared, 1)
    query = "query($id: ID!) { deployment(id: $id) { id } }"
    mutation = 'mutation($id: ID!) { cancelDeployment(input: { id: $id, reason: "x" }) { deployment { id } } }'
    for document, field in ((query, None), (mutation, "cancelDeployment")):
        async with opened(shared, ACCEPTS[0], document, id=deployment) as stream:
            (_, data), complete = events_of(await stream.rest())
            result = json.loads(data)["data"]
            assert (result[field] if field else result) == {"deployment": {"id": deployment}}
            assert complete == ("complete", "")


# Multipart


async def test_a_feed_has_a_part_for_each_result_and_a_closing_delimiter(shared: System) -> None:
    deployment = await chain(shared, 1)
    async with opened(shared, APOLLO, id=deployment) as stream:
        await stream.until('"payload"')
        assert stream.text.endswith("\r\n--graphql"), "a part comes along with what ends it"
        await cancel(shared, deployment)
        text = await stream.rest()
    assert stream.response.headers["content-type"] == 'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"'
    head = f"Content-Type: {stream.response.headers['content-type']}\r\n\r\n"
    mail = message_from_bytes((head + text).encode())
    assert mail.is_multipart() and mail.defects == []
    parts = [json.loads(part.get_payload(decode=True)) for part in mail.get_payload()]  # type: ignore[arg-type,union-attr]
    assert {part.get_content_type() for part in mail.get_payload()} == {"application/json"}  # type: ignore[union-attr]
    assert parts[0] == {}
    batches = [part["payload"]["data"]["deploymentEvents"] for part in parts[1:]]
    cursors = [event["cursor"] for batch in batches for event in batch["events"]]
    assert cursors == [event["cursor"] for event in await stored(shared.admin, EVENTS, deployment)]
    assert text.endswith("\r\n--graphql--\r\n")


async def test_a_query_with_json_and_multipart_accepted_is_one_document(shared: System) -> None:
    async with opened(shared, APOLLO, "{ viewer { __typename } }") as stream:
        assert stream.response.headers["content-type"] == "application/json; charset=utf-8"
        assert "data" in json.loads(await stream.rest())
