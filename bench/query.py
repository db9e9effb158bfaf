"""A deployment with 100 tasks, nine scalar fields each, read by clients that ask without a pause.

Other GraphQL servers read the same rows from the same PostgreSQL, by turns with Boreas, and must answer the same. They
check no token and no rights, and read just the columns that are shown; Boreas does all that it always does, with one
process for the API. Clients ask for a deployment each, then all for the same one: what is asked for at the same moment
Boreas reads once, always after it was asked for.
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
from tests.support.world import task, world

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
WHAT = f"{CONNECTIONS} clients ask for a deployment with {TASKS} tasks"


async def measure() -> list[Row]:
    """Ask each server by turns, after a round that does not count, and report medians."""
    async with started() as boreas, AsyncExitStack() as stack:
        ids = await _deployed(boreas)
        setting = {"database": boreas.address(), "connections": POOL}
        urls = {OURS: f"{boreas.client.url}/graphql"}
        for server in SERVERS:
            if server.available:
                urls[server.name] = await stack.enter_async_context(serving(server, setting))
            else:
                print(f"{server.title} is not installed (`make bench` does that).", file=sys.stderr)
        bodies = [json.dumps({"query": DOCUMENT, "variables": {"id": id_}}).encode() for id_ in ids]
        own, same = await _rounds(urls, bodies), await _rounds(urls, bodies[:1])
    return _rows(f"{WHAT}, each its own", own) + _rows(f"{WHAT}, all the same one", same)


async def _deployed(boreas: Boreas) -> list[str]:
    """Let a deployment run, and return it with copies, one for each client."""
    here = await world(boreas.client)
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
    taken: dict[str, list[Taken]] = {name: [] for name in urls}
    for turn in range(ROUNDS):
        names = list(urls)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            taken[name].append(await load(urls[name], bodies, headers, connections=CONNECTIONS, seconds=SECONDS))
            await asyncio.sleep(0.2)
    for body in bodies:
        first, *others = [json.loads(one.answers[body]) for found in taken.values() for one in found]
        assert len(first["data"]["deployment"]["tasks"]) == TASKS, first
        assert all(answer == first for answer in others), "the servers do not answer the same"
    return taken


def _rows(what: str, taken: dict[str, list[Taken]]) -> list[Row]:
    others = [name for name in taken if name != OURS]
    rates = {name: median(one.rate for one in found) for name, found in taken.items()}
    beside = tuple(Beside(name, f"{rates[name]:,.0f}", rates[OURS] / rates[name]) for name in others)
    rows = [Row(f"{what}: requests/s", f"{rates[OURS]:,.0f}", "more than Mercurius", beside)]
    for percent in (50, 99):
        ms = {name: 1000 * median(one.percentile(percent) for one in found) for name, found in taken.items()}
        beside = tuple(Beside(name, f"{ms[name]:.1f} ms", ms[name] / ms[OURS]) for name in others)
        rows.append(Row(f"{what}: p{percent}", f"{ms[OURS]:.1f} ms", "-", beside))
    return rows
