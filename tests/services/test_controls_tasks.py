"""Skipping, promoting and retrying single tasks while others run, and where each is refused.

The plain cases are tested in test_controls, cancelling single tasks in test_cancel_tasks.
"""

from dataclasses import replace

from app.core.application import ShellTarget
from app.core.errors import WrongState
from app.core.workflow import TaskType
from app.services import deployments, tasks
from app.services.tasks import Promotion
from app.services.worker.sweep import sweep
from tests.services.support.commands import FAILURE, POLITE, Gate, Notes, node, sh
from tests.services.support.controls import cancel, check_refused, skip, task_id
from tests.services.support.engine import AN_HOUR, D, Engine, S, Site, backed_off, rolling, watched

# Skipping


async def test_a_skipped_task_does_not_replace_its_blockers(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    await engine.worker()
    slow = notes.then("slow", '"$@"; echo done', *gate.wait)
    id_ = await site.deploy(
        "v1", node("slow", command=slow), node("gap", "slow"), node("end", "gap", command=notes.take("end"))
    )
    await engine.until_running(id_, "slow")
    await skip(engine, id_, "gap")
    assert (await engine.story(id_)).statuses == {"slow": S.RUNNING, "gap": S.SKIPPED, "end": S.BLOCKED}
    gate.open()
    story = await engine.until(id_, D.SUCCESS)
    assert (notes.lines, story.attempts["gap"], story.deployment.progress) == (["slow", "end"], [], 100)


async def test_a_task_behind_a_skipped_one_is_ready_at_once(engine: Engine, trial: Site) -> None:
    worker = await engine.worker()
    id_ = await trial.deploy("v1", node("bad", max_attempts=9, payload={"outcome": "failure"}), node("next", "bad"))
    await engine.until_task(id_, "bad", backed_off)
    await worker.shut_down()
    await skip(engine, id_, "bad")
    story = await engine.story(id_)
    assert story.statuses == {"bad": S.SKIPPED, "next": S.PENDING}
    assert (story.tasks["bad"].retry_at, story.attempt_statuses("bad")) == (None, [S.FAILED])
    await engine.worker()
    await engine.until(id_, D.SUCCESS)


async def test_a_deployment_whose_last_task_is_skipped_has_succeeded(engine: Engine, trial: Site) -> None:
    worker = await engine.worker()
    id_ = await trial.deploy("v1", node("good"), node("bad", max_attempts=9, payload={"outcome": "failure"}))
    await engine.until_task(id_, "good", lambda task: task.status is S.SUCCESS)
    await engine.until_task(id_, "bad", backed_off)
    await worker.shut_down()
    await skip(engine, id_, "bad")
    assert (await engine.story(id_)).status is D.SUCCESS


async def test_a_failed_task_is_skipped_while_others_run(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    id_ = await site.deploy(
        "v1", node("bad", command=FAILURE), node("slow", command=gate.wait), node("end", "bad", "slow")
    )
    await engine.until_task(id_, "bad", lambda task: task.status is S.FAILED)
    await engine.until_running(id_, "slow")
    await skip(engine, id_, "bad")
    gate.open()
    story = await engine.until(id_, D.SUCCESS)
    assert story.statuses == {"bad": S.SKIPPED, "slow": S.SUCCESS, "end": S.SUCCESS}


async def test_a_cancelled_task_is_skipped(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("slow", command=gate.wait), node("gap", "slow"), node("end", "gap"))
    await engine.until_running(id_, "slow")
    await cancel(engine, id_, "gap")
    await skip(engine, id_, "gap")
    gate.open()
    await engine.until(id_, D.SUCCESS)


async def test_a_rollout_skipped_after_its_failure_is_rolled_back(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(FAILURE, rollback_command=notes.take("back")))
    id_ = await site.deploy(strategy=rolling(auto_rollback=False))
    await engine.until(id_, D.FAILED)
    await skip(engine, id_, "web/deploy")
    await engine.roll_back(id_)
    story = await engine.until(id_, D.ROLLED_BACK)
    assert (notes.lines, story.statuses["web/deploy"], await site.releases()) == (["back"], S.SKIPPED, {})


async def test_running_and_done_tasks_are_not_skipped(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("done"), node("gap"), node("slow", "done", command=gate.wait), auto_start=False)
    await skip(engine, id_, "gap")
    await engine.call(deployments.start, id_)
    await engine.until_running(id_, "slow")
    for key in ("done", "gap", "slow"):
        await check_refused(engine, id_, key, tasks.skip)
    gate.open()
    await engine.until(id_, D.SUCCESS)


# Promoting


async def test_a_rollout_that_does_not_wait_is_not_promoted(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    web = await site.application("web", gate.wait)
    ship = replace(node("ship", type=TaskType.DEPLOY, application_id=web), command=None)
    id_ = await site.deploy("v1", node("plain", "ship"), ship)
    await engine.until_running(id_, "ship")
    for task in (await engine.story(id_)).tasks.values():
        problem = await engine.refusal(tasks.promote, Promotion(task.id, full=True))
        assert isinstance(problem, WrongState) and (problem.status, problem.path) == (task.status, ("taskId",))
    gate.open()
    story = await engine.until(id_, D.SUCCESS)
    problem = await engine.refusal(tasks.promote, Promotion(story.tasks["ship"].id))
    assert isinstance(problem, WrongState) and problem.path == ("taskId",)


async def test_a_promoted_rollout_is_not_promoted_twice(engine: Engine, site: Site) -> None:
    worker = await engine.worker()
    await site.application("web")
    id_ = await site.deploy(strategy=rolling(0, AN_HOUR))
    task = await engine.until_task(id_, "web/deploy", watched)
    await worker.shut_down()
    await engine.call(tasks.promote, Promotion(task.id))
    problem = await engine.refusal(tasks.promote, Promotion(task.id))
    assert isinstance(problem, WrongState) and (problem.status, problem.path) == (S.RUNNING, ("taskId",))
    await engine.worker(sweeps=True)
    story = await engine.until(id_, D.SUCCESS)
    assert story.attempt_statuses("web/deploy") == [S.SUCCESS]


async def test_the_rest_of_a_promoted_rollout_fails_and_rolls_back_together(
    engine: Engine, site: Site, notes: Notes
) -> None:
    await engine.worker()
    deploy = notes.then("$BOREAS_INSTANCE", 'test "$BOREAS_INSTANCE" != c')
    target = ShellTarget(deploy, ("a", "b", "c"), rollback_command=notes.take("back $BOREAS_INSTANCE"))
    await site.application("web", target)
    id_ = await site.deploy(strategy=rolling(1, AN_HOUR))
    task = await engine.until_task(id_, "web/deploy", watched)
    await engine.call(tasks.promote, Promotion(task.id, full=True))
    await engine.until(id_, D.ROLLED_BACK)
    assert (notes.lines[0], sorted(notes.lines[1:3])) == ("a", ["b", "c"])
    assert sorted(notes.lines[3:]) == ["back a", "back b", "back c"]


# Retrying while others run


async def test_one_of_two_failed_tasks_is_not_retried_alone(engine: Engine, site: Site, gate: Gate) -> None:
    """A failed task that is not retried keeps all from starting; once both are retried, both start."""
    await engine.worker()
    fails_once = sh('test "$BOREAS_ATTEMPT" = 2')
    graph = [node("one", command=fails_once), node("two", command=fails_once), node("slow", command=gate.wait)]
    id_ = await site.deploy("v1", *graph)
    for key in ("one", "two"):
        await engine.until_task(id_, key, lambda task: task.status is S.FAILED)
    await engine.retry_task(await task_id(engine, id_, "one"))
    await sweep(engine.runtime)
    assert (await engine.story(id_)).statuses == {"one": S.PENDING, "two": S.FAILED, "slow": S.RUNNING}
    await engine.retry_task(await task_id(engine, id_, "two"))
    for key in ("one", "two"):
        await engine.until_task(id_, key, lambda task: task.status is S.SUCCESS)
    gate.open()
    story = await engine.until(id_, D.SUCCESS)
    assert (story.attempt_statuses("one"), story.attempt_statuses("two"), story.deployment.attempt) == (
        [S.FAILED, S.SUCCESS],
        [S.FAILED, S.SUCCESS],
        1,
    )


async def test_a_cancelled_task_is_retried_while_others_run(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    polite_once = sh('test "$BOREAS_ATTEMPT" = 1 || exit 0; exec "$@"', *POLITE)
    id_ = await site.deploy("v1", node("task", command=polite_once), node("slow", command=gate.wait))
    await engine.until_logged(id_, "task", "ready")
    await cancel(engine, id_, "task")
    await engine.until_task(id_, "task", lambda task: task.status is S.CANCELLED)
    await engine.retry_task(await task_id(engine, id_, "task"))
    task = await engine.until_task(id_, "task", lambda task: task.status is S.SUCCESS)
    assert task.error_message is None
    gate.open()
    await engine.until(id_, D.SUCCESS)
