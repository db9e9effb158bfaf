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


class LiveList:
    """A list that a client updates with each change."""

    def __init__(self) -> None:
        self.updates: list[Data] = []

    @property
    def statuses(self) -> dict[str, str]:
        """The last status of each deployment."""
        return {deployment["id"]: deployment["status"] for deployment in self.updates}

    async def until(self, expected: dict[str, str]) -> None:
        """Wait until the list shows the statuses."""
        async with asyncio.timeout(10):
            while not expected.items() <= self.statuses.items():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def live_list(client: Client, **filter_: Any) -> AsyncIterator[LiveList]:
    """Keep a list up to date, once its subscription listens."""
    list_ = LiveList()

    async def keep() -> None:
        async with aclosing(events(client, CHANGED, filter=filter_ or None)) as results:
            async for result in results:
                list_.updates.append(result["data"]["deploymentsChanged"])

    keeping = asyncio.create_task(keep())
    await asyncio.sleep(0.5)
    try:
        yield list_
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def make_world(system: System) -> World:
    environment = await world(system.admin)
    await environment.application("app")
    return environment


async def test_the_last_state_always_arrives_and_few_before_it(system: System) -> None:
    environment = await make_world(system)
    await system.start_worker()
    async with live_list(system.admin) as list_:
        graph = [task(f"t{n}", *([f"t{n - 1}"] if n else []), payload={"seconds": 0.02}) for n in range(40)]
        ids = [await environment.deploy(tasks=graph) for _ in range(2)]
        await list_.until(dict.fromkeys(ids, "SUCCESS"))
        times = [deployment["updatedAt"] for deployment in list_.updates if deployment["id"] == ids[0]]
    assert times == sorted(set(times)) and len(times) < 40
    assert all(deployment["progress"] == 100 for deployment in list_.updates if deployment["status"] == "SUCCESS")


async def test_a_filtered_list_gets_its_deployments_and_those_that_leave_it(system: System) -> None:
    environment, other_environment = await make_world(system), await make_world(system)
    mine_id, other_id = await environment.deploy(autoStart=False), await other_environment.deploy(autoStart=False)
    filter_ = {"environmentIds": [environment.environment_id], "statuses": ["PENDING"]}
    async with live_list(system.admin, **filter_) as list_:
        for id_ in (mine_id, other_id):
            await system.admin.change("pauseDeployment", "deployment { id }", id=id_)
        await list_.until({mine_id: "PENDING"})
        assert list_.updates[-1]["paused"]
        await system.admin.change("cancelDeployment", "deployment { id }", id=mine_id, reason="no")
        await list_.until({mine_id: "CANCELLED"})
        await asyncio.sleep(0.5)
    assert set(list_.statuses) == {mine_id}


async def test_hidden_deployments_do_not_arrive(system: System) -> None:
    environment, other_environment = await make_world(system), await make_world(system)
    somebody = await account(system.admin, {"role": "VIEWER", "environmentId": environment.environment_id})
    async with live_list(somebody.client) as list_:
        hidden_id, visible_id = (
            await other_environment.deploy(autoStart=False),
            await environment.deploy(autoStart=False),
        )
        await list_.until({visible_id: "PENDING"})
        await asyncio.sleep(0.5)
    assert hidden_id not in list_.statuses
