"""One event to 100, 1,000 and 5,000 subscribers of one deployment, ten events a second.

Other servers of GraphQL send the same message to the same load of clients, after Boreas and in the same run. They check
no token, store nothing and have no cursors; Boreas does all that it always does: each event is a mutation that is
authorised, written with an audit entry, committed, published and read back.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bench.boreas import TOKEN, started
from bench.peers.servers import Server, serving
from bench.processes import serving as process_of
from bench.subscribers import Figures, Plan
from bench.table import Beside, Row
from tests.support.world import task, world

CROWDS = (100, 1000, 5000)
SECONDS = 10.0
RATE = 10
OURS = "Boreas"
PEERS = (
    Server("live_mercurius.mjs", "Mercurius", "mercurius"),
    Server("live_yoga.mjs", "graphql-yoga", "graphql-yoga"),
    Server("strawberry_live.py", "plain Strawberry", "strawberry-graphql"),
)
FEED = """subscription($id: ID!, $after: Cursor) { deploymentEvents(id: $id, after: $after) { cursor caughtUp
  events { __typename cursor at deploymentId ... on DeploymentPaused { paused } } } }"""
LIMIT_SECONDS = 400
Found = dict[str, dict[int, Figures]]


async def measure() -> list[Row]:
    """Measure each server with each number of subscribers: CPU per delivery, latency and memory."""
    found: Found = {OURS: await _ours()}
    for peer in PEERS:
        if not peer.available:
            print(f"{peer.title} is not installed (`make bench` does that).", file=sys.stderr)
            continue
        found[peer.name] = {}
        try:
            async with serving(peer, {}) as url:
                await _crowds(url.removesuffix("/graphql"), "dep_x", found[peer.name])
        except (OSError, RuntimeError, ValueError, TimeoutError) as error:
            print(f"{peer.name} gave up: {error}", file=sys.stderr)
    return [row for number in CROWDS for row in _rows(found, number)] + _last_rows(found, CROWDS[-1])


async def _ours() -> dict[int, Figures]:
    async with started() as boreas:
        here = await world(boreas.client)
        await here.application("bench")
        id_ = await here.deploy(tasks=[task("t")], autoStart=False)
        return await _crowds(boreas.client.url, id_, {})


async def _crowds(url: str, id_: str, found: dict[int, Figures]) -> dict[int, Figures]:
    for number in CROWDS:
        base = next(iter(found.values())).base_kib if found else 0.0
        found[number] = await _crowd(url, id_, number, base)
    return found


async def _crowd(url: str, id_: str, number: int, base_kib: float) -> Figures:
    """Run a crowd in a process of its own."""
    plan = Plan(
        url=url,
        token=TOKEN,
        pid=process_of(url),
        sockets=number,
        document=FEED,
        variables={"id": id_},
        poke=[_poke(name, id_) for name in ("pauseDeployment", "resumeDeployment")],
        seconds=SECONDS,
        rate=RATE,
        storm=number == CROWDS[-1],
        base_kib=base_kib,
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.subscribers"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            said, _ = await process.communicate(json.dumps(asdict(plan)).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"its {number} subscribers ended with {process.returncode}")
    return Figures(**json.loads(said))


def _poke(name: str, id_: str) -> dict[str, Any]:
    return {"query": f'mutation {{ {name}(input: {{id: "{id_}"}}) {{ errors {{ message }} }} }}'}


def _rows(found: Found, number: int) -> list[Row]:
    of = {name: figures[number] for name, figures in found.items() if number in figures}
    largest = number == CROWDS[-1]
    what = f"one event to {number:,} subscribers, {RATE} events/s"
    costs = {name: one.server_us for name, one in of.items()}
    late = {name: 1000 * one.p99 for name, one in of.items()}
    return [
        _row(f"{what}: server CPU for each delivery", costs, "{:.1f} µs", "12 µs" if largest else "-"),
        _row(f"{what}: p50", {name: 1000 * one.p50 for name, one in of.items()}, "{:.0f} ms", "-"),
        _row(f"{what}: p99", late, "{:.0f} ms", "100 ms" if largest else "-"),
    ]


def _last_rows(found: Found, number: int) -> list[Row]:
    of = {name: figures[number] for name, figures in found.items() if number in figures}
    back = {name: one.storm_seconds for name, one in of.items() if one.storm_seconds is not None}
    return [
        _row(f"{number:,} subscribers come back at once", back, "{:.1f} s", "6 s"),
        _row("memory of an idle subscription", {name: one.kib for name, one in of.items()}, "{:.0f} KiB", "40 KiB"),
    ]


def _row(what: str, figures: Mapping[str, float], form: str, goal: str) -> Row:
    ours = figures[OURS]
    others = [name for name in figures if name != OURS]
    beside = tuple(Beside(name, form.format(figures[name]), figures[name] / ours if ours else 0.0) for name in others)
    return Row(what, form.format(ours), goal, beside)
