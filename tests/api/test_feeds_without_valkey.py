"""Feeds while Valkey loses its data, is away, or comes back: perhaps late, but complete."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.services.feeds.tail import POLL_SECONDS
from app.services.worker.sweep import sweep
from tests.api.support.feeds import (
    EVENTS,
    LINES,
    WAYS,
    Batch,
    Follow,
    chain,
    collect,
    over_socket,
    start,
    stored,
    task_of,
)
from tests.gateways.support.valkey import Valkey
from tests.support.client import Data
from tests.support.servers import Servers
from tests.support.system import System, running


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A server that the test may stop, start and empty."""
    with Valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
async def own_system(clean: Servers, valkey: Valkey, tmp_path: Path) -> AsyncIterator[System]:
    """A running API and worker with a Valkey of their own."""
    async with running(Servers(clean.database_url, valkey.url), tmp_path) as system:
        await system.start_worker()
        yield system


async def empty_server(valkey: Valkey) -> None:
    """Empty the server."""
    async with Redis.from_url(valkey.url) as client:
        await client.flushall()


async def test_no_event_is_lost_when_valkey_is_emptied(own_system: System, valkey: Valkey) -> None:
    deployment = await chain(own_system)
    items: list[Data] = []
    async for batch in over_socket(own_system.admin, EVENTS, deployment):
        if not items:
            await start(own_system.admin, deployment)
        items += batch.items
        await empty_server(valkey)
        await sweep(own_system.runtime)
    assert items[-1]["toDeployment"] == "SUCCESS"
    assert items == await stored(own_system.admin, EVENTS, deployment)


@pytest.mark.parametrize("follow", WAYS)
async def test_subscribers_go_on_while_valkey_is_away_and_when_it_is_back(
    own_system: System, valkey: Valkey, follow: Follow
) -> None:
    deployment = await chain(own_system, 8, seconds=0.3)
    task = await task_of(own_system.admin, deployment, "t3")
    lines = asyncio.create_task(collect(follow(own_system.admin, LINES, task)))
    pages: list[Batch] = []
    async for page in follow(own_system.admin, EVENTS, deployment):
        pages.append(page)
        if len(pages) == 1:
            await start(own_system.admin, deployment)
        if len(pages) == 4:
            await asyncio.to_thread(valkey.stop)
        if len(pages) == 5:
            await asyncio.to_thread(valkey.start)
    items = [item for page in pages for item in page.items]
    assert items[-1]["toDeployment"] == "SUCCESS"
    assert items == await stored(own_system.admin, EVENTS, deployment)
    assert await lines == await stored(own_system.admin, LINES, task)


async def test_messages_that_are_lost_silently_are_read_from_the_database(
    own_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def publish_nothing(*_: object) -> None:
        """Report success."""

    assert POLL_SECONDS < 2
    deployment = await chain(own_system, 3, seconds=0.1)
    task = await task_of(own_system.admin, deployment)
    lines = asyncio.create_task(collect(over_socket(own_system.admin, LINES, task)))
    items: list[Data] = []
    async for batch in over_socket(own_system.admin, EVENTS, deployment):
        if not items:
            monkeypatch.setattr(own_system.runtime.bus, "publish", publish_nothing)
            await start(own_system.admin, deployment)
        items += batch.items
    assert items[-1]["toDeployment"] == "SUCCESS"
    assert items == await stored(own_system.admin, EVENTS, deployment)
    assert await lines == await stored(own_system.admin, LINES, task)


async def test_the_feed_of_a_deployment_that_ends_without_valkey_is_complete(
    own_system: System, valkey: Valkey
) -> None:
    deployment = await chain(own_system, 3, seconds=0.3)
    early = asyncio.create_task(collect(over_socket(own_system.admin, EVENTS, deployment)))
    await start(own_system.admin, deployment)
    await own_system.admin.until(deployment, "RUNNING")
    await asyncio.to_thread(valkey.stop)
    await own_system.admin.until(deployment, "SUCCESS")
    late = await collect(over_socket(own_system.admin, EVENTS, deployment))
    assert late == await early == await stored(own_system.admin, EVENTS, deployment)
