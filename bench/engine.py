"""The engine: no-op tasks in a chain and in a fan, all of it durable, by one worker process.

Two Boreas are measured by turns, a fresh one and one with a long past, so that the machine's moods hit both. Other
engines run the same graphs right after.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from statistics import median

from bench import history
from bench.boreas import Boreas, started
from bench.peers import beside
from bench.table import Beside, Row
from tests.support.client import Client, Data
from tests.support.world import World, task, world

TASKS = 200
ROUNDS = 10
"""Even, so that each Boreas goes first equally often; so many, because a fan is over in a blink."""
PAST_TASKS = 20
DONE = """query($id: ID!) { deployment(id: $id) { status startedAt completedAt } }"""


def chain(tasks: int) -> list[Data]:
    """Return tasks of which each waits for the one before."""
    return [task(f"t{i}", *([f"t{i - 1}"] if i else [])) for i in range(tasks)]


def fan(tasks: int) -> list[Data]:
    """Return tasks that wait for nothing."""
    return [task(f"t{i}") for i in range(tasks)]


GRAPHS: dict[str, Callable[[int], list[Data]]] = {"chain": chain, "fan": fan}
Pair = tuple[float, float]
"""Seconds of the fresh Boreas, and of the one with a past."""
GOALS = {"chain": "8 ms a task", "fan": "300 tasks/s"}


async def measure() -> list[Row]:
    """Run each graph in rounds, after one that does not count, and report medians."""
    async with started() as fresh, started() as old:
        here, there = await _prepared(fresh, past=False), await _prepared(old, past=True)
        rounds = [{graph: await _pair(here, there, graph, turn) for graph in GRAPHS} for turn in range(ROUNDS + 1)]
    taken = {graph: [row[graph] for row in rounds[1:]] for graph in GRAPHS}
    peers = await beside.seconds(TASKS)
    return [_row(graph, taken[graph], peers) for graph in GRAPHS] + [_late_row(graph, taken[graph]) for graph in GRAPHS]


def _row(graph: str, taken: list[Pair], peers: dict[str, dict[str, float]]) -> Row:
    ours = median(here for here, _ in taken)
    others = tuple(Beside(name, _figure(graph, took[graph]), took[graph] / ours) for name, took in peers.items())
    return Row(f"{graph} of {TASKS} no-op tasks", _figure(graph, ours), GOALS[graph], others)


def _late_row(graph: str, taken: list[Pair]) -> Row:
    more = median(there / here - 1 for here, there in taken)
    figure = _figure(graph, median(there for _, there in taken))
    what = f"{graph}, beside {history.COPIES:,} ended deployments"
    return Row(what, f"{figure}; takes {100 * more:+.1f} %", "less than +10 %")


def _figure(graph: str, seconds: float) -> str:
    return f"{1000 * seconds / TASKS:.1f} ms a task" if graph == "chain" else f"{TASKS / seconds:.0f} tasks/s"


async def _prepared(boreas: Boreas, *, past: bool) -> World:
    """Let one deployment run in the environment that is measured; for a past, copy it there."""
    here = await world(boreas.client)
    await here.application("bench")
    id_ = await here.deploy(tasks=chain(PAST_TASKS))
    await _seconds(boreas.client, id_)
    async with boreas.database() as database:
        if past:
            await history.fill(database, id_)
        await history.settle(database)
    return here


async def _pair(here: World, there: World, graph: str, turn: int) -> Pair:
    """Run a graph in both, each first every other turn."""
    if turn % 2:
        late = await _run(there, graph)
        return await _run(here, graph), late
    return await _run(here, graph), await _run(there, graph)


async def _run(here: World, graph: str) -> float:
    return await _seconds(here.client, await here.deploy(tasks=GRAPHS[graph](TASKS)))


async def _seconds(client: Client, id_: str) -> float:
    async with asyncio.timeout(120):
        while True:
            found = (await client.query(DONE, id=id_))["deployment"]
            if found["completedAt"]:
                assert found["status"] == "SUCCESS", found
                return (_time(found["completedAt"]) - _time(found["startedAt"])).total_seconds()
            await asyncio.sleep(0.1)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
