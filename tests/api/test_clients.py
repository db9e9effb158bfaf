"""The usual subscription clients: they reconnect after broken connections, and get everything once."""

import asyncio
from typing import Any

import pytest

from tests.api.support.breaking_proxy import Proxy, proxied
from tests.api.support.feeds import EVENTS, LINES, Feed, chain, start, stored, task_of
from tests.api.support.node_clients import SECONDS, installed, run
from tests.api.test_feeds import store_items
from tests.support.system import System

pytestmark = [installed, pytest.mark.parametrize("script", ["ws.mjs", "sse.mjs"])]

NUMBER = 2000


@pytest.fixture(scope="module")
async def live(shared: System) -> System:
    """The running API, with a worker."""
    await shared.start_worker()
    return shared


async def follow(script: str, system: System, proxy: Proxy, feed: Feed, id_: str) -> Any:
    """Follow a feed to its end, through a proxy."""
    setting = {"field": feed.field, "list": feed.items, "document": feed.document, "id": id_}
    return await run(script, url=f"{proxy.url}/graphql", token=system.admin.token, **setting)


async def test_a_long_feed_is_complete_over_broken_connections(shared: System, script: str) -> None:
    deployment = await chain(shared, 1)
    await store_items(shared, EVENTS, deployment, NUMBER)
    async with proxied(shared.url, (200_000, 120_000, 1_000, 200_000)) as proxy:
        following = asyncio.create_task(follow(script, shared, proxy, EVENTS, deployment))
        async with asyncio.timeout(SECONDS):
            await proxy.broken.wait()
        await shared.admin.change("cancelDeployment", "__typename", id=deployment, reason="a test")
        items = await following
    assert items == await stored(shared.admin, EVENTS, deployment)
    assert len(items) > NUMBER and proxy.connections > 4


async def test_a_log_that_is_being_written_is_complete(live: System, script: str) -> None:
    deployment = await chain(live, 1, seconds=1.5, lines=NUMBER)
    task = await task_of(live.admin, deployment)
    async with proxied(live.url, (1_500, 20_000, 40_000, 50_000)) as proxy:
        following = asyncio.create_task(follow(script, live, proxy, LINES, task))
        await start(live.admin, deployment)
        lines = await following
    assert [line["message"] for line in lines] == [f"line {n} of {NUMBER}" for n in range(1, NUMBER + 1)]
    assert lines == await stored(live.admin, LINES, task)
    assert proxy.connections > 4
