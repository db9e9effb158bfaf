"""Log lines: produced by a command, stored, and at the subscriber's socket.

A command prints lines at a rate, each with the time; a subscriber in a process of its own says how old they are when
they come. The command is held up when its lines are not taken fast enough: what is reported is what was sustained.
"""

import asyncio
import json
import sys
from datetime import datetime

from bench.boreas import TOKEN, Boreas, started
from bench.table import Row
from tests.support.world import task, world

GOAL = 50_000
RATE = 52_000
"""A little more, as the task takes time to start and to end as well."""
SECONDS = 10
FEED = """subscription($id: ID!) { taskLogs(taskId: $id) {
  cursor caughtUp lines { cursor timestamp level message attempt } } }"""
PRINT = """
import sys, time
rate, seconds = int(sys.argv[1]), int(sys.argv[2])
begun = time.time()
for n in range(100 * seconds):
    time.sleep(max(0, begun + n / 100 - time.time()))
    now = f"{time.time():020.6f}"
    lines = (f"{now} compiling module {n}/{m} of the thing that is being built\\n" for m in range(rate // 100))
    sys.stdout.write("".join(lines))
    sys.stdout.flush()
"""
TASK = "query($id: ID!) { deployment(id: $id) { tasks { id startedAt completedAt status } } }"
LIMIT_SECONDS = 120


async def measure() -> list[Row]:
    """Print at a rate and report the rate that came of it, and the ages."""
    async with started() as boreas:
        await _run(boreas, RATE // 10, 2)
        ages, seconds = await _run(boreas, RATE, SECONDS)
    ages.sort()
    p50, p99 = (1000 * ages[int(len(ages) * share)] for share in (0.5, 0.99))
    what = f"{len(ages):,} log lines, produced → stored → at the subscriber"
    return [
        Row(what, f"{len(ages) / seconds:,.0f} lines/s", f"{GOAL:,} lines/s"),
        Row(f"{what}: p50", f"{p50:.0f} ms", "-"),
        Row(f"{what}: p99", f"{p99:.0f} ms", "250 ms"),
    ]


async def _run(boreas: Boreas, rate: int, seconds: int) -> tuple[list[float], float]:
    """Let a task print; return how old each line was when it came, and how long the task ran."""
    here = await world(boreas.client, "SHELL")
    await here.application("bench")
    command = [sys.executable, "-I", "-S", "-c", PRINT, str(rate), str(seconds)]
    id_ = await here.deploy(tasks=[task("t", command={"command": command})], autoStart=False)
    (found,) = (await boreas.client.query(TASK, id=id_))["deployment"]["tasks"]
    where = {"url": boreas.client.url, "token": TOKEN, "document": FEED, "variables": {"id": found["id"]}}
    reader = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.log_reader"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        reading = asyncio.create_task(reader.communicate(json.dumps(where).encode()))
        await asyncio.sleep(1)
        await boreas.client.change("startDeployment", "__typename", id=id_)
        async with asyncio.timeout(LIMIT_SECONDS):
            said, _ = await reading
    finally:
        if reader.returncode is None:
            reader.kill()
            await reader.wait()
    (found,) = (await boreas.client.query(TASK, id=id_))["deployment"]["tasks"]
    assert found["status"] == "SUCCESS", found
    began, ended = (datetime.fromisoformat(found[name]) for name in ("startedAt", "completedAt"))
    ages: list[float] = json.loads(said)
    assert len(ages) == rate * seconds, f"{len(ages)} lines came of {rate * seconds}"
    return ages, (ended - began).total_seconds()
