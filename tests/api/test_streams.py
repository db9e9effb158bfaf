"""Streams over HTTP as they look on the wire: server-sent events, and the multipart parts that Apollo Client reads."""

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
    """An answer that is read as it comes."""

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
        """Return the whole text, read to its end."""
        async with asyncio.timeout(10):
            async for chunk in self._chunks:
                self.text += chunk
        return self.text


@asynccontextmanager
async def opened(system: System, accept: str, document: str = DOCUMENT, **variables: object) -> AsyncIterator[Stream]:
    """Send an operation, and return once the headers of the answer are there."""
    headers = {"Authorization": f"Bearer {system.admin.token}", "Accept": accept}
    body = {"query": document, "variables": variables}
    http = httpx.AsyncClient(trust_env=False, timeout=10)
    async with http, http.stream("POST", f"{system.url}/graphql", json=body, headers=headers) as response:
        yield Stream(response)


async def cancel(system: System, deployment: str) -> None:
    """Bring a feed to its end."""
    await system.admin.change("cancelDeployment", "__typename", id=deployment, reason="a test")


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feeds in which nothing happens."""

    async def follow(*_: object) -> AsyncIterator[FeedPage[Event]]:
        await asyncio.Event().wait()
        for never in list[FeedPage[Event]]():
            yield never

    monkeypatch.setattr(events, "follow", follow)


# Both


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("accept", ACCEPTS)
async def test_an_answer_begins_before_anything_happens(shared: System, accept: str) -> None:
    deployment = await chain(shared, 1)
    async with opened(shared, accept, id=deployment) as stream:
        assert stream.response.status_code == 200
        assert "no-cache" in stream.response.headers["cache-control"]
        assert stream.response.headers["x-accel-buffering"] == "no"
        await stream.until("here it begins" if accept == ACCEPTS[0] else "{}\r\n--graphql")


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("accept", ACCEPTS)
async def test_a_silent_feed_gives_signs_of_life(shared: System, accept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "EVENTS_HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(streaming, "PARTS_HEARTBEAT_SECONDS", 0.05)
    deployment = await chain(shared, 1)
    async with opened(shared, accept, id=deployment) as stream:
        beat = ": still here\n\n" if accept == ACCEPTS[0] else "\r\n\r\n{}\r\n--graphql"
        for _ in range(3):
            await stream.until(beat)
            stream.text = stream.text.partition(beat)[2]


def test_signs_of_life_come_before_a_proxy_loses_its_patience() -> None:
    assert 12 <= streaming.EVENTS_HEARTBEAT_SECONDS <= 15
    assert streaming.PARTS_HEARTBEAT_SECONDS == 5


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_nothing_runs_on_for_a_client_that_has_gone(
    shared: System, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.transport.streaming.merge_stream_with_heartbeat", counted := Counted())
    deployment = await chain(shared, 1)
    async with opened(shared, accept, id=deployment) as stream:
        await stream.until("cursor")
        assert counted.open == 1

    async def nothing() -> bool:
        return counted.open == 0

    await eventually(nothing, "the stream is closed")


class Counted:
    """How many streams are being written."""

    def __init__(self) -> None:
        self.open = 0

    def __call__(self, source: Callable[[], AsyncIterator[str]], *given: object, **named: object) -> object:
        async def counting() -> AsyncIterator[str]:
            self.open += 1
            try:
                async for text in source():
                    yield text
            finally:
                self.open -= 1

        return merge_stream_with_heartbeat(counting, *given, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_what_can_not_be_run_is_told_within_the_stream(shared: System, accept: str) -> None:
    for document in ("{", "subscription { nothing }", 'subscription { deploymentEvents(id: "nobody") { cursor } }'):
        async with opened(shared, accept, document) as stream:
            text = await stream.rest()
            assert stream.response.status_code == 200
            assert text.count('"errors":[{') == 1 and "INTERNAL" not in text


# Server-sent events


def events_of(text: str) -> list[tuple[str, str]]:
    """Return the events of a stream, by the rules of the HTML standard for a stream without carriage returns."""
    found: list[tuple[str, str]] = []
    for block in text.split("\n\n"):
        fields = [line.partition(":") for line in block.split("\n") if line and not line.startswith(":")]
        if fields:
            given = {name: value.removeprefix(" ") for name, _, value in fields}
            found.append((given["event"], given["data"]))
    return found


async def test_a_feed_is_events_and_a_completion(shared: System) -> None:
    deployment = await chain(shared, 1)
    async with opened(shared, ACCEPTS[0], id=deployment) as stream:
        await stream.until("event: next")
        await cancel(shared, deployment)
        found = events_of(await stream.rest())
    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [name for name, _ in found] == ["next", "next", "complete"]
    batches = [json.loads(data)["data"]["deploymentEvents"] for name, data in found if name == "next"]
    cursors = [event["cursor"] for batch in batches for event in batch["events"]]
    assert cursors == [event["cursor"] for event in await stored(shared.admin, EVENTS, deployment)]


async def test_a_feed_can_be_asked_for_by_get_as_event_sources_do(shared: System) -> None:
    deployment = await chain(shared, 1)
    await cancel(shared, deployment)
    parameters = {"query": DOCUMENT, "variables": json.dumps({"id": deployment})}
    headers = {"Authorization": f"Bearer {shared.admin.token}", "Accept": ACCEPTS[0]}
    async with httpx.AsyncClient(trust_env=False) as http:
        found = events_of((await http.get(f"{shared.url}/graphql", params=parameters, headers=headers)).text)
    assert [name for name, _ in found] == ["next", "complete"]


async def test_a_feed_that_breaks_breaks_its_connection_off(shared: System, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(*_: object) -> AsyncIterator[bytes]:
        yield b'{"data":{}}'
        raise FeedBrokenError

    monkeypatch.setattr(FeedHub, "read", read)
    async with opened(shared, ACCEPTS[0], id="any") as stream:
        with pytest.raises(httpx.RemoteProtocolError):
            await stream.rest()
    assert [name for name, _ in events_of(stream.text)] == ["next"]


async def test_a_query_and_a_mutation_are_answered_by_one_event(shared: System) -> None:
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


async def test_a_feed_is_parts_and_a_closing_delimiter(shared: System) -> None:
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


async def test_a_query_that_might_have_had_parts_is_a_document(shared: System) -> None:
    async with opened(shared, APOLLO, "{ viewer { __typename } }") as stream:
        assert stream.response.headers["content-type"] == "application/json; charset=utf-8"
        assert "data" in json.loads(await stream.rest())
