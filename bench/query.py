"""Queries of a deployment with 100 tasks of nine scalar fields, by clients that ask without a pause.

Other GraphQL servers read the same rows from the same PostgreSQL, by turns with Boreas, and must give the same answers.
They check no token and no rights, and read only the columns that are shown. Boreas runs one API process, as installed.
Clients ask for a deployment each, then all for the same one: Boreas loads once for all queries of a moment.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from statistics import median

from bench import history
from bench.boreas import TOKEN, Boreas, started
from bench.load import Taken, load
from bench.peers.servers import Server, serving
from bench.table import Beside, Row
from tests.support.world import World, task, world

TASKS = 100
CONNECTIONS = 50
ROUNDS = 4
SECONDS = 3.0
WARM_SECONDS = 2.0
POOL = 10
"""Connections to PostgreSQL, of each server."""
DOCUMENT = """query Tasks($id: ID!) { deployment(id: $id) { id status progress createdAt
  tasks { id key name type status order attempt startedAt completedAt } } }"""
SERVERS = (
    Server("query_mercurius.mjs", "Mercurius", "mercurius"),
    Server("query_yoga.mjs", "graphql-yoga", "graphql-yoga"),
    Server("strawberry_query.py", "plain Strawberry", "strawberry-graphql"),
)
OURS = "Boreas"
TITLE = f"{CONNECTIONS} clients ask for a deployment with {TASKS} tasks"


async def measure() -> list[Row]:
    """Ask each server by turns, after a round that does not count, and report medians."""
    async with started() as boreas, AsyncExitStack() as stack:
        ids = await seed(boreas, await world(boreas.client))
        setting = {"database": boreas.address(), "connections": POOL}
        urls = {OURS: f"{boreas.client.url}/graphql"}
        for server in SERVERS:
            if server.available:
                urls[server.name] = await stack.enter_async_context(serving(server, setting))
            else:
                print(f"{server.title} is not installed (`make bench` does that).", file=sys.stderr)
        bodies = [json.dumps({"query": DOCUMENT, "variables": {"id": id_}}).encode() for id_ in ids]
        own, same = await _rounds(urls, bodies), await _rounds(urls, bodies[:1])
    return _rows(f"{TITLE}, each its own", own) + _rows(f"{TITLE}, all the same one", same)


async def seed(boreas: Boreas, here: World) -> list[str]:
    """Run a deployment, and return its id and those of its copies, one for each client."""
    await here.application("bench")
    id_ = await here.deploy(tasks=[task(f"t{i}", *([f"t{i - 1}"] if i % 10 else [])) for i in range(TASKS)])
    await boreas.client.until(id_, "SUCCESS", seconds=60)
    async with boreas.database() as database:
        await history.fill(database, id_, CONNECTIONS - 1)
        await history.settle(database)
        return [row["id"] for row in await database.fetch("SELECT id FROM deployments")]


async def _rounds(urls: dict[str, str], bodies: list[bytes]) -> dict[str, list[Taken]]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for url in urls.values():
        await load(url, bodies, headers, connections=CONNECTIONS, seconds=WARM_SECONDS)
    results: dict[str, list[Taken]] = {name: [] for name in urls}
    for turn in range(ROUNDS):
        for name in rotated(list(urls), turn):
            results[name].append(await load(urls[name], bodies, headers, connections=CONNECTIONS, seconds=SECONDS))
            await asyncio.sleep(0.2)
    for body in bodies:
        first, *others = [json.loads(load_.answers[body]) for loads in results.values() for load_ in loads]
        assert len(first["data"]["deployment"]["tasks"]) == TASKS, first
        assert all(answer == first for answer in others), "the servers do not answer the same"
    return results


def rotated(names: list[str], turn: int) -> list[str]:
    """Return names in another order each turn, so that none is always first."""
    start = turn % len(names)
    return names[start:] + names[:start]


def _rows(title: str, results: dict[str, list[Taken]]) -> list[Row]:
    others = [name for name in results if name != OURS]
    rates = {name: median(load_.rate for load_ in loads) for name, loads in results.items()}
    beside = tuple(Beside(name, f"{rates[name]:,.0f}", rates[OURS] / rates[name]) for name in others)
    rows = [Row(f"{title}: requests/s", f"{rates[OURS]:,.0f}", "more than Mercurius", beside)]
    for percent in (50, 99):
        ms = {name: 1000 * median(load_.percentile(percent) for load_ in loads) for name, loads in results.items()}
        beside = tuple(Beside(name, f"{ms[name]:.1f} ms", ms[name] / ms[OURS]) for name in others)
        rows.append(Row(f"{title}: p{percent}", f"{ms[OURS]:.1f} ms", "-", beside))
    return rows
