"""Live lists: the last state of each visible deployment always arrives, with few states before it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from tests.api.support.people import account
from tests.api.support.wire import events
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import World, task, world

CHANGED = """subscription($filter: DeploymentFilter) { deploymentsChanged(filter: $filter) {
  id status progress paused updatedAt } }"""


class List:
    """A list that a client updates from the subscription."""

    def __init__(self) -> None:
        self.came: list[Data] = []

    @property
    def now(self) -> dict[str, str]:
        """The latest status of each deployment."""
        return {deployment["id"]: deployment["status"] for deployment in self.came}

    async def until(self, wanted: dict[str, str]) -> None:
        """Wait until the list has these statuses."""
        async with asyncio.timeout(10):
            while not wanted.items() <= self.now.items():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def kept(client: Client, **filter_: Any) -> AsyncIterator[List]:
    """Subscribe, and yield the list once the subscription is active."""
    mine = List()

    async def keep() -> None:
        async with aclosing(events(client, CHANGED, filter=filter_ or None)) as results:
            async for result in results:
                mine.came.append(result["data"]["deploymentsChanged"])

    keeping = asyncio.create_task(keep())
    await asyncio.sleep(0.5)
    try:
        yield mine
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def place(system: System) -> World:
    here = await world(system.admin)
    await here.application("app")
    return here


async def test_the_last_state_always_arrives_with_few_before_it(system: System) -> None:
    here = await place(system)
    await system.start_worker()
    async with kept(system.admin) as mine:
        graph = [task(f"t{n}", *([f"t{n - 1}"] if n else []), payload={"seconds": 0.02}) for n in range(40)]
        ids = [await here.deploy(tasks=graph) for _ in range(2)]
        await mine.until(dict.fromkeys(ids, "SUCCESS"))
        times = [deployment["updatedAt"] for deployment in mine.came if deployment["id"] == ids[0]]
    assert times == sorted(set(times)) and len(times) < 40
    assert all(deployment["progress"] == 100 for deployment in mine.came if deployment["status"] == "SUCCESS")


async def test_a_filtered_feed_sends_matches_and_those_that_stop_matching(system: System) -> None:
    here, there = await place(system), await place(system)
    mine_id, other = await here.deploy(autoStart=False), await there.deploy(autoStart=False)
    wanted = {"environmentIds": [here.environment_id], "statuses": ["PENDING"]}
    async with kept(system.admin, **wanted) as mine:
        for id_ in (mine_id, other):
            await system.admin.change("pauseDeployment", "deployment { id }", id=id_)
        await mine.until({mine_id: "PENDING"})
        assert mine.came[-1]["paused"]
        await system.admin.change("cancelDeployment", "deployment { id }", id=mine_id, reason="no")
        await mine.until({mine_id: "CANCELLED"})
        await asyncio.sleep(0.5)
    assert set(mine.now) == {mine_id}


async def test_invisible_deployments_are_not_sent(system: System) -> None:
    here, there = await place(system), await place(system)
    somebody = await account(system.admin, {"role": "VIEWER", "environmentId": here.environment_id})
    async with kept(somebody.client) as mine:
        hidden, shown = await there.deploy(autoStart=False), await here.deploy(autoStart=False)
        await mine.until({shown: "PENDING"})
        await asyncio.sleep(0.5)
    assert hidden not in mine.now
