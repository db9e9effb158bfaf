"""The queue: a deployment locks its applications in its environment; others wait their turn.

A deployment's gate shows its blockers.
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
    """Return the blockers of a deployment."""
    story = await engine.story(id_)
    (situation,) = await gate_service.gate_contexts(engine.runtime, [story.deployment])
    tasks = list(story.tasks.values())
    return gates_of.deployment_blockers(story.deployment, tasks, situation, engine.runtime.clock.now())


async def waits_for(engine: Engine, id_: str) -> list[str | None]:
    """Return the deployments whose locks a deployment waits for; it has no other blocker."""
    blocking = await blockers(engine, id_)
    assert {blocker.kind for blocker in blocking} <= {K.LOCK}, blocking
    return [blocker.deployment_id for blocker in blocking]


async def start_worker(engine: Engine) -> None:
    """Start a worker, and wait until its pool is served."""
    await engine.worker()
    site = await engine.site()

    async def is_served() -> bool:
        return not await gate_service.plan_blockers(engine.runtime, await environment_store.all_by_rank(), ())

    await eventually(is_served, f"a worker to serve {site.environment_id}")


@pytest.mark.parametrize(("ending", "status"), [("exit 0", D.SUCCESS), ("exit 1", D.FAILED), ("cancel", D.CANCELLED)])
async def test_the_second_deployment_waits_for_the_first(
    engine: Engine, site: Site, gate: Gate, ending: str, status: D
) -> None:
    await start_worker(engine)
    first_id = await site.deploy("v1", node("slow", command=sh(f'"$@"; {ending}', *gate.wait)))
    second_id = await site.deploy("v2")
    await engine.until_running(first_id, "slow")
    assert (await engine.story(second_id)).status is D.PENDING
    (blocker,) = await blockers(engine, second_id)
    assert (blocker.kind, blocker.deployment_id, "position 1 in" in blocker.message) == (K.LOCK, first_id, True)
    if ending == "cancel":
        await engine.cancel(first_id)
    gate.open()
    story = await engine.until(second_id, D.SUCCESS)
    first_deployment = (await engine.story(first_id)).deployment
    assert first_deployment.status is status and first_deployment.completed_at and story.deployment.started_at
    assert first_deployment.completed_at <= story.deployment.started_at


async def test_deployments_run_in_the_order_of_their_creation(engine: Engine, site: Site, gate: Gate) -> None:
    await start_worker(engine)
    ids = [await site.deploy("v0", node("slow", command=gate.wait))]
    ids += [await site.deploy(f"v{n}") for n in range(1, 5)]
    await engine.until_running(ids[0], "slow")
    assert await waits_for(engine, ids[3]) == ids[:3]
    assert "position 3 in" in (await blockers(engine, ids[3]))[0].message
    gate.open()
    stories = [await engine.until(id_, D.SUCCESS) for id_ in ids]
    for earlier, later in itertools.pairwise(stories):
        assert earlier.deployment.completed_at and later.deployment.started_at
        assert earlier.deployment.completed_at <= later.deployment.started_at


async def test_deployments_that_share_no_application_run_concurrently(engine: Engine, site: Site, gate: Gate) -> None:
    await start_worker(engine)
    for name in ("users", "web"):
        await site.application(name, gate.wait)
    ids = {name: await site.deploy("v1", only=[name]) for name in ("users", "web")}
    for name, id_ in ids.items():
        await engine.until_running(id_, f"{name}/deploy")
    gate.open()


async def test_one_application_is_deployed_to_two_environments_concurrently(engine: Engine, gate: Gate) -> None:
    await start_worker(engine)
    first_site, second_site = await engine.site(), await engine.site()
    await first_site.application("web", gate.wait)
    second_site.applications = first_site.applications
    for id_ in (await first_site.deploy(), await second_site.deploy()):
        await engine.until_running(id_, "web/deploy")
    gate.open()


async def test_a_waiting_deployment_keeps_its_place_and_blocks_no_other_application(
    engine: Engine, site: Site, gate: Gate
) -> None:
    await start_worker(engine)
    for name in ("a", "b", "c"):
        await site.application(name)
    first_id = await site.deploy("v1", node("slow", command=gate.wait), only=["a"])
    waiting_id = await site.deploy("v2", only=["a", "b"])
    last_id = await site.deploy("v3", only=["b"])
    await engine.until(await site.deploy("v4", only=["c"]), D.SUCCESS)
    assert (await waits_for(engine, waiting_id), await waits_for(engine, last_id)) == ([first_id], [waiting_id])
    gate.open()
    stories = [await engine.until(id_, D.SUCCESS) for id_ in (waiting_id, last_id)]
    assert stories[0].deployment.completed_at <= stories[1].deployment.started_at  # type: ignore[operator]


async def test_no_more_deployments_run_than_the_maximum(engine: Engine, gate: Gate) -> None:
    await start_worker(engine)
    site = await engine.site(max_concurrent_deployments=1)
    for name in ("users", "web"):
        await site.application(name)
    first_id = await site.deploy("v1", node("slow", command=gate.wait), only=["users"])
    await engine.until_running(first_id, "slow")
    second_id = await site.deploy("v1", only=["web"])
    (blocker,) = await blockers(engine, second_id)
    assert (blocker.kind, "maximum of 1 concurrent deployments" in blocker.message) == (K.CAPACITY, True)
    gate.open()
    await engine.until(second_id, D.SUCCESS)


async def test_a_higher_maximum_is_used_at_once(engine: Engine, gate: Gate) -> None:
    await start_worker(engine)
    site = await engine.site(max_concurrent_deployments=1)
    for name in ("users", "web"):
        await site.application(name)
    first_id = await site.deploy("v1", node("slow", command=gate.wait), only=["users"])
    second_id = await site.deploy("v1", only=["web"])
    await engine.until_running(first_id, "slow")
    await engine.change(environments.update, site.environment_id, max_concurrent_deployments=2)
    await engine.until(second_id, D.SUCCESS)
    gate.open()


async def test_a_deployment_waits_separately_in_each_environment(engine: Engine, gates: Callable[[], Gate]) -> None:
    await start_worker(engine)
    sites, site_gates = [await engine.site(), await engine.site()], [gates(), gates()]
    await sites[0].application("web")
    sites[1].applications = sites[0].applications
    for site, gate in zip(sites, site_gates, strict=True):
        await engine.until_running(await site.deploy("v0", node("slow", command=gate.wait)), "slow")
    request = DeploymentRequest(
        version_id=await sites[0].version("v1"), environment_ids=tuple(site.environment_id for site in sites)
    )
    first_id, second_id = await engine.call(deployments.create, request)
    site_gates[1].open()
    await engine.until(second_id, D.SUCCESS)
    assert (await engine.story(first_id)).status is D.PENDING
    site_gates[0].open()
    await engine.until(first_id, D.SUCCESS)


async def test_an_unstarted_deployment_is_blocked_as_not_started_and_holds_no_lock(engine: Engine, site: Site) -> None:
    await start_worker(engine)
    id_ = await site.deploy("v1", auto_start=False)
    await site.deployed("v2")
    assert [blocker.kind for blocker in await blockers(engine, id_)] == [K.NOT_STARTED]
    await engine.call(deployments.start, id_)
    await engine.until(id_, D.SUCCESS)


async def test_the_place_in_the_queue_counts_from_the_start(engine: Engine, site: Site, gate: Gate) -> None:
    await start_worker(engine)
    late_id = await site.deploy("v1", auto_start=False)
    first_id = await site.deploy("v2", node("slow", command=gate.wait))
    second_id = await site.deploy("v3")
    await engine.call(deployments.start, late_id)
    assert await waits_for(engine, late_id) == [first_id, second_id]
    gate.open()
    await engine.until(late_id, D.SUCCESS)


async def test_a_deployment_without_a_worker_of_its_pool_is_blocked_by_it(engine: Engine) -> None:
    await start_worker(engine)
    site = await engine.site(worker_pool="edge")
    id_ = await site.deploy()
    (blocker,) = await blockers(engine, id_)
    assert (blocker.kind, "boreas worker --pool edge" in blocker.message) == (K.NO_WORKER, True)
    await engine.worker(pool="edge")
    await engine.until(id_, D.SUCCESS)
    assert await blockers(engine, id_) == ()


async def test_a_watched_rollout_is_blocked_until_its_interval_ends(engine: Engine, site: Site) -> None:
    await start_worker(engine)
    await site.application("web")
    id_ = await site.deploy(strategy=rolling(0, 3600))
    task = await engine.until_task(id_, "web/deploy", lambda task: task.resume_at)
    (blocker,) = await blockers(engine, id_)
    assert (blocker.kind, blocker.until, blocker.task_id) == (K.BATCH_INTERVAL, task.resume_at, task.id)
    await engine.cancel(id_)


async def test_a_task_in_back_off_is_blocked_until_its_retry(engine: Engine, trial: Site) -> None:
    await start_worker(engine)
    id_ = await trial.deploy("v1", node("one", max_attempts=2, payload={"failAttempts": 1}))
    task = await engine.until_task(id_, "one", lambda task: task.retry_at)
    story = await engine.story(id_)
    (situation,) = await gate_service.gate_contexts(engine.runtime, [story.deployment])
    (blocker,) = gates_of.deployment_blockers(story.deployment, [task], situation, story.deployment.updated_at)
    assert (blocker.kind, blocker.until, blocker.task_id) == (K.RETRY_BACKOFF, task.retry_at, task.id)
    assert "attempt 2 of 2" in blocker.message
    await engine.until(id_, D.SUCCESS)


async def test_running_deployments_have_no_blocker_and_failed_ones_name_their_tasks(
    engine: Engine, site: Site, gate: Gate
) -> None:
    await start_worker(engine)
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
    completed = [(await engine.until(id_, D.SUCCESS)).deployment for id_ in ids]
    for earlier, later in pairwise(sorted(completed, key=lambda deployment: str(deployment.started_at))):
        assert earlier.completed_at and later.started_at and earlier.completed_at <= later.started_at


async def test_the_maximum_holds_for_concurrent_requests(engine: Engine) -> None:
    await engine.worker()
    site = await engine.site(max_concurrent_deployments=3)
    for n in range(10):
        await site.application(f"app-{n}")
    version = await site.version("v1")
    ids = await asyncio.gather(*(site.deploy(version, only=[f"app-{n}"]) for n in range(10)))
    completed = [(await engine.until(id_, D.SUCCESS)).deployment for id_ in ids]
    for deployment in completed:
        concurrent = [other for other in completed if other.started_at <= deployment.started_at < other.completed_at]  # type: ignore[operator]
        assert len(concurrent) <= 3
