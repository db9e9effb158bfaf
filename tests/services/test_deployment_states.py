"""Which actions each state of a deployment allows.

All others are refused with the state and change nothing.

In: a deployment in each of the states, brought there by use cases and commands.
"""

from collections.abc import Awaitable, Callable

import pytest

from app.core.application import ShellTarget
from app.core.errors import ErrorCode, WrongState
from app.services import deployments, tasks
from app.services.deployments import ReasonedAction
from app.services.tasks import Promotion
from tests.services.support.commands import FAILURE, NOTHING, Gate, node, sh
from tests.services.support.engine import D, Engine, S, Site, rolling

START, PAUSE, RESUME, CANCEL, RETRY, BACK = "start", "pause", "resume", "cancel", "retry", "roll back"
RETRY_TASK, SKIP_TASK, CANCEL_TASK, PROMOTE = "retry task", "skip task", "cancel task", "promote"
OF_TASKS = {RETRY_TASK, SKIP_TASK, CANCEL_TASK, PROMOTE}
ALL = {START, PAUSE, RESUME, CANCEL, RETRY, BACK} | OF_TASKS
Preparation = Callable[[Engine, Site, Gate], Awaitable[str]]


async def not_started(engine: Engine, site: Site, gate: Gate) -> str:
    return await site.deploy(auto_start=False)


async def queued(engine: Engine, site: Site, gate: Gate) -> str:
    await running(engine, site, gate)
    return await site.deploy("v2")


async def running(engine: Engine, site: Site, gate: Gate) -> str:
    id_ = await site.deploy("v1", node("task", command=gate.wait))
    await engine.until_running(id_, "task")
    return id_


async def cancelling(engine: Engine, site: Site, gate: Gate) -> str:
    command = sh('trap "" TERM; echo ready; "$@"', *gate.wait)
    id_ = await site.deploy("v1", node("task", command=command))
    await engine.until_logged(id_, "task", "ready")
    await engine.cancel(id_)
    return id_


async def cancelled(engine: Engine, site: Site, gate: Gate) -> str:
    id_ = await site.deploy("v1", node("task"), auto_start=False)
    await engine.cancel(id_)
    return id_


async def rolling_back(engine: Engine, site: Site, gate: Gate) -> str:
    command = sh('echo ready; "$@"', *gate.wait)
    await site.application("app", ShellTarget(FAILURE, rollback_command=command))
    id_ = await site.deploy()
    await engine.until_logged(id_, "app/deploy", "ready")
    return id_


async def rolled_back(engine: Engine, site: Site, gate: Gate) -> str:
    await site.application("app", ShellTarget(FAILURE, rollback_command=NOTHING))
    return (await engine.until(await site.deploy(), D.ROLLED_BACK)).deployment.id


async def failed(engine: Engine, site: Site, gate: Gate) -> str:
    id_ = await site.deploy("v1", node("task", command=FAILURE), strategy=rolling(auto_rollback=False))
    return (await engine.until(id_, D.FAILED)).deployment.id


async def succeeded(engine: Engine, site: Site, gate: Gate) -> str:
    await site.deployed("v0")
    return (await site.deployed("v1")).deployment.id


@pytest.mark.parametrize(
    ("state", "prepare", "allowed"),
    [
        (D.PENDING, not_started, {START, PAUSE, CANCEL, SKIP_TASK}),
        (D.PENDING, queued, {PAUSE, CANCEL, SKIP_TASK}),
        (D.RUNNING, running, {PAUSE, CANCEL, BACK, CANCEL_TASK}),
        (D.CANCELLING, cancelling, {CANCEL}),
        (D.CANCELLED, cancelled, set[str]()),
        (D.ROLLING_BACK, rolling_back, {CANCEL}),
        (D.ROLLED_BACK, rolled_back, set[str]()),
        (D.FAILED, failed, {RETRY, BACK, RETRY_TASK, SKIP_TASK}),
        (D.SUCCESS, succeeded, {BACK}),
    ],
)
async def test_actions_that_a_state_does_not_allow_are_refused(
    engine: Engine, site: Site, gate: Gate, state: D, prepare: Preparation, allowed: set[str]
) -> None:
    await engine.worker(runtime=engine.patient_runtime())
    id_ = await prepare(engine, site, gate)
    story_before = await engine.story(id_)
    assert story_before.status is state
    order, task = ReasonedAction(id_, "because"), next(iter(story_before.tasks.values()))
    on_task = ReasonedAction(task.id, "because")
    for name in sorted(ALL - allowed):
        problem = await {
            START: lambda: engine.refusal(deployments.start, id_),
            CANCEL: lambda: engine.refusal(deployments.cancel, order),
            RETRY: lambda: engine.refusal(deployments.retry, id_),
            BACK: lambda: engine.refusal(deployments.roll_back, order),
            PAUSE: lambda: engine.refusal(deployments.pause, id_),
            RESUME: lambda: engine.refusal(deployments.resume, id_),
            RETRY_TASK: lambda: engine.refusal(tasks.retry, task.id),
            SKIP_TASK: lambda: engine.refusal(tasks.skip, on_task),
            CANCEL_TASK: lambda: engine.refusal(tasks.cancel, on_task),
            PROMOTE: lambda: engine.refusal(tasks.promote, Promotion(task.id)),
        }[name]()
        status = task.status if name in OF_TASKS else state
        field = "taskId" if name == PROMOTE else "id"
        assert isinstance(problem, WrongState) and (problem.status, problem.path) == (status, (field,)), name
    assert (await engine.story(id_)).deployment == story_before.deployment
    gate.open()


@pytest.mark.parametrize("status", [S.SUCCESS, S.BLOCKED])
async def test_retrying_a_failed_deployment_retries_only_failed_tasks(engine: Engine, site: Site, status: S) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("good"), node("bad", "good", command=FAILURE), node("after", "bad"))
    story = await engine.until(id_, D.FAILED)
    task = next(task for task in story.tasks.values() if task.status is status)
    problem = await engine.refusal(tasks.retry, task.id)
    assert isinstance(problem, WrongState) and problem.status == status


async def test_missing_deployments_and_tasks_are_not_found(engine: Engine) -> None:
    for problem in (
        await engine.refusal(deployments.start, "dep_none"),
        await engine.refusal(deployments.retry, "dep_none"),
        await engine.refusal(deployments.cancel, ReasonedAction("dep_none", "because")),
        await engine.refusal(deployments.roll_back, ReasonedAction("dep_none", "because")),
        await engine.refusal(deployments.pause, "dep_none"),
        await engine.refusal(deployments.resume, "dep_none"),
        await engine.refusal(tasks.retry, "tsk_none"),
        await engine.refusal(tasks.skip, ReasonedAction("tsk_none", "because")),
        await engine.refusal(tasks.cancel, ReasonedAction("tsk_none", "because")),
        await engine.refusal(tasks.promote, Promotion("tsk_none")),
    ):
        assert problem.code is ErrorCode.NOT_FOUND
