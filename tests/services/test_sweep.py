"""The sweep repairs everything that a crash left undone between a commit and its effects."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.gateways.queue import ArqQueue, connect
from app.services.engine.locked_deployment import lock_deployment
from app.services.runtime import Runtime
from app.services.worker.sweep import sweep
from app.store.sweep import claim
from app.store.unit_of_work import unit
from tests.gateways.support.valkey import Valkey
from tests.services.support.commands import Gate, Notes, node
from tests.services.support.engine import D, Engine, S, Site, rolling, running
from tests.support.servers import Servers


@pytest.fixture
async def disconnected_runtime(engine: Engine) -> Runtime:
    """A runtime whose jobs and messages are lost: its Redis is unavailable."""
    away = ArqQueue(connect("redis://127.0.0.1:1/0"), engine.runtime.bus)
    return replace(engine.runtime, queue=away)


async def test_committed_work_without_a_job_is_done(engine: Engine, trial: Site, disconnected_runtime: Runtime) -> None:
    sender = replace(engine, runtime=disconnected_runtime)
    id_ = await replace(trial, engine=sender).deploy("v1", node("one"), node("two", "one"))
    await engine.worker()
    assert (await engine.story(id_)).statuses["one"] is S.PENDING
    await sweep(engine.runtime)
    await engine.until(id_, D.SUCCESS)


async def test_a_waiting_deployment_without_a_job_is_admitted(engine: Engine, trial: Site) -> None:
    """A process died between the commit that queued it and the one that admits."""
    await engine.worker()
    id_ = await trial.deploy(auto_start=False)
    async with unit(engine.runtime) as work, lock_deployment(work, id_) as locked:
        locked.deployment = replace(locked.deployment, queued_at=work.now)
    await sweep(engine.runtime)
    await engine.until(id_, D.SUCCESS)


async def test_a_lost_timer_is_repaired(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("web")
    id_ = await site.deploy(strategy=rolling(0, 3600))
    task = await engine.until_task(id_, "web/deploy", lambda task: task.resume_at)
    assert task.rollout is not None
    due = replace(task.rollout, resume_at=task.started_at)
    await engine.put(replace(task, rollout=due, resume_at=task.started_at))
    await sweep(engine.runtime)
    await engine.until(id_, D.SUCCESS)


@pytest.mark.parametrize("times", [3])
async def test_repeated_sweeps_change_nothing(engine: Engine, site: Site, gate: Gate, times: int) -> None:
    await engine.worker()
    running_id = await site.deploy("v1", node("slow", command=gate.wait))
    waiting_id = await site.deploy("v2", auto_start=True)
    await engine.until_running(running_id, "slow")
    stories_before = [await engine.story(id_) for id_ in (running_id, waiting_id)]
    for _ in range(times):
        await sweep(engine.runtime)
    stories_after = [await engine.story(id_) for id_ in (running_id, waiting_id)]
    assert [story.deployment for story in stories_after] == [story.deployment for story in stories_before]
    gate.open()
    for id_ in (running_id, waiting_id):
        assert (await engine.until(id_, D.SUCCESS)).deployment.attempt == 1


async def test_deployments_proceed_while_redis_is_unavailable_and_afterwards(
    swept: Servers, tmp_path: Path, gate: Gate, notes: Notes
) -> None:
    with Valkey(tmp_path / "valkey") as valkey:
        async with running(replace(swept, redis_url=valkey.url), tmp_path) as engine, engine.stack:
            site = await engine.site()
            await engine.worker(sweeps=True)
            chain = [node("a", command=gate.wait), node("b", "a", command=notes.take("b")), node("c", "b")]
            id_ = await site.deploy("v1", *chain, node("left", "c"), node("right", "c"))
            await engine.until_running(id_, "a")
            valkey.stop()
            gate.open()
            await engine.until_task(id_, "c", lambda task: task.status is S.SUCCESS)
            valkey.start()
            await engine.until(id_, D.SUCCESS)
            assert notes.lines == ["b"]


async def test_one_of_all_workers_sweeps_at_a_time(engine: Engine) -> None:
    now, interval = engine.runtime.clock.now(), timedelta(seconds=5)
    claims = await asyncio.gather(*(claim(now, now - interval) for _ in range(5)))
    assert sorted(claims) == [False] * 4 + [True]
    assert await claim(now + interval / 2, now - interval / 2) is False
    assert await claim(now + interval, now) is True


async def test_a_worker_sweeps_by_itself(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy(auto_start=False)
    async with unit(engine.runtime) as work, lock_deployment(work, id_) as locked:
        locked.deployment = replace(locked.deployment, queued_at=work.now)
    await engine.worker(sweeps=True)
    await engine.until(id_, D.SUCCESS)
