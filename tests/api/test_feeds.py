"""Live feeds: every event and log line once, in order, over any subscribers and disconnects."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import websockets
from redis.asyncio import Redis

from app.services.feeds import events as service
from app.store import event_feed as feed_store
from tests.api.support.feeds import (
    EVENTS,
    LINES,
    WAYS,
    Feed,
    Follow,
    chain,
    collect,
    over_socket,
    start,
    stored,
    task_of,
)
from tests.api.support.rows import database, eventually
from tests.api.support.wire import PROTOCOL, answers, begin, code, events, operate
from tests.gateways.support.valkey import subscribers
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import task, world

ways = pytest.mark.parametrize("follow", WAYS)
feeds = pytest.mark.parametrize("feed", [EVENTS, LINES], ids=["events", "lines"])


@pytest.fixture(scope="module")
async def live(shared: System) -> System:
    """The running API, with a worker."""
    await shared.start_worker()
    return shared


@dataclass(frozen=True, slots=True)
class Ended:
    """A deployment that has succeeded, and everything that its feeds hold."""

    ids: dict[str, str]
    items: dict[str, list[Data]]


@pytest.fixture(scope="module")
async def ended_deployment(live: System) -> Ended:
    deployment = await chain(live, 3, lines=12)
    await start(live.admin, deployment)
    await live.admin.until(deployment, "SUCCESS")
    ids = {"events": deployment, "lines": await task_of(live.admin, deployment)}
    items = {feed.items: await stored(live.admin, feed, ids[feed.items]) for feed in (EVENTS, LINES)}
    assert len(items["events"]) > 8 and len(items["lines"]) == 12
    return Ended(ids, items)


# Replay


@ways
@feeds
async def test_an_ended_feed_is_replayed_whole_and_completes(
    live: System, ended_deployment: Ended, feed: Feed, follow: Follow
) -> None:
    batches = [batch async for batch in follow(live.admin, feed, ended_deployment.ids[feed.items])]
    assert [item for batch in batches for item in batch.items] == ended_deployment.items[feed.items]
    assert all(batch.cursor == batch.items[-1]["cursor"] for batch in batches)
    assert batches[-1].caught_up


@feeds
async def test_a_replay_from_each_cursor_has_the_items_behind_it(
    live: System, ended_deployment: Ended, feed: Feed
) -> None:
    items, id_ = ended_deployment.items[feed.items], ended_deployment.ids[feed.items]
    async with live.admin.socket() as socket_:
        for number, item in enumerate(items, 1):
            results = await operate(socket_, feed.document, id=id_, after=item["cursor"])
            items_behind = [item for result in results for item in result["data"][feed.field][feed.items]]
            assert items_behind == items[number:]
            assert results[-1]["data"][feed.field]["cursor"] == items[-1]["cursor"]


@feeds
async def test_a_feed_larger_than_a_page_comes_in_several(live: System, feed: Feed) -> None:
    deployment = await chain(live, 1)
    id_ = deployment if feed is EVENTS else await task_of(live.admin, deployment)
    number = 1200 if feed is EVENTS else 2200
    await store_items(live, feed, id_, number)
    async with aclosing(over_socket(live.admin, feed, id_)) as pages_of_feed:
        pages = [await anext(pages_of_feed)]
        while not pages[-1].caught_up:
            pages.append(await anext(pages_of_feed))
        assert len(pages) > 2 and pages[-1].items
        items = [item for page in pages for item in page.items]
        assert items == await stored(live.admin, feed, id_)
        assert len(items) == number
        await live.admin.change("cancelDeployment", "__typename", id=deployment, reason="a test")
        assert len(await collect(pages_of_feed)) == (2 if feed is EVENTS else 0)


async def store_items(system: System, feed: Feed, id_: str, number: int) -> None:
    """Store items as if they had come in the past, up to a number."""
    statements = {
        "events": (
            "INSERT INTO deployment_events (deployment_id, number, at, actor_id, type, body) SELECT deployment_id,"
            " n, at, actor_id, type, body FROM deployment_events, generate_series(2, $2) n WHERE deployment_id = $1",
            "UPDATE deployments SET last_event = $2 WHERE id = $1",
        ),
        "lines": (
            "INSERT INTO task_logs (task_id, number, at, level, message, attempt)"
            " SELECT $1, n, now(), 'INFO', 'line ' || n, 1 FROM generate_series(1, $2) n",
            "UPDATE tasks SET last_log = $2 WHERE id = $1",
        ),
    }
    async with database(system) as connection:
        for statement in statements[feed.items]:
            await connection.execute(statement, id_, number)


async def test_objects_in_events_have_all_their_fields_and_lists(live: System, ended_deployment: Ended) -> None:
    document = """subscription($id: ID!) { deploymentEvents(id: $id) { events {
      ... on DeploymentStatusChanged { deployment {
        events { nodes { cursor } } version { deployments { nodes { id } } } } }
      ... on TaskStatusChanged { task { logs { nodes { cursor } } } } } } }"""
    cursors = [item["cursor"] for item in ended_deployment.items["events"]]
    async for data in live.admin.subscribe(document, id=ended_deployment.ids["events"]):
        for event in data["deploymentEvents"]["events"]:
            if "deployment" in event:
                assert [node["cursor"] for node in event["deployment"]["events"]["nodes"]] == cursors
                assert len(event["deployment"]["version"]["deployments"]["nodes"]) == 1
            if "task" in event:
                lines = [node["cursor"] for node in event["task"]["logs"]["nodes"]]
                assert len(lines) == len(set(lines)) == 12


# Live


@ways
async def test_subscribers_that_join_late_get_the_same_events(live: System, follow: Follow) -> None:
    deployment = await chain(live)
    late: list[tuple[int, asyncio.Task[list[Data]]]] = []
    items: list[Data] = []
    async for batch in follow(live.admin, EVENTS, deployment):
        if not items:
            await start(live.admin, deployment)
        items += batch.items
        for cursor, skipped in ((batch.cursor, len(items)), (None, 0)):
            items_behind = collect(follow(live.admin, EVENTS, deployment, after=cursor))
            late.append((skipped, asyncio.create_task(items_behind)))
    assert items == await stored(live.admin, EVENTS, deployment)
    assert items[-1]["toDeployment"] == "SUCCESS"
    assert len(late) > 5
    for skipped, follower in late:
        assert await follower == items[skipped:]


@ways
async def test_log_lines_of_a_running_task_come_in_order_and_complete(live: System, follow: Follow) -> None:
    deployment = await chain(live, 2, seconds=0.6, lines=900)
    tasks = [await task_of(live.admin, deployment, key) for key in ("t0", "t1")]
    followers = [asyncio.create_task(collect(follow(live.admin, LINES, id_))) for id_ in tasks * 2]
    await start(live.admin, deployment)
    for id_, follower in zip(tasks * 2, followers, strict=True):
        lines = await follower
        assert [line["message"] for line in lines] == [f"line {n} of 900" for n in range(1, 901)]
        assert lines == await stored(live.admin, LINES, id_)


@ways
@feeds
async def test_a_subscriber_that_disconnects_after_every_page_misses_nothing(
    live: System, feed: Feed, follow: Follow
) -> None:
    deployment = await chain(live, 2, seconds=0.5, lines=40)
    id_ = deployment if feed is EVENTS else await task_of(live.admin, deployment)
    await start(live.admin, deployment)
    items: list[Data] = []
    cursor, connections, completed = None, 0, False
    while not completed:
        connections, completed = connections + 1, True
        async with aclosing(follow(live.admin, feed, id_, after=cursor)) as batches:
            async for batch in batches:
                items, cursor = items + batch.items, batch.cursor
                if batch.items:
                    completed = False
                    break
    assert items == await stored(live.admin, feed, id_)
    assert connections > 3


async def test_lines_are_filtered_live_as_in_a_query(live: System) -> None:
    environment = await world(live.admin, "SHELL")
    await environment.application("shop")
    script = "for n in 1 2 3; do echo plain $n; echo ERROR: bad $n; echo WARN: hm $n; sleep 0.15; done"
    graph = [task("t0", command={"command": ["sh", "-c", script]})]
    filters: list[Data] = [{"levels": ["ERROR"]}, {"levels": ["WARN", "INFO"]}]
    filters += [{"contains": "BAD 2"}, {"contains": "nothing"}]
    deployment = await environment.deploy(tasks=graph, autoStart=False)
    id_ = await task_of(live.admin, deployment)
    followers = [asyncio.create_task(collect(over_socket(live.admin, LINES, id_, **filter_))) for filter_ in filters]
    await start(live.admin, deployment)
    lines_by_filter = [await follower for follower in followers]
    assert lines_by_filter == [await stored(live.admin, LINES, id_, **filter_) for filter_ in filters]
    assert [len(lines) for lines in lines_by_filter] == [3, 6, 1, 0]


async def test_operations_of_one_socket_are_independent(live: System, ended_deployment: Ended) -> None:
    waiting = await chain(live, 1)
    async with live.admin.socket() as socket_:
        await begin(socket_, "live", EVENTS.document, id=waiting)
        assert json.loads(await socket_.recv())["type"] == "next"
        await begin(socket_, "ended", EVENTS.document, id=ended_deployment.ids["events"])
        assert {message["id"] for message in await until_complete(socket_, "ended")} == {"ended"}
        await live.admin.change("cancelDeployment", "__typename", id=waiting, reason="a test")
        assert [message["type"] for message in await until_complete(socket_, "live")] == ["next", "complete"]


async def until_complete(socket_: websockets.ClientConnection, id_: str) -> list[Data]:
    messages: list[Data] = []
    while not any(message["id"] == id_ and message["type"] == "complete" for message in messages):
        messages.append(json.loads(await socket_.recv()))
    return messages


# Failure and retry


@ways
async def test_a_feed_completes_with_a_failure_and_goes_on_after_a_retry(live: System, follow: Follow) -> None:
    deployment = await chain(live, 2, failAttempts=1)
    await start(live.admin, deployment)
    failed = await collect(follow(live.admin, EVENTS, deployment))
    assert failed[-1]["toDeployment"] == "FAILED"
    id_ = await task_of(live.admin, deployment)
    lines = await collect(follow(live.admin, LINES, id_))
    assert await collect(follow(live.admin, EVENTS, deployment, after=failed[-1]["cursor"])) == []

    await live.admin.change("retryDeployment", "__typename", id=deployment)
    retried = await collect(follow(live.admin, EVENTS, deployment, after=failed[-1]["cursor"]))
    assert retried[-1]["toDeployment"] == "FAILED"  # of its second task
    assert failed + retried == await stored(live.admin, EVENTS, deployment)
    more = await collect(follow(live.admin, LINES, id_, after=lines[-1]["cursor"]))
    assert {line["attempt"] for line in lines} == {1} and {line["attempt"] for line in more} == {2}
    assert lines + more == await stored(live.admin, LINES, id_)


async def test_the_log_of_a_task_that_never_ran_completes(live: System) -> None:
    deployment = await chain(live, 2, outcome="failure")
    never = await task_of(live.admin, deployment, "t1")
    follower = asyncio.create_task(collect(over_socket(live.admin, LINES, never)))
    await start(live.admin, deployment)
    assert await follower == []


# Subscribers that are slow, or gone


async def test_a_listener_that_overflows_loses_nothing(live: System) -> None:
    deployment = await chain(live, 3)
    topic, bus = feed_store.topic(deployment), live.runtime.bus
    followed = aclosing(service.follow(live.runtime, deployment, 0))
    async with bus.listen(topic) as idle, bus.listen("the end") as last_listener, followed as batches:
        first_batch = await anext(batches)
        await bus.publish([(topic, feed_store.encode(first_batch.items))] * 300 + [("the end", b"")])
        assert await last_listener.get(10)
        await start(live.admin, deployment)
        await live.admin.until(deployment, "SUCCESS")
        assert await idle.get(10) is None
        numbers = [event.number for event in first_batch.items]
        numbers += [event.number async for batch in batches for event in batch.items]
    assert numbers == list(range(1, len(await stored(live.admin, EVENTS, deployment)) + 1))


async def test_a_subscriber_that_does_not_read_loses_nothing_and_delays_no_other(live: System) -> None:
    deployment = await chain(live, 1, seconds=0.5, lines=8000)
    id_ = await task_of(live.admin, deployment)
    document = "subscription($id: ID!) { taskLogs(taskId: $id) { cursor caughtUp lines { cursor message } } }"
    async with slow_socket(live.admin) as slow:
        await begin(slow, "1", document, id=id_)
        quick = asyncio.create_task(collect(over_socket(live.admin, LINES, id_)))
        await start(live.admin, deployment)
        assert len(await quick) == 8000
        messages = await until_complete(slow, "1")
    lines = [line["message"] for message in messages[:-1] for line in message["payload"]["data"]["taskLogs"]["lines"]]
    assert lines == [f"line {n} of 8000" for n in range(1, 8001)]


@asynccontextmanager
async def slow_socket(client: Client) -> AsyncIterator[websockets.ClientConnection]:
    """Open a socket with a minimal receive buffer."""
    address = httpx.URL(client.url)
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, (address.host, address.port))
    url = f"ws://{address.host}:{address.port}/graphql"
    async with websockets.connect(url, subprotocols=[PROTOCOL], sock=small, proxy=None, max_queue=1) as connection:
        payload = {"Authorization": f"Bearer {client.token}"}
        await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await connection.recv())["type"] == "connection_ack"
        yield connection


async def vanish_after_complete(client: Client, deployment: str) -> AsyncGenerator[None, None]:
    async with client.socket() as socket_:
        await begin(socket_, "1", EVENTS.document, id=deployment)
        await socket_.recv()
        yield
        await socket_.send(json.dumps({"id": "1", "type": "complete"}))
        yield


async def vanish_with_the_socket(client: Client, deployment: str) -> AsyncGenerator[None, None]:
    async with client.socket() as socket_:
        await begin(socket_, "1", EVENTS.document, id=deployment)
        await socket_.recv()
        yield
    yield


async def vanish_without_a_word(client: Client, deployment: str) -> AsyncGenerator[None, None]:
    async with client.socket() as socket_:
        await begin(socket_, "1", EVENTS.document, id=deployment)
        await socket_.recv()
        yield
        socket_.transport.abort()
    yield


async def vanish_from_server_sent_events(client: Client, deployment: str) -> AsyncGenerator[None, None]:
    async with aclosing(events(client, EVENTS.document, id=deployment)) as results:
        await anext(results)
        yield
    yield


VANISHING = [vanish_after_complete, vanish_with_the_socket, vanish_without_a_word, vanish_from_server_sent_events]


@pytest.mark.parametrize("vanish", VANISHING)
async def test_the_subscription_of_a_client_that_vanishes_is_removed(live: System, vanish: Any) -> None:
    deployment = await chain(live, 1)
    topic = feed_store.topic(deployment)
    async with (
        Redis.from_url(live.settings.store.redis_url or "") as valkey,
        aclosing(vanish(live.admin, deployment)) as client,
    ):
        await anext(client)
        assert await subscribers(valkey, topic) == 1
        await anext(client)

        async def has_no_subscriber() -> bool:
            return await subscribers(valkey, topic) == 0

        await eventually(has_no_subscriber, "the subscription is gone")


# Refusals


async def test_a_feed_of_an_unknown_object_is_not_found(live: System, ended_deployment: Ended) -> None:
    unknown = ["nobody", "", ended_deployment.ids["events"][:-1] + "!"]
    for feed, other_id in ((EVENTS, ended_deployment.ids["lines"]), (LINES, ended_deployment.ids["events"])):
        for id_ in (*unknown, other_id):
            over_ws = await answers(live.admin, feed.document, id=id_)
            over_sse = [result async for result in events(live.admin, feed.document, id=id_)]
            assert [code(result) for result in over_ws + over_sse] == ["NOT_FOUND"] * 2, id_


async def test_a_cursor_of_another_feed_is_invalid(live: System, ended_deployment: Ended) -> None:
    line, event = (ended_deployment.items[name][0]["cursor"] for name in ("lines", "events"))
    for feed, foreign in ((EVENTS, line), (LINES, event)):
        for cursor in ("", "zzz", foreign, "===="):
            variables = {"id": ended_deployment.ids[feed.items], "after": cursor}
            over_ws = await answers(live.admin, feed.document, **variables)
            over_sse = [result async for result in events(live.admin, feed.document, **variables)]
            assert [code(result) for result in over_ws + over_sse] == ["INVALID"] * 2, cursor


async def test_server_sent_events_have_plain_line_feeds_and_begin_at_once(live: System) -> None:
    deployment = await chain(live, 1)
    headers = {"Authorization": f"Bearer {live.admin.token}", "Accept": "text/event-stream"}
    body = {"query": EVENTS.document, "variables": {"id": deployment}}
    http = httpx.AsyncClient(trust_env=False, verify=False)
    async with http, http.stream("POST", f"{live.url}/graphql", json=body, headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        await live.admin.change("cancelDeployment", "__typename", id=deployment, reason="a test")
        text = (await response.aread()).decode()
    assert "\r" not in text
    assert text.count("event: next\n") == 2 and text.rstrip().endswith("event: complete\ndata:")
