"""Limits of logs: a log ends at its limit with a notice, and reading a long one takes bounded work."""

import asyncio
from dataclasses import replace

import pytest

from app.core import logs as core
from app.core.log_levels import LogLevel
from app.core.logs import LogFilter, LogRange
from app.services.execution.log_writer import LINE_BYTES
from app.services.feeds import task_logs as service
from app.store import logs
from tests.services.support.commands import node, python, sh
from tests.services.support.engine import D, Engine, Site

LIMIT = 100 * (LINE_BYTES + 10)
MANY = 200_000
PATIENT = 60.0
"""Seconds of a lease that no load takes away: a second attempt would print everything again."""


async def test_a_log_at_its_limit_ends_with_a_notice_while_the_command_runs_on(engine: Engine, site: Site) -> None:
    await engine.worker(runtime=replace(engine.runtime, log_bytes=LIMIT))
    command = sh("for n in $(seq 5000); do echo 123456789x; done; exit 3")
    id_ = await site.deploy("v1", node("loud", command=command), node("quiet", command=("echo", "hello")))
    story = await engine.until(id_, D.FAILED)
    lines = await engine.lines(story.tasks["loud"])
    assert [line.message for line in lines[:100]] == ["123456789x"] * 100
    assert "has reached its limit" in lines[100].message and lines[100].level is LogLevel.WARN
    assert [line.level for line in lines[101:]] == [LogLevel.ERROR] and "3" in lines[101].message
    assert (story.tasks["loud"].logs_truncated, story.tasks["quiet"].logs_truncated) == (True, False)


async def test_the_limit_applies_to_all_attempts_of_a_task(engine: Engine, site: Site) -> None:
    await engine.worker(runtime=replace(engine.runtime, log_bytes=LIMIT))
    command = sh("for n in $(seq 60); do echo 123456789x; done; exit 1")
    id_ = await site.deploy("v1", node("loud", command=command))
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)
    story = await engine.until(id_, D.FAILED)
    lines = await engine.lines(story.tasks["loud"])
    assert sum(line.message == "123456789x" for line in lines) <= 100
    assert [line.attempt for line in lines if "has reached its limit" in line.message] == [2]
    assert story.tasks["loud"].log_bytes <= LIMIT + 3 * 300


async def test_printed_tokens_are_hidden(engine: Engine, site: Site) -> None:
    await engine.worker()
    token = "ghp_" + "a1" * 20
    code = f"print('first'); print('my {token}!'); print('last')"
    story = await site.deployed("v1", node("task", command=python(code)))
    assert await engine.messages(story.deployment.id, "task") == ["first", "my ***!", "last"]


async def test_a_filter_reads_a_long_log_in_pieces(engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "TEXT_REACH", 700)
    await engine.worker()
    story = await site.deployed("v1", node("task", command=("seq", "5000")))
    task = story.tasks["task"]
    log_filter = LogFilter(contains="99")
    batches = [batch async for batch in service.follow(engine.runtime, task.id, 0, log_filter)]
    expected = [str(n) for n in range(1, 5001) if "99" in str(n)]
    assert [line.message for batch in batches for line in batch.items] == expected
    assert len(batches) >= 7 and batches[-1].position == 5000
    assert await logs.counts([task.id], log_filter) == {task.id: sum("99" in str(n) for n in range(4301, 5001))}


async def test_a_long_log_is_stored_followed_and_read_from_both_ends(engine: Engine, site: Site) -> None:
    await engine.worker(runtime=replace(engine.runtime, lease_seconds=PATIENT))
    id_ = await site.deploy("v1", node("task", command=("seq", str(MANY))))
    task = (await engine.story(id_)).tasks["task"]
    number = 0
    async with asyncio.timeout(100):
        async for batch in service.follow(engine.runtime, task.id, 0, LogFilter()):
            assert [line.number for line in batch.items] == list(range(number + 1, number + 1 + len(batch.items)))
            assert all(line.message == str(line.number) for line in batch.items)
            number += len(batch.items)
    assert number == MANY
    story = await engine.until(id_, D.SUCCESS)
    assert story.tasks["task"].last_log == MANY and not story.tasks["task"].logs_truncated
    last_page = await logs.pages([task.id], LogFilter(), LogRange(limit=3, oldest=False))
    assert [line.number for line in last_page[task.id]] == [MANY - 2, MANY - 1, MANY]
    page_before = await logs.pages([task.id], LogFilter(), LogRange(limit=2, before=100_001, oldest=False))
    assert [line.number for line in page_before[task.id]] == [99_999, 100_000]
