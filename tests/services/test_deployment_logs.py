"""The log of a whole deployment: one complete order for all readers, with many writers."""

import asyncio
import contextvars
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.core import logs as core
from app.core.log_levels import LogLevel
from app.core.logs import LogFilter, TaskLogLine
from app.services.feeds import deployment_logs as service
from app.services.feeds.tail import FeedPage
from app.store import deployment_logs as store
from app.store import logs
from app.store.logs import NewLine
from app.store.unit_of_work import unit
from tests.services.support.commands import node, sh
from tests.services.support.engine import D, Engine, Site, eventually

WORKER = "worker"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
Place = tuple[int, str, int]
"""Position, task and number of a line."""


@pytest.fixture
async def tasks(engine: Engine, trial: Site) -> AsyncIterator[list[str]]:
    """Six tasks of a deployment, each with an attempt under way that this test writes for."""
    story = await engine.story(await trial.deploy("v1", *(node(f"t{n}") for n in range(6)), auto_start=False))
    for task in story.tasks.values():
        await engine.put(replace(task, attempt=1, worker=WORKER))
    yield [task.id for task in story.tasks.values()]
    for task in story.tasks.values():
        await engine.put(task)


async def write(engine: Engine, task_id: str, *messages: str, level: LogLevel = LogLevel.INFO) -> None:
    now = engine.runtime.clock.now()
    assert await logs.append(task_id, 1, WORKER, [NewLine(now, level, message) for message in messages])


async def deployment_of(engine: Engine, task_id: str) -> str:
    async with engine.open_connection() as connection:
        return str(await connection.fetchval("SELECT deployment_id FROM tasks WHERE id = $1", task_id))


def place(line: TaskLogLine) -> Place:
    return line.position, line.task_id, line.line.number


async def follow_until(
    engine: Engine, deployment_id: str, count: int, after: int = 0, log_filter: LogFilter | None = None
) -> list[TaskLogLine]:
    """Follow a deployment until `count` lines have arrived, and return them."""
    lines: list[TaskLogLine] = []
    async with asyncio.timeout(30):
        async for batch in service.follow(engine.runtime, deployment_id, after, log_filter or LogFilter()):
            lines += batch.items
            if len(lines) >= count:
                break
    return lines


async def test_every_reader_sees_the_same_order_while_many_write(engine: Engine, tasks: list[str]) -> None:
    id_ = await deployment_of(engine, tasks[0])
    seeds = random.Random(1)
    rounds, total = 40, 6 * sum(1 + n % 3 for n in range(40))

    async def print_for(task_id: str, generator: random.Random) -> None:
        for n in range(rounds):
            lines = [f"{n}.{m}" for m in range(1 + n % 3)]
            async with unit(engine.runtime):
                await write(engine, task_id, *lines)
                await asyncio.sleep(generator.choice((0, 0, 0.002)))

    readers = [asyncio.create_task(follow_until(engine, id_, total)) for _ in range(4)]
    await asyncio.gather(*(print_for(task_id, random.Random(seeds.random())) for task_id in tasks))
    order, *other_orders = [list(map(place, await reader)) for reader in readers]
    assert [position for position, _, _ in order] == list(range(1, total + 1))
    assert all(other_order == order for other_order in other_orders)
    for task_id in tasks:
        numbers = [number for _, task, number in order if task == task_id]
        assert numbers == list(range(1, total // 6 + 1))
    assert list(map(place, await follow_until(engine, id_, total))) == order


async def test_a_later_write_waits_for_an_open_transaction(engine: Engine, tasks: list[str]) -> None:
    id_ = await deployment_of(engine, tasks[0])
    await write(engine, tasks[0], "before")
    async with unit(engine.runtime):
        await write(engine, tasks[1], "slow")
        later_write = asyncio.create_task(write(engine, tasks[2], "after"), context=contextvars.Context())
        async with engine.open_connection() as connection:

            async def has_lock_waiter() -> bool:
                return bool(await connection.fetchval(WAITING))

            await eventually(has_lock_waiter, "the second to wait for the first")
            assert await connection.fetchval("SELECT count(*) FROM log_chunks WHERE deployment_id = $1", id_) == 1
    await later_write
    assert [line.line.message for line in await follow_until(engine, id_, 3)] == ["before", "slow", "after"]


async def test_a_read_from_any_position_returns_all_later_lines(engine: Engine, tasks: list[str]) -> None:
    id_ = await deployment_of(engine, tasks[0])
    for n in range(5):
        await write(engine, tasks[n], *(f"{n}.{m}" for m in range(n + 1)))
    lines = await follow_until(engine, id_, 15)
    for position in range(15):
        assert await follow_until(engine, id_, 15 - position, after=position) == lines[position:]


async def test_filters_read_a_long_log_in_pieces(
    engine: Engine, tasks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "TEXT_REACH", 20)
    id_ = await deployment_of(engine, tasks[0])
    for n in range(30):
        await write(engine, tasks[n % 6], *(f"line {n * 5 + m} end" for m in range(5)))
    log_filter = LogFilter(contains="7 END")
    lines = await follow_until(engine, id_, 15, log_filter=log_filter)
    assert [line.line.message for line in lines] == [f"line {n} end" for n in range(150) if n % 10 == 7]
    batches = [batch async for batch in _until_caught_up(engine, id_, LogFilter(contains="nothing"))]
    assert len(batches) >= 7 and not any(batch.items for batch in batches)
    assert [batch.position for batch in batches] == sorted(batch.position for batch in batches)
    assert batches[-1].position == 150 == await store.head(id_)


async def _until_caught_up(engine: Engine, id_: str, log_filter: LogFilter) -> AsyncIterator[FeedPage[TaskLogLine]]:
    async for batch in service.follow(engine.runtime, id_, 0, log_filter):
        yield batch
        if batch.caught_up:
            return


async def test_the_feed_ends_with_the_deployment_and_resumes_with_its_retry(engine: Engine, site: Site) -> None:
    await engine.worker()
    script = sh('echo "$BOREAS_TASK_KEY 1"; echo "$BOREAS_TASK_KEY 2"; [ "$BOREAS_ATTEMPT" -gt 1 ]')
    id_ = await site.deploy("v1", node("a", command=("seq", "5000")), node("b", "a", command=script))

    async def read_to_end(after: int) -> list[TaskLogLine]:
        async with asyncio.timeout(30):
            return [
                line async for batch in service.follow(engine.runtime, id_, after, LogFilter()) for line in batch.items
            ]

    first_lines = await read_to_end(0)
    assert (await engine.story(id_)).status is D.FAILED
    assert [line.line.message for line in first_lines[:5000]] == [str(n) for n in range(1, 5001)]
    await engine.retry(id_)
    retry_lines = await read_to_end(first_lines[-1].position)
    assert (await engine.story(id_)).status is D.SUCCESS
    assert [line.line.message for line in retry_lines] == ["b 1", "b 2"]
    assert [line.position for line in first_lines + retry_lines] == list(range(1, len(first_lines + retry_lines) + 1))
