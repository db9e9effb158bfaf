"""The engine: no-op tasks in a chain and in a fan, all of it durable, by one worker process."""

import asyncio
from datetime import datetime

from bench.boreas import started
from bench.table import Row
from tests.support.client import Client, Data
from tests.support.world import World, task, world

TASKS = 200
DONE = """query($id: ID!) { deployment(id: $id) { status startedAt completedAt } }"""


async def measure() -> list[Row]:
    """Run a chain and a fan, twice each, and report the second run."""
    async with started() as client:
        here = await world(client)
        await here.application("bench")
        chain = [task(f"t{i}", *([f"t{i - 1}"] if i else [])) for i in range(TASKS)]
        fan = [task(f"t{i}") for i in range(TASKS)]
        chained = [await _seconds(client, here, chain) for _ in range(2)][-1]
        fanned = [await _seconds(client, here, fan) for _ in range(2)][-1]
    return [
        Row(f"chain of {TASKS} no-op tasks", f"{1000 * chained / TASKS:.1f} ms a task", "20 ms a task"),
        Row(f"fan of {TASKS} no-op tasks", f"{TASKS / fanned:.0f} tasks/s", "-"),
    ]


async def _seconds(client: Client, here: World, tasks: list[Data]) -> float:
    id_ = await here.deploy(tasks=tasks)
    async with asyncio.timeout(120):
        while True:
            found = (await client.query(DONE, id=id_))["deployment"]
            if found["completedAt"]:
                assert found["status"] == "SUCCESS", found
                return (_time(found["completedAt"]) - _time(found["startedAt"])).total_seconds()
            await asyncio.sleep(0.1)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
