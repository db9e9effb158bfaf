"""Steering deployments and tasks, and the events and blockers that result."""

from dataclasses import replace

from app.core.errors import WrongState
from app.core.events import DeploymentPaused, TaskStatusChanged
from app.core.gate import BlockerKind, deployment_blockers
from app.services import deployments, tasks
from app.services.deployments import ReasonedAction
from app.services.gates import gate_contexts
from app.services.use_cases import UseCase
from tests.services.support.commands import sh
from tests.services.support.engine import Engine, S

STUBBORN = sh('trap "" TERM; echo ready; while :; do sleep 0.02; done')
"""A command that says that it is ready and ignores SIGTERM."""


async def pause(engine: Engine, id_: str) -> None:
    """Pause a deployment."""
    await engine.call(deployments.pause, id_)


async def resume(engine: Engine, id_: str) -> None:
    """Resume a paused deployment."""
    await engine.call(deployments.resume, id_)


async def task_id(engine: Engine, id_: str, key: str) -> str:
    """Return the id of a task."""
    return (await engine.story(id_)).tasks[key].id


async def skip(engine: Engine, id_: str, key: str) -> None:
    """Skip a task."""
    await engine.call(tasks.skip, ReasonedAction(await task_id(engine, id_, key), "not needed"))


async def cancel(engine: Engine, id_: str, key: str, *, force: bool = False) -> None:
    """Cancel a task."""
    await engine.call(tasks.cancel, ReasonedAction(await task_id(engine, id_, key), "not wanted", force))


async def blocker_kinds(engine: Engine, id_: str) -> list[BlockerKind]:
    """Return the kinds of a deployment's blockers."""
    story = await engine.story(id_)
    (situation,) = await gate_contexts(engine.runtime, [story.deployment])
    now = engine.runtime.clock.now()
    return [
        blocker.kind for blocker in deployment_blockers(story.deployment, list(story.tasks.values()), situation, now)
    ]


async def pause_events(engine: Engine, id_: str) -> list[bool]:
    """Return the pauses (True) and resumptions (False) in the event feed."""
    return [event.body.paused for event in await engine.events(id_) if isinstance(event.body, DeploymentPaused)]


async def last_reason(engine: Engine, id_: str, key: str, status: S) -> str | None:
    """Return the reason of the last change of a task to a status."""
    changed_id = await task_id(engine, id_, key)
    bodies = [event.body for event in await engine.events(id_)]
    return [
        body.reason
        for body in bodies
        if isinstance(body, TaskStatusChanged) and (body.task_id, body.to) == (changed_id, status)
    ][-1]


async def check_refused(engine: Engine, id_: str, key: str, use_case: UseCase[ReasonedAction]) -> None:
    """Check that a use case refuses a task in its state and changes nothing."""
    task_before, events_before = (await engine.story(id_)).tasks[key], await engine.events(id_)
    problem = await engine.refusal(use_case, ReasonedAction(task_before.id, "because"))
    assert isinstance(problem, WrongState) and (problem.status, problem.path) == (task_before.status, ("id",))
    task_after = (await engine.story(id_)).tasks[key]
    assert replace(task_after, lease_until=task_before.lease_until) == task_before
    assert await engine.events(id_) == events_before
