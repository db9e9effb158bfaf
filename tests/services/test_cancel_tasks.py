"""Cancelling a part of a deployment: a task in every state that has not ended, or the rollback.

The plain cases are tested in test_controls, cancelling a whole deployment in test_cancel.
"""

import pytest

from app.core.application import ShellTarget
from app.core.deployment import RollbackStatus
from app.core.errors import ErrorCode
from app.core.events import DeploymentStatusChanged
from app.services import deployments, tasks
from app.services.deployments import ReasonedAction
from app.services.use_cases import UseCase
from app.services.worker.sweep import sweep
from tests.services.support.commands import FAILURE, NOTHING, POLITE, Gate, Notes, node, sh
from tests.services.support.controls import STUBBORN, cancel, check_refused, last_reason, skip
from tests.services.support.engine import D, Engine, S, Site, backed_off, eventually, rolling


async def test_a_task_in_back_off_is_cancelled_at_once(engine: Engine, trial: Site) -> None:
    worker = await engine.worker()
    id_ = await trial.deploy("v1", node("bad", max_attempts=9, payload={"outcome": "failure"}), node("next", "bad"))
    await engine.until_task(id_, "bad", backed_off)
    await worker.shut_down()
    await cancel(engine, id_, "bad")
    story = await engine.story(id_)
    assert (story.status, story.statuses) == (D.FAILED, {"bad": S.CANCELLED, "next": S.BLOCKED})
    assert (story.tasks["bad"].retry_at, story.attempt_statuses("bad")) == (None, [S.FAILED])
    assert story.tasks["bad"].error_message == await last_reason(engine, id_, "bad", S.CANCELLED) == "not wanted"
    assert story.deployment.error_message == "bad: not wanted"


async def test_a_task_that_waits_for_a_worker_is_cancelled_at_once(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", node("one"), node("two"))
    await cancel(engine, id_, "two")
    story = await engine.story(id_)
    assert (story.status, story.statuses) == (D.FAILED, {"one": S.PENDING, "two": S.CANCELLED})
    assert story.tasks["two"].completed_at is not None
    await engine.worker()
    await engine.retry(id_)
    await engine.until(id_, D.SUCCESS)


async def test_a_cancelled_task_fails_its_deployment_after_the_others_end(
    engine: Engine, site: Site, gate: Gate
) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("polite", command=POLITE), node("slow", command=gate.wait), node("next", "slow"))
    await engine.until_logged(id_, "polite", "ready")
    await engine.until_running(id_, "slow")
    await cancel(engine, id_, "polite")
    await engine.until_task(id_, "polite", lambda task: task.status is S.CANCELLED)
    assert (await engine.story(id_)).status is D.RUNNING
    gate.open()
    story = await engine.until(id_, D.FAILED)
    assert story.statuses == {"polite": S.CANCELLED, "slow": S.SUCCESS, "next": S.BLOCKED}


async def test_a_rollout_that_is_cancelled_during_a_batch_rolls_back(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(POLITE, rollback_command=notes.take("back")))
    id_ = await site.deploy()
    await engine.until_logged(id_, "web/deploy", "ready")
    await cancel(engine, id_, "web/deploy")
    story = await engine.until(id_, D.ROLLED_BACK)
    rollback = story.deployment.rollback
    assert rollback and (rollback.automatic, rollback.reason) == (True, "web/deploy: not wanted")
    assert (notes.lines, story.attempt_statuses("web/deploy")) == (["back"], [S.CANCELLED, S.ROLLED_BACK])


async def test_a_stubborn_task_is_killed_with_force(engine: Engine, site: Site) -> None:
    await engine.worker(runtime=engine.patient_runtime())
    id_ = await site.deploy("v1", node("task", command=STUBBORN))
    await engine.until_logged(id_, "task", "ready")
    await cancel(engine, id_, "task")
    assert (await engine.until_task(id_, "task", lambda task: task.stop)).status is S.RUNNING
    await cancel(engine, id_, "task", force=True)
    story = await engine.until(id_, D.FAILED)
    assert (story.statuses["task"], story.attempt_statuses("task")) == (S.CANCELLED, [S.CANCELLED])


async def test_a_task_with_a_lost_worker_is_cancelled_with_a_reason(engine: Engine, site: Site, gate: Gate) -> None:
    worker = await engine.worker()
    id_ = await site.deploy("v1", node("task", command=gate.wait))
    await engine.until_running(id_, "task")
    await worker.vanish()
    await cancel(engine, id_, "task")

    async def over() -> bool:
        await sweep(engine.runtime)
        return (await engine.story(id_)).status is D.FAILED

    await eventually(over, "the lease to run out")
    story = await engine.story(id_)
    assert (story.statuses["task"], story.attempt_statuses("task")) == (S.CANCELLED, [S.CANCELLED])
    assert story.tasks["task"].error_message == await last_reason(engine, id_, "task", S.CANCELLED) == "not wanted"


async def test_an_ended_task_is_not_cancelled(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    graph = [node("done"), node("gap"), node("bad", command=FAILURE), node("slow", command=gate.wait)]
    id_ = await site.deploy("v1", *graph, auto_start=False)
    await skip(engine, id_, "gap")
    await engine.call(deployments.start, id_)
    await engine.until_running(id_, "slow")
    await engine.until_task(id_, "done", lambda task: task.status is S.SUCCESS)
    await engine.until_task(id_, "bad", lambda task: task.status is S.FAILED)
    for key in ("done", "bad", "gap"):
        await check_refused(engine, id_, key, tasks.cancel)
    gate.open()
    await engine.until(id_, D.FAILED)


@pytest.mark.parametrize("use_case", [tasks.skip, tasks.cancel])
async def test_cancelling_a_task_needs_a_reason(engine: Engine, trial: Site, use_case: UseCase[ReasonedAction]) -> None:
    id_ = await trial.deploy("v1", node("task"))
    story_before = await engine.story(id_)
    problem = await engine.refusal(use_case, ReasonedAction(story_before.tasks["task"].id, " "))
    assert (problem.code, problem.path) == (ErrorCode.INVALID, ("reason",))
    assert await engine.story(id_) == story_before


# Cancelling a rollback


async def test_a_rollback_can_be_cancelled_before_its_start_and_restarted(
    engine: Engine, site: Site, notes: Notes
) -> None:
    worker = await engine.worker()
    await site.application("web", ShellTarget(FAILURE, rollback_command=notes.take("back")))
    id_ = await site.deploy(strategy=rolling(auto_rollback=False))
    await engine.until(id_, D.FAILED)
    await worker.shut_down()
    await engine.roll_back(id_)
    await engine.cancel(id_)
    story = await engine.story(id_)
    assert (story.status, story.deployment.error_message) == (D.FAILED, "the rollback was cancelled: not wanted")
    assert story.deployment.rollback is not None
    assert story.deployment.rollback.status is RollbackStatus.FAILED and story.deployment.rollback.completed_at
    await engine.worker()
    await engine.roll_back(id_)
    story = await engine.until(id_, D.ROLLED_BACK)
    assert story.deployment.rollback and story.deployment.rollback.status is RollbackStatus.SUCCESS
    assert notes.lines == ["back"]


async def test_a_rollback_cancelled_before_running_tasks_end_undoes_nothing(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    await engine.worker(runtime=engine.patient_runtime())
    stubborn = sh('trap "" TERM; echo ready; "$@"', *gate.wait)
    await site.application("web", ShellTarget(stubborn, rollback_command=notes.take("back")))
    id_ = await site.deploy()
    await engine.until_logged(id_, "web/deploy", "ready")
    await engine.roll_back(id_)
    await engine.cancel(id_)
    assert (await engine.story(id_)).status is D.ROLLING_BACK
    gate.open()
    story = await engine.until(id_, D.FAILED)
    assert (notes.lines, len(story.attempts["web/deploy"]), story.tasks["web/deploy"].touched) == ([], 1, True)
    assert story.deployment.rollback and story.deployment.rollback.status is RollbackStatus.FAILED


async def test_one_of_two_undos_is_cancelled_and_the_other_finishes(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    await engine.worker()
    for name, command in (("a", POLITE), ("b", notes.then("back b", '"$@"', *gate.wait))):
        await site.application(name, ShellTarget(NOTHING, rollback_command=command))
    await site.application("c", ShellTarget(FAILURE, rollback_command=NOTHING))
    id_ = await site.deploy(must_in_order=("a", "c"))
    await engine.until(id_, D.ROLLING_BACK)
    await engine.until_logged(id_, "a/deploy", "ready")
    await cancel(engine, id_, "a/deploy")
    gate.open()
    story = await engine.until(id_, D.FAILED)
    assert story.deployment.rollback and story.deployment.rollback.status is RollbackStatus.FAILED
    assert {key: story.tasks[f"{key}/deploy"].touched for key in "abc"} == {"a": True, "b": False, "c": False}
    last_body = (await engine.events(id_))[-1].body
    assert isinstance(last_body, DeploymentStatusChanged) and (last_body.reason or "").startswith("a/deploy: ")
