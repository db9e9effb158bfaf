"""The queue: a deployment locks its applications in its environment; others wait their turn.

A deployment's gate tells what it waits for.
"""

import asyncio
import itertools
from collections.abc import Callable
from itertools import pairwise

import pytest

from app.core import gate as gates_of
from app.core.gate import Blocker, BlockerKind
from app.services import deployments, environments
from app.services import gates as gate_service
from app.services.drafts import DeploymentRequest
from app.store import environments as environment_store
from tests.services.support.commands import FAILURE, Gate, node, sh
from tests.services.support.engine import D, Engine, Site, eventually, rolling

K = BlockerKind
"""Short name for the tables below."""


async def blockers(engine: Engine, id_: str) -> tuple[Blocker, ...]:
    """Return why a deployment does not go on."""
    story = await engine.story(id_)
    (situation,) = await gate_service.gate_contexts(engine.runtime, [story.deployment])
    tasks = list(story.tasks.values())
    return gates_of.deployment_blockers(story.deployment, tasks, situation, engine.runtime.clock.now())


async def waits_for(engine: Engine, id_: str) -> list[str | None]:
    """Return which deployments one waits for; it must wait for nothing else."""
    found = await blockers(engine, id_)
    assert {blocker.kind for blocker in found} <= {K.LOCK}, found
    return [blocker.deployment_id for blocker in found]


async def alive(engine: Engine) -> None:
    """Start a worker and wait until it has said that it lives."""
    await engine.worker()
    site = await engine.site()

    async def said() -> bool:
        return not await gate_service.plan_blockers(engine.runtime, await environment_store.all_by_rank(), ())

    await eventually(said, f"a worker to serve {site.environment_id}")


@pytest.mark.parametrize(("ending", "status"), [("exit 0", D.SUCCESS), ("exit 1", D.FAILED), ("cancel", D.CANCELLED)])
async def test_the_second_deployment_waits_for_the_first(
    engine: Engine, site: Site, gate: Gate, ending: str, status: D
) -> None:
    await alive(engine)
    first = await site.deploy("v1", node("slow", command=sh(f'"$@"; {ending}', *gate.wait)))
    second = await site.deploy("v2")
    await engine.until_running(first, "slow")
    assert (await engine.story(second)).status is D.PENDING
    (blocker,) = await blockers(engine, second)
    assert (blocker.kind, blocker.deployment_id, "place 1 " in blocker.message) == (K.LOCK, first, True)
    if ending == "cancel":
        await engine.cancel(first)
    gate.open()
    story = await engine.until(second, D.SUCCESS)
    before = (await engine.story(first)).deployment
    assert before.status is status and before.completed_at and story.deployment.started_at
    assert before.completed_at <= story.deployment.started_at


async def test_first_come_first_served(engine: Engine, site: Site, gate: Gate) -> None:
    await alive(engine)
    ids = [await site.deploy("v0", node("slow", command=gate.wait))]
    ids += [await site.deploy(f"v{n}") for n in range(1, 5)]
    await engine.until_running(ids[0], "slow")
    assert await waits_for(engine, ids[3]) == ids[:3]
    assert "place 3 " in (await blockers(engine, ids[3]))[0].message
    gate.open()
    stories = [await engine.until(id_, D.SUCCESS) for id_ in ids]
    for before, after in itertools.pairwise(stories):
        assert before.deployment.completed_at and after.deployment.started_at
        assert before.deployment.completed_at <= after.deployment.started_at


async def test_deployments_that_share_no_application_run_side_by_side(engine: Engine, site: Site, gate: Gate) -> None:
    await alive(engine)
    for name in ("users", "web"):
        await site.application(name, gate.wait)
    ids = {name: await site.deploy("v1", only=[name]) for name in ("users", "web")}
    for name, id_ in ids.items():
        await engine.until_running(id_, f"{name}/deploy")
    gate.open()


async def test_one_application_is_deployed_to_two_environments_side_by_side(engine: Engine, gate: Gate) -> None:
    await alive(engine)
    here, there = await engine.site(), await engine.site()
    await here.application("web", gate.wait)
    there.applications = here.applications
    for id_ in (await here.deploy(), await there.deploy()):
        await engine.until_running(id_, "web/deploy")
    gate.open()


async def test_a_waiting_deployment_keeps_its_place_and_blocks_no_other_application(
    engine: Engine, site: Site, gate: Gate
) -> None:
    await alive(engine)
    for name in ("a", "b", "c"):
        await site.application(name)
    first = await site.deploy("v1", node("slow", command=gate.wait), only=["a"])
    wants_both = await site.deploy("v2", only=["a", "b"])
    behind = await site.deploy("v3", only=["b"])
    await engine.until(await site.deploy("v4", only=["c"]), D.SUCCESS)
    assert (await waits_for(engine, wants_both), await waits_for(engine, behind)) == ([first], [wants_both])
    gate.open()
    stories = [await engine.until(id_, D.SUCCESS) for id_ in (wants_both, behind)]
    assert stories[0].deployment.completed_at <= stories[1].deployment.started_at  # type: ignore[operator]


async def test_no_more_deployments_run_than_the_maximum(engine: Engine, gate: Gate) -> None:
    await alive(engine)
    site = await engine.site(max_concurrent_deployments=1)
    for name in ("users", "web"):
        await site.application(name)
    first = await site.deploy("v1", node("slow", command=gate.wait), only=["users"])
    await engine.until_running(first, "slow")
    second = await site.deploy("v1", only=["web"])
    (blocker,) = await blockers(engine, second)
    assert (blocker.kind, "may (1)" in blocker.message) == (K.CAPACITY, True)
    gate.open()
    await engine.until(second, D.SUCCESS)


async def test_a_higher_maximum_is_used_at_once(engine: Engine, gate: Gate) -> None:
    await alive(engine)
    site = await engine.site(max_concurrent_deployments=1)
    for name in ("users", "web"):
        await site.application(name)
    first = await site.deploy("v1", node("slow", command=gate.wait), only=["users"])
    second = await site.deploy("v1", only=["web"])
    await engine.until_running(first, "slow")
    await engine.change(environments.update, site.environment_id, max_concurrent_deployments=2)
    await engine.until(second, D.SUCCESS)
    gate.open()


async def test_a_deployment_waits_separately_in_each_environment(engine: Engine, gates: Callable[[], Gate]) -> None:
    await alive(engine)
    sites, both = [await engine.site(), await engine.site()], [gates(), gates()]
    await sites[0].application("web")
    sites[1].applications = sites[0].applications
    for site, gate in zip(sites, both, strict=True):
        await engine.until_running(await site.deploy("v0", node("slow", command=gate.wait)), "slow")
    request = DeploymentRequest(
        version_id=await sites[0].version("v1"), environment_ids=tuple(site.environment_id for site in sites)
    )
    first, second = await engine.call(deployments.create, request)
    both[1].open()
    await engine.until(second, D.SUCCESS)
    assert (await engine.story(first)).status is D.PENDING
    both[0].open()
    await engine.until(first, D.SUCCESS)


async def test_an_unstarted_deployment_says_so_and_holds_no_lock(engine: Engine, site: Site) -> None:
    await alive(engine)
    idle = await site.deploy("v1", auto_start=False)
    await site.deployed("v2")
    assert [blocker.kind for blocker in await blockers(engine, idle)] == [K.NOT_STARTED]
    await engine.call(deployments.start, idle)
    await engine.until(idle, D.SUCCESS)


async def test_the_place_in_the_queue_counts_from_the_start(engine: Engine, site: Site, gate: Gate) -> None:
    await alive(engine)
    idle = await site.deploy("v1", auto_start=False)
    first = await site.deploy("v2", node("slow", command=gate.wait))
    second = await site.deploy("v3")
    await engine.call(deployments.start, idle)
    assert await waits_for(engine, idle) == [first, second]
    gate.open()
    await engine.until(idle, D.SUCCESS)


async def test_a_deployment_without_a_worker_of_its_pool_says_so(engine: Engine) -> None:
    await alive(engine)
    site = await engine.site(worker_pool="edge")
    id_ = await site.deploy()
    (blocker,) = await blockers(engine, id_)
    assert (blocker.kind, "boreas worker --pool edge" in blocker.message) == (K.NO_WORKER, True)
    await engine.worker(pool="edge")
    await engine.until(id_, D.SUCCESS)
    assert await blockers(engine, id_) == ()


async def test_a_watched_rollout_says_until_when(engine: Engine, site: Site) -> None:
    await alive(engine)
    await site.application("web")
    id_ = await site.deploy(strategy=rolling(0, 3600))
    task = await engine.until_task(id_, "web/deploy", lambda task: task.resume_at)
    (blocker,) = await blockers(engine, id_)
    assert (blocker.kind, blocker.until, blocker.task_id) == (K.BATCH_INTERVAL, task.resume_at, task.id)
    await engine.cancel(id_)


async def test_a_task_in_back_off_says_until_when(engine: Engine, trial: Site) -> None:
    await alive(engine)
    id_ = await trial.deploy("v1", node("one", max_attempts=2, payload={"failAttempts": 1}))
    task = await engine.until_task(id_, "one", lambda task: task.retry_at)
    story = await engine.story(id_)
    (situation,) = await gate_service.gate_contexts(engine.runtime, [story.deployment])
    (blocker,) = gates_of.deployment_blockers(story.deployment, [task], situation, story.deployment.updated_at)
    assert (blocker.kind, blocker.until, blocker.task_id) == (K.RETRY_BACKOFF, task.retry_at, task.id)
    assert "attempt 2 of 2" in blocker.message
    await engine.until(id_, D.SUCCESS)


async def test_running_deployments_wait_for_nothing_and_failed_ones_name_their_tasks(
    engine: Engine, site: Site, gate: Gate
) -> None:
    await alive(engine)
    id_ = await site.deploy("v1", node("slow", command=gate.wait), node("bad", "slow", command=FAILURE))
    await engine.until_running(id_, "slow")
    assert await blockers(engine, id_) == ()
    gate.open()
    story = await engine.until(id_, D.FAILED)
    (blocker,) = await blockers(engine, id_)
    assert (blocker.kind, blocker.task_id) == (K.TASK, story.tasks["bad"].id)


async def test_concurrent_requests_run_one_after_another(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("web")
    version = await site.version("v1")
    ids = await asyncio.gather(*(site.deploy(version) for _ in range(10)))
    ends = [(await engine.until(id_, D.SUCCESS)).deployment for id_ in ids]
    for before, after in pairwise(sorted(ends, key=lambda one: str(one.started_at))):
        assert before.completed_at and after.started_at and before.completed_at <= after.started_at


async def test_the_maximum_holds_for_concurrent_requests(engine: Engine) -> None:
    await engine.worker()
    site = await engine.site(max_concurrent_deployments=3)
    for n in range(10):
        await site.application(f"app-{n}")
    version = await site.version("v1")
    ids = await asyncio.gather(*(site.deploy(version, only=[f"app-{n}"]) for n in range(10)))
    ran = [(await engine.until(id_, D.SUCCESS)).deployment for id_ in ids]
    for one in ran:
        beside = [other for other in ran if other.started_at <= one.started_at < other.completed_at]  # type: ignore[operator]
        assert len(beside) <= 3
