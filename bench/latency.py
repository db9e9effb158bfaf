"""From a status change in the worker to the subscriber's socket.

The change is dated by the worker when its transaction begins, so the figure holds the transaction, its commit, the
publication, the API and the socket. Worker, API and subscriber are three processes on one machine and share its clock.
"""

from datetime import UTC, datetime
from statistics import quantiles

from bench.boreas import started
from bench.table import Row
from tests.support.client import Client
from tests.support.world import World, task, world

TASKS = 100
ROUNDS = 4
PAUSE_SECONDS = 0.03
FEED = """subscription($id: ID!) { deploymentEvents(id: $id) { caughtUp events { __typename at
  ... on TaskStatusChanged { taskId tt: to } } } }"""


async def measure() -> list[Row]:
    """Watch chains of short tasks and report how old each status change is when it arrives."""
    async with started() as boreas:
        here = await world(boreas.client)
        await here.application("bench")
        ages = [age for _ in range(ROUNDS) for age in await _ages(boreas.client, here)]
    cuts = quantiles(ages, n=100)
    return [
        Row(f"status change to socket, p50 of {len(ages)}", f"{1000 * cuts[49]:.1f} ms", "5 ms"),
        Row("status change to socket, p99", f"{1000 * cuts[98]:.1f} ms", "25 ms"),
    ]


async def _ages(client: Client, here: World) -> list[float]:
    payload = {"seconds": PAUSE_SECONDS}
    tasks = [task(f"t{i}", *([f"t{i - 1}"] if i else []), payload=payload) for i in range(TASKS)]
    id_ = await here.deploy(tasks=tasks)
    ages: list[float] = []
    async for data in client.subscribe(FEED, id=id_):
        now = datetime.now(UTC)
        events = data["deploymentEvents"]["events"]
        ages += [(now - datetime.fromisoformat(e["at"])).total_seconds() for e in events if "taskId" in e]
    return ages[10:]
