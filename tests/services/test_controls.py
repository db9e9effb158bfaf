"""Controls of deployments: pausing, skipping, cancelling tasks and rollbacks, and promoting rollouts."""

from collections.abc import Sequence

import pytest

from app.core.application import ShellTarget
from app.core.deployment import RollbackStatus
from app.core.events import DeploymentStatusChanged
from app.core.gate import BlockerKind
from app.services import deployments, tasks
from app.services.tasks import Promotion
from app.services.worker.sweep import sweep
from tests.services.support.commands import FAILURE, NOTHING, POLITE, Gate, Notes, node, sh
from tests.services.support.controls import (
    STUBBORN,
    blocker_kinds,
    cancel,
    last_reason,
    pause,
    pause_events,
    resume,
    skip,
    task_id,
)
from tests.services.support.engine import AN_HOUR, D, Engine, S, Site, backed_off, eventually, rolling, watched

# Pausing


async def test_while_paused_no_task_starts_and_running_ones_end(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("slow", command=gate.wait), node("next", "slow"))
    await engine.until_running(id_, "slow")
    await pause(engine, id_)
    assert await blocker_kinds(engine, id_) == []
    gate.open()
    await engine.until_task(id_, "next", lambda task: task.status is S.PENDING)
    await sweep(engine.runtime)
    story = await engine.story(id_)
    assert (story.status, story.statuses) == (D.RUNNING, {"slow": S.SUCCESS, "next": S.PENDING})
    assert await blocker_kinds(engine, id_) == [BlockerKind.PAUSED]
    await resume(engine, id_)
    await engine.until(id_, D.SUCCESS)
    assert await pause_events(engine, id_) == [True, False]


async def test_a_paused_deployment_lets_others_pass_in_the_queue(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    first_id = await site.deploy("v1", node("slow", command=gate.wait))
    await engine.until_running(first_id, "slow")
    second_id, third_id, fourth_id = [await site.deploy(f"v{n}", node("task")) for n in (2, 3, 4)]
    await pause(engine, second_id)
    await pause(engine, third_id)
    assert await blocker_kinds(engine, second_id) == [BlockerKind.PAUSED]
    gate.open()
    await engine.until(fourth_id, D.SUCCESS)
    assert (await engine.story(second_id)).status is D.PENDING
    await resume(engine, third_id)
    await engine.until(third_id, D.SUCCESS)
    await resume(engine, second_id)
    await engine.until(second_id, D.SUCCESS)


async def test_a_due_attempt_waits_while_paused(engine: Engine, site: Site) -> None:
    await engine.worker()
    script = 'test "$BOREAS_ATTEMPT" = 2'
    id_ = await site.deploy("v1", node("task", command=sh(script), max_attempts=2))
    await engine.until_task(id_, "task", backed_off)
    await pause(engine, id_)
    due = (await engine.story(id_)).tasks["task"].retry_at

    async def passed() -> bool:
        return due is not None and engine.runtime.clock.now() > due

    await eventually(passed, "the time of the next attempt to pass")
    await sweep(engine.runtime)
    assert (await engine.story(id_)).tasks["task"].attempt == 1
    await resume(engine, id_)
    await engine.until(id_, D.SUCCESS)


async def test_a_failure_while_paused_fails_the_deployment_and_ends_the_pause(
    engine: Engine, site: Site, gate: Gate
) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("bad", command=sh('"$@"; exit 1', *gate.wait)), node("other", "bad"))
    await engine.until_running(id_, "bad")
    await pause(engine, id_)
    gate.open()
    story = await engine.until(id_, D.FAILED)
    assert (story.deployment.paused, await pause_events(engine, id_)) == (False, [True, False])


# Skipping


async def test_a_task_skipped_before_its_start_unblocks_others(engine: Engine, site: Site, notes: Notes) -> None:
    graph = [node("one", command=notes.take("one")), node("two", "one", command=notes.take("two")), node("end", "two")]
    id_ = await site.deploy("v1", *graph, auto_start=False)
    await skip(engine, id_, "two")
    await engine.worker()
    await engine.call(deployments.start, id_)
    story = await engine.until(id_, D.SUCCESS)
    assert (story.statuses["two"], notes.lines) == (S.SKIPPED, ["one"])
    assert await last_reason(engine, id_, "two", S.SKIPPED) == "not needed"


async def test_a_task_in_back_off_is_skipped(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("bad", command=FAILURE, max_attempts=9), node("next", "bad"))
    await engine.until_task(id_, "bad", backed_off)
    await skip(engine, id_, "bad")
    story = await engine.until(id_, D.SUCCESS)
    assert story.statuses == {"bad": S.SKIPPED, "next": S.SUCCESS}


async def test_a_failed_deployment_resumes_without_a_skipped_task(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("bad", command=FAILURE), node("next", "bad"))
    await engine.until(id_, D.FAILED)
    await skip(engine, id_, "bad")
    assert (await engine.story(id_)).status is D.FAILED
    await engine.retry(id_)
    story = await engine.until(id_, D.SUCCESS)
    assert story.statuses == {"bad": S.SKIPPED, "next": S.SUCCESS}


# Cancelling a task


@pytest.mark.parametrize(("command", "force"), [(POLITE, False), (STUBBORN, True)])
async def test_cancelling_a_running_task_fails_its_deployment(
    engine: Engine, site: Site, command: Sequence[str], force: bool
) -> None:
    await engine.worker(runtime=engine.patient_runtime() if force else None)
    id_ = await site.deploy("v1", node("task", command=tuple(command), max_attempts=3), node("next", "task"))
    await engine.until_logged(id_, "task", "ready")
    await cancel(engine, id_, "task", force=force)
    story = await engine.until(id_, D.FAILED)
    assert (story.statuses, story.attempt_statuses("task")) == ({"task": S.CANCELLED, "next": S.BLOCKED}, [S.CANCELLED])
    assert story.tasks["task"].error_message == "not wanted"
    assert story.deployment.error_message == "task: not wanted"
    assert await last_reason(engine, id_, "task", S.CANCELLED) == "not wanted"


async def test_a_task_that_waits_is_cancelled_at_once(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("slow", command=gate.wait), node("next", "slow"))
    await engine.until_running(id_, "slow")
    await cancel(engine, id_, "next")
    story = await engine.story(id_)
    assert (story.status, story.statuses["next"]) == (D.RUNNING, S.CANCELLED)
    gate.open()
    story = await engine.until(id_, D.FAILED)
    assert story.statuses == {"slow": S.SUCCESS, "next": S.CANCELLED}
    await engine.retry(id_)
    await engine.until(id_, D.SUCCESS)


async def test_a_watched_rollout_is_cancelled_and_rolls_back(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    target = ShellTarget(NOTHING, ("a", "b"), rollback_command=notes.take("back $BOREAS_INSTANCE"))
    await site.application("web", target)
    id_ = await site.deploy(strategy=rolling(1, AN_HOUR))
    await engine.until_task(id_, "web/deploy", watched)
    await cancel(engine, id_, "web/deploy")
    story = await engine.until(id_, D.ROLLED_BACK)
    assert (notes.lines, story.deployment.rollback and story.deployment.rollback.automatic) == (["back a"], True)


# Cancelling a rollback


async def until_rolling_back(engine: Engine, site: Site, command: tuple[str, ...]) -> str:
    await site.application("web", ShellTarget(FAILURE, rollback_command=command))
    id_ = await site.deploy()
    await engine.until(id_, D.ROLLING_BACK)
    await engine.until_logged(id_, "web/deploy", "ready")
    return id_


@pytest.mark.parametrize(("command", "force"), [(POLITE, False), (STUBBORN, True)])
async def test_a_cancelled_rollback_has_failed(
    engine: Engine, site: Site, command: tuple[str, ...], force: bool
) -> None:
    await engine.worker(runtime=engine.patient_runtime() if force else None)
    id_ = await until_rolling_back(engine, site, command)
    await engine.cancel(id_, force=force)
    story = await engine.until(id_, D.FAILED)
    assert story.deployment.rollback is not None and story.deployment.rollback.status is RollbackStatus.FAILED
    assert "the rollback was cancelled: not wanted" in (story.deployment.rollback.error_message or "")
    last_body = (await engine.events(id_))[-1].body
    assert isinstance(last_body, DeploymentStatusChanged) and "cancelled: not wanted" in (last_body.reason or "")


async def test_a_cancelled_undo_fails_the_rollback(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await until_rolling_back(engine, site, POLITE)
    await cancel(engine, id_, "web/deploy")
    story = await engine.until(id_, D.FAILED)
    assert story.deployment.rollback is not None and story.deployment.rollback.status is RollbackStatus.FAILED


# Promoting a rollout


@pytest.mark.parametrize(("full", "batches"), [(False, ["1 a", "2 b"]), (True, ["1 a", "2 b", "2 c", "2 d"])])
async def test_a_promoted_rollout_does_not_wait(
    engine: Engine, site: Site, notes: Notes, full: bool, batches: list[str]
) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(notes.take("$BOREAS_BATCH $BOREAS_INSTANCE"), ("a", "b", "c", "d")))
    id_ = await site.deploy(strategy=rolling(1, AN_HOUR))
    task = await engine.until_task(id_, "web/deploy", watched)
    await engine.call(tasks.promote, Promotion(task.id, full))
    if full:
        story = await engine.until(id_, D.SUCCESS)
        rollout = story.tasks["web/deploy"].rollout
        assert rollout is not None and (rollout.batch, rollout.batches, rollout.weight) == (2, 2, 1.0)
    else:
        await engine.until_task(id_, "web/deploy", lambda one: watched(one) and one.rollout and one.rollout.batch == 2)
        await engine.cancel(id_)
    assert sorted(notes.lines) == batches


# Retrying while others run


async def test_a_task_is_retried_while_others_run(engine: Engine, site: Site, notes: Notes, gate: Gate) -> None:
    await engine.worker()
    fails_once = sh('test "$BOREAS_ATTEMPT" = 2')
    id_ = await site.deploy("v1", node("bad", command=fails_once), node("slow", command=gate.wait), node("end", "bad"))
    await engine.until_task(id_, "bad", lambda task: task.status is S.FAILED)
    await engine.until_running(id_, "slow")
    await engine.retry_task(await task_id(engine, id_, "bad"))
    await engine.until_task(id_, "end", lambda task: task.status is S.SUCCESS)
    gate.open()
    story = await engine.until(id_, D.SUCCESS)
    assert (story.attempt_statuses("bad"), story.deployment.attempt) == ([S.FAILED, S.SUCCESS], 1)
