"""Shared feeds: each subscriber gets every event once and in order, over any number of reconnects."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.api.feeds import message_buffer, shared_execution
from app.core.events import Event
from app.services.feeds import events
from app.services.feeds.tail import FeedPage
from app.services.runtime import Runtime
from tests.api.support.wire import begin
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import task, world

PLAIN = "subscription($id: ID!) { deploymentEvents(id: $id) { cursor events { cursor } } }"
RESUMED = """subscription($id: ID!, $after: Cursor) {
  deploymentEvents(id: $id, after: $after) { cursor caughtUp events { cursor at } } }"""
EVENTS = "query($id: ID!) { deployment(id: $id) { events(first: 500) { nodes { cursor } } } }"
GRAPH = [task(f"t{n}", *([f"t{n - 1}"] if n else []), payload={"seconds": 0.01}) for n in range(30)]


class Executions:
    """Counts all executions that followed a feed, and current ones."""

    def __init__(self) -> None:
        self.begun = 0
        self.open = 0

    async def follow(self, runtime: Runtime, deployment_id: str, after: int) -> AsyncIterator[FeedPage[Event]]:
        self.begun += 1
        self.open += 1
        try:
            async for batch in FOLLOW(runtime, deployment_id, after):
                yield batch
        finally:
            self.open -= 1


FOLLOW = events.follow


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> Executions:
    counted = Executions()
    monkeypatch.setattr(events, "follow", counted.follow)
    return counted


async def stored_cursors(client: Client, deployment: str) -> list[str]:
    """Return the cursors of all events of a deployment."""
    nodes = (await client.query(EVENTS, id=deployment))["deployment"]["events"]["nodes"]
    return [event["cursor"] for event in nodes]


async def create_deployment(system: System) -> str:
    environment = await world(system.admin)
    await environment.application("app")
    return await environment.deploy(tasks=GRAPH, autoStart=False)


class Viewer:
    """A client that follows a deployment and records the events."""

    def __init__(self, client: Client, deployment: str, document: str = RESUMED) -> None:
        self.client = client
        self.deployment = deployment
        self.document = document
        self.seen: list[str] = []
        self.cursor: str | None = None
        self.completed = False

    async def follow(self, *, messages: int | None = None, pause: float = 0.0) -> None:
        """Follow from the last cursor to the end, or for some messages only."""
        variables: Data = {"id": self.deployment}
        if self.document == RESUMED:
            variables["after"] = self.cursor
        async with self.client.socket() as socket:
            await begin(socket, "one", self.document, **variables)
            while messages is None or messages > 0:
                message = json.loads(await socket.recv())
                if message["type"] == "complete":
                    self.completed = True
                    return
                assert message["type"] == "next" and "errors" not in message["payload"], message
                self._take(message["payload"]["data"]["deploymentEvents"])
                messages = None if messages is None else messages - 1
                await asyncio.sleep(pause)

    def _take(self, batch: dict[str, Any]) -> None:
        self.seen += [event["cursor"] for event in batch["events"]]
        self.cursor = batch["cursor"]

    async def come_and_go(self, chance: random.Random) -> None:
        """Follow to the end over many sockets."""
        while not self.completed:
            await self.follow(messages=chance.randrange(1, 8), pause=chance.choice((0.0, 0.0, 0.01)))


@pytest.mark.parametrize("document", [PLAIN, RESUMED])
async def test_subscribers_of_the_same_feed_share_an_execution(
    system: System, executions: Executions, document: str
) -> None:
    deployment = await create_deployment(system)
    viewers = [Viewer(system.admin, deployment, document) for _ in range(50)]
    following = [asyncio.create_task(viewer.follow()) for viewer in viewers]
    while not all(viewer.seen for viewer in viewers):
        await asyncio.sleep(0.01)
    await system.start_worker()
    await system.admin.change("startDeployment", "deployment { id }", id=deployment)
    await asyncio.gather(*following)
    expected = await stored_cursors(system.admin, deployment)
    assert all(viewer.seen == expected for viewer in viewers)
    assert executions.begun == 1


async def test_a_subscriber_that_reconnects_misses_nothing_and_gets_nothing_twice(
    system: System, executions: Executions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_execution, "LINGER_SECONDS", 0.1)
    deployment = await create_deployment(system)
    await system.start_worker()
    await system.admin.change("startDeployment", "deployment { id }", id=deployment)
    chance = random.Random(4)
    viewers = [Viewer(system.admin, deployment) for _ in range(40)]
    await asyncio.gather(*(viewer.come_and_go(random.Random(chance.random())) for viewer in viewers))
    expected = await stored_cursors(system.admin, deployment)
    for viewer in viewers:
        assert viewer.seen == expected
    async with asyncio.timeout(5):
        while executions.open:
            await asyncio.sleep(0.02)


async def test_a_slow_subscriber_reads_from_the_database_and_delays_no_other(
    system: System, executions: Executions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_buffer, "MAX_MESSAGES", 3)
    deployment = await create_deployment(system)
    slow, quick = Viewer(system.admin, deployment), Viewer(system.admin, deployment)
    dawdling = asyncio.create_task(slow.follow(pause=0.15))
    following = asyncio.create_task(quick.follow())
    await system.start_worker()
    await system.admin.change("startDeployment", "deployment { id }", id=deployment)
    await following
    assert len(slow.seen) < len(quick.seen)
    await dawdling
    assert slow.seen == quick.seen == await stored_cursors(system.admin, deployment)


async def test_a_subscriber_that_disconnects_changes_nothing_for_the_others(
    system: System, executions: Executions
) -> None:
    deployment = await create_deployment(system)
    first_viewer, second_viewer = Viewer(system.admin, deployment), Viewer(system.admin, deployment)
    leaving = asyncio.create_task(first_viewer.follow())
    staying = asyncio.create_task(second_viewer.follow())
    while not (first_viewer.seen and second_viewer.seen):
        await asyncio.sleep(0.01)
    leaving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leaving
    await system.start_worker()
    await system.admin.change("startDeployment", "deployment { id }", id=deployment)
    await staying
    await first_viewer.follow()
    assert first_viewer.seen == second_viewer.seen == await stored_cursors(system.admin, deployment)
