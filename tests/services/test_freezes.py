"""Freezes block waiting deployments, do not affect running ones, and end by themselves."""

from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from app.core import gate as gates_of
from app.core.access import Grant
from app.core.audit import AuditFilter
from app.core.errors import Forbidden, Frozen, InvalidInput, NotFound
from app.core.freeze import MAX_WINDOWS, FreezeWindow
from app.core.gate import Blocker, BlockerKind
from app.core.paging import PageRequest
from app.core.roles import Role
from app.services import deployments, freezes, tasks
from app.services import gates as gate_service
from app.services.deployments import ReasonedAction
from app.services.drafts import DeploymentRequest
from app.services.worker.sweep import sweep
from app.store import audit
from app.store import environments as environment_store
from app.store import freezes as store
from tests.services.support.commands import FAILURE, Gate, node
from tests.services.support.engine import D, Engine, Site

LONG = timedelta(hours=1)


async def freeze(site: Site, duration: timedelta = LONG, **more: object) -> FreezeWindow:
    """Freeze an environment from now on."""
    now = site.engine.runtime.clock.now()
    fields: dict[str, object] = {
        "id": "",
        "environment_id": site.environment_id,
        "name": "year end",
        "reason": "nobody is here",
        "starts_at": now,
        "ends_at": now + duration,
        "timezone": "UTC",
        "created_at": now,
    }
    await site.engine.call(freezes.create, FreezeWindow(**(fields | more)))  # type: ignore[arg-type]
    return (await store.of_environments([site.environment_id]))[site.environment_id][-1]


async def freeze_blocker(engine: Engine, id_: str) -> Blocker | None:
    """Return the freeze among the blockers of a deployment."""
    story = await engine.story(id_)
    (situation,) = await gate_service.gate_contexts(engine.runtime, [story.deployment])
    blockers = gates_of.deployment_blockers(
        story.deployment, list(story.tasks.values()), situation, engine.runtime.clock.now()
    )
    return next((blocker for blocker in blockers if blocker.kind is BlockerKind.FREEZE), None)


async def failed_deployment(engine: Engine, site: Site) -> str:
    """Return a failed deployment."""
    id_ = await site.deploy("v1", node("a", command=FAILURE))
    await engine.until(id_, D.FAILED)
    return id_


async def test_a_deployment_starts_by_itself_when_the_freeze_ends(engine: Engine, trial: Site) -> None:
    window = await freeze(trial, timedelta(seconds=1.5))
    id_ = await trial.deploy()
    await sweep(engine.runtime)
    blocker = await freeze_blocker(engine, id_)
    assert (await engine.story(id_)).status is D.PENDING and blocker is not None
    assert (blocker.until, "year end" in blocker.message, "nobody is here" in blocker.message) == (
        window.ends_at,
        True,
        True,
    )
    await engine.worker()
    story = await engine.until(id_, D.SUCCESS)
    assert story.deployment.started_at and story.deployment.started_at >= window.ends_at
    assert await freeze_blocker(engine, id_) is None


async def test_a_deployment_waits_for_the_longer_of_two_freezes(engine: Engine, trial: Site) -> None:
    await freeze(trial, timedelta(seconds=1))
    id_ = await trial.deploy()
    longer = await freeze(trial, timedelta(seconds=2.5))
    await engine.worker()
    story = await engine.until(id_, D.SUCCESS)
    assert story.deployment.started_at and story.deployment.started_at >= longer.ends_at


async def test_after_a_lost_job_the_sweep_starts_the_deployment(engine: Engine, trial: Site) -> None:
    window = await freeze(trial, timedelta(seconds=1))
    id_ = await trial.deploy()
    async with Redis.from_url(engine.servers.redis_url) as valkey:
        await valkey.flushall()
    await engine.worker(sweeps=True)
    story = await engine.until(id_, D.SUCCESS)
    assert story.deployment.started_at and story.deployment.started_at >= window.ends_at


async def test_a_running_deployment_continues_during_a_freeze(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("slow", command=gate.wait), node("after", "slow"))
    await engine.until_running(id_, "slow")
    await freeze(site)
    assert await freeze_blocker(engine, id_) is None
    gate.open()
    await engine.until(id_, D.SUCCESS)


async def test_deleting_a_window_starts_waiting_deployments_in_order(engine: Engine, trial: Site) -> None:
    window = await freeze(trial)
    first_id, second_id = await trial.deploy("v1"), await trial.deploy("v2")
    await engine.call(freezes.delete, window.id)
    assert [(await engine.story(id_)).status for id_ in (first_id, second_id)] == [D.RUNNING, D.PENDING]
    problem = await engine.refusal(freezes.delete, window.id)
    assert isinstance(problem, NotFound) and problem.path == ("id",)


async def test_a_freeze_affects_only_its_environment(engine: Engine, trial: Site) -> None:
    other_site = await engine.site()
    await freeze(other_site)
    assert (await engine.story(await trial.deploy())).status is D.RUNNING


async def test_an_override_starts_at_once_before_waiting_deployments(engine: Engine, trial: Site) -> None:
    await freeze(trial)
    waiting_id = await trial.deploy("v1")
    urgent_id = await trial.deploy("v2", freeze_override_reason="payments are down")
    assert [(await engine.story(id_)).status for id_ in (waiting_id, urgent_id)] == [D.PENDING, D.RUNNING]
    assert await freeze_blocker(engine, urgent_id) is None
    (entry,) = await audit.page(AuditFilter(target_id=urgent_id), PageRequest(9))
    assert entry.after and entry.after["freezeOverrideReason"] == "payments are down"


async def test_only_admins_override_and_with_a_reason(engine: Engine, trial: Site) -> None:
    await trial.application("app")
    request = DeploymentRequest(
        version_id=await trial.version("v1"), environment_ids=(trial.environment_id,), freeze_override_reason=" \n"
    )
    blank = await engine.refusal(deployments.create, request)
    assert isinstance(blank, InvalidInput) and blank.path == ("freezeOverrideReason",)
    engine.principal = replace(engine.principal, grants=(Grant(Role.DEPLOYER),))
    problem = await engine.refusal(deployments.create, replace(request, freeze_override_reason="urgent"))
    assert isinstance(problem, Forbidden) and problem.required is Role.ADMIN


async def test_during_a_freeze_a_failed_deployment_can_roll_back_but_not_retry(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await failed_deployment(engine, site)
    window = await freeze(site)
    task = (await engine.story(id_)).tasks["a"]
    for use_case, target in ((deployments.retry, id_), (tasks.retry, task.id)):
        problem = await engine.refusal(use_case, target)
        assert isinstance(problem, Frozen), problem
        assert (problem.until, problem.path, problem.code) == (window.ends_at, ("id",), "FROZEN")
    await engine.roll_back(id_)
    await engine.until(id_, D.ROLLED_BACK)


async def test_a_task_of_a_deployment_that_runs_can_be_retried(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("a", command=FAILURE), node("slow", command=gate.wait))
    await engine.until_task(id_, "a", lambda task: task.status == "FAILED")
    await freeze(site)
    await engine.retry_task((await engine.story(id_)).tasks["a"].id)


async def test_an_overriding_deployment_may_be_retried(engine: Engine, site: Site) -> None:
    await engine.worker()
    await freeze(site)
    id_ = await site.deploy("v1", node("a", command=FAILURE), freeze_override_reason="urgent")
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)


async def test_the_rollback_of_a_success_waits_unless_an_admin_forces_it(engine: Engine, trial: Site) -> None:
    await engine.worker()
    await trial.deployed("v1")
    second_id = (await trial.deployed("v2")).deployment.id
    await freeze(trial)
    rollback_id = await engine.roll_back(second_id)
    assert (await engine.story(rollback_id)).status is D.PENDING
    (forced,) = await engine.call(deployments.roll_back, ReasonedAction(second_id, "it loses orders", force=True))
    story = await engine.until(forced, D.SUCCESS)
    assert story.deployment.freeze_override_reason == "it loses orders"


async def test_a_plan_reports_the_freeze_unless_it_is_overridden(engine: Engine, trial: Site) -> None:
    await freeze(trial)
    environments_ = await environment_store.all_by_rank()
    kinds = {
        overrides: [
            blocker.kind
            for blocker in await gate_service.plan_blockers(engine.runtime, environments_, (), overrides=overrides)
        ]
        for overrides in (False, True)
    }
    assert (BlockerKind.FREEZE in kinds[False], BlockerKind.FREEZE in kinds[True]) == (True, False)


async def test_an_environment_has_a_maximum_of_windows(engine: Engine, trial: Site) -> None:
    for _ in range(MAX_WINDOWS):
        await freeze(trial)
    now = engine.runtime.clock.now()
    window = (await store.of_environments([trial.environment_id]))[trial.environment_id][0]
    problem = await engine.refusal(freezes.create, replace(window, ends_at=now + LONG))
    assert isinstance(problem, InvalidInput) and problem.path == ("environmentId",)
    assert len((await store.of_environments([trial.environment_id]))[trial.environment_id]) == MAX_WINDOWS


@pytest.mark.parametrize("environment_id", ["env_nobody", ""])
async def test_a_window_needs_an_existing_environment(engine: Engine, trial: Site, environment_id: str) -> None:
    now = engine.runtime.clock.now()
    draft = FreezeWindow(
        id="",
        environment_id=environment_id,
        name="x",
        reason="y",
        starts_at=now,
        ends_at=now + LONG,
        timezone="UTC",
        created_at=now,
    )
    problem = await engine.refusal(freezes.create, draft)
    assert isinstance(problem, NotFound) and problem.path == ("environmentId",)
