"""Slots shared by deployments, tasks shared by workers."""

import asyncio

from app.core.environment import OperatorKind
from tests.services.support.commands import Gate, node
from tests.services.support.engine import D, Engine, S, Site, eventually


async def test_a_large_deployment_does_not_delay_a_small_one(engine: Engine, trial: Site) -> None:
    await engine.worker(slots=4)
    large = await trial.deploy("v1", *(node(f"t{n}", payload={"seconds": 0.05}) for n in range(60)))
    await engine.until_task(large, "t3", lambda task: task.status is not S.PENDING)
    other_site = await engine.site(OperatorKind.SIMULATED)
    small = await other_site.deployed("v1", *(node(f"s{n}", payload={"seconds": 0.05}) for n in range(4)))
    assert small.status is D.SUCCESS
    pending_tasks = [task for task in (await engine.story(large)).tasks.values() if task.status is S.PENDING]
    assert len(pending_tasks) > 20
    await engine.until(large, D.SUCCESS)


async def test_all_workers_of_a_pool_share_a_deployment(engine: Engine, trial: Site) -> None:
    worker_ids = {(await engine.worker(slots=4)).identity.id for _ in range(3)}
    story = await trial.deployed("v1", *(node(f"t{n}", payload={"seconds": 0.1}) for n in range(24)))
    assert {attempt.worker for attempts in story.attempts.values() for attempt in attempts} == worker_ids


async def test_a_worker_runs_as_many_attempts_as_it_has_slots(engine: Engine, gate: Gate) -> None:
    await engine.worker(slots=3)
    graph = [node(f"t{n}", command=gate.wait) for n in range(4)]
    ids = [await (await engine.site()).deploy("v1", *graph) for _ in range(3)]

    async def running() -> int:
        stories = [await engine.story(id_) for id_ in ids]
        return sum(status is S.RUNNING for story in stories for status in story.statuses.values())

    async def full() -> bool:
        return await running() == 3

    await eventually(full, "three tasks to run")
    await asyncio.sleep(0.3)
    assert await running() == 3
    gate.open()
    for id_ in ids:
        await engine.until(id_, D.SUCCESS)
