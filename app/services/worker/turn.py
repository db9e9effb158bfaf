"""Turns: settle finished attempts of a deployment, and claim free tasks, in one transaction.

Everything that a worker reports about a deployment at one moment is one turn, under the deployment's lock. Attempts
that end while a turn runs wait for the next one, so under load each turn does more at once.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app.core import rollout
from app.core.attempt import Outcome
from app.core.task import Activity, Task, TaskAttempt, TaskStatus
from app.core.tick.state import TaskSnapshot
from app.core.workflow import TaskType
from app.services.engine.admission import admit_waiting
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import TickResult, tick
from app.services.engine.work_queue import enqueue_work
from app.services.execution.instruction_context import InstructionContext, load_instruction_context
from app.services.execution.rollout import Parked
from app.services.runtime import Runtime
from app.services.worker.settlement import settle_attempt
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store.unit_of_work import unit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """A worker process: its id, and the pool it serves."""

    id: str
    pool: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task that a worker has claimed, with the context for its instructions."""

    context: InstructionContext
    task: Task


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt that has ended, and its result. `run` is the name of its run, where runs outlive workers."""

    assignment: Assignment
    result: Outcome | Parked
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The result of a turn: claimed tasks, whether `more` are free, and the settled attempts."""

    claimed: tuple[Assignment, ...] = ()
    more: bool = False
    settled: tuple[Finished, ...] = ()


async def claim_and_settle(
    runtime: Runtime,
    worker: WorkerIdentity,
    deployment_id: str,
    finished: Sequence[Finished],
    *,
    room: int,
    held_tasks: Collection[str],
) -> Turn:
    """Settle finished attempts of a deployment, and claim up to `room` of its free tasks.

    Attempts that this worker no longer holds are ignored. `held_tasks` are the tasks that the worker knows it holds:
    another task with a lease of this worker was claimed in a turn whose answer was lost, and begins now.
    """
    finished_by_id = {attempt.assignment.task.id: attempt for attempt in finished}
    settled: list[Finished] = []
    async with unit(runtime) as work, lock_deployment(work, deployment_id) as locked:
        tasks = {task.id: task for task in await task_store.snapshots(deployment_id)}
        for id_, attempt in finished_by_id.items():
            if _holds(worker, attempt.assignment.task, tasks.get(id_)):
                tasks[id_] = await _settle(runtime, locked, tasks[id_], attempt)
                settled.append(attempt)
            else:
                logger.warning(
                    "attempt %d of %s is no longer held by this worker", attempt.assignment.task.attempt, id_
                )
        ticked = await tick(locked, list(tasks.values()))
        available = [id_ for id_ in ticked.plan.work if locked.pools.of(ticked.tasks[id_].type) == worker.pool]
        picked = available[:room]
        claimed = await _claim(runtime, locked, worker, ticked, picked)
        strays = [id_ for id_, task in ticked.tasks.items() if task.worker == worker.id and id_ not in held_tasks]
        claimed += await _claim_again(runtime, locked, strays)
        enqueue_work(locked, ticked, taken=picked)
    await admit_waiting(runtime, work)
    more = len(available) > len(picked)
    if not claimed:
        return Turn(more=more, settled=tuple(settled))
    context = finished[0].assignment.context if finished else None
    if context is None or any(task.type in (TaskType.DEPLOY, TaskType.HEALTH_CHECK) for task in claimed):
        context = await load_instruction_context(deployment_id)
    return Turn(tuple(Assignment(context, task) for task in claimed), more, tuple(settled))


def _holds(worker: WorkerIdentity, task: Task, current: TaskSnapshot | None) -> bool:
    return current is not None and current.attempt == task.attempt and current.worker == worker.id


async def settle_lost_attempt(
    runtime: Runtime, deployment_id: str, task_id: str, attempt: int, outcome: Outcome
) -> None:
    """Settle an attempt whose lease has expired, so that its task is retried. Its worker is fenced off."""
    async with unit(runtime) as work, lock_deployment(work, deployment_id) as locked:
        await task_store.lock(task_id)
        task = await locked.task(task_id)
        expired = task.worker is not None and task.lease_until is not None and task.lease_until < locked.now
        if task.attempt != attempt or not expired:
            return
        tasks = {snapshot.id: snapshot for snapshot in await task_store.snapshots(deployment_id)}
        tasks[task_id] = _updated(tasks[task_id], await settle_attempt(runtime, locked, task, outcome))
        enqueue_work(locked, await tick(locked, list(tasks.values())))
    await admit_waiting(runtime, work)


async def _claim(
    runtime: Runtime, locked: LockedDeployment, worker: WorkerIdentity, ticked: TickResult, picked: Sequence[str]
) -> list[Task]:
    """Claim the picked tasks under leases."""
    claimed: list[Task] = []
    for task in await locked.tasks(picked):
        leased = replace(
            task,
            status=ticked.tasks[task.id].status,
            worker=worker.id,
            lease_until=locked.now + timedelta(seconds=runtime.lease_seconds),
            resume_at=None,
            retry_at=None,
            stop=False,
        )
        if task.id in ticked.plan.start:
            leased = await _start(locked, leased)
        elif task.id in ticked.plan.undo:
            leased = replace(leased, activity=Activity.UNDO, attempt=task.attempt + 1)
        locked.put_task(leased, begun=None if leased.attempt == task.attempt else _new_attempt(leased, locked))
        claimed.append(leased)
    return claimed


async def _claim_again(runtime: Runtime, locked: LockedDeployment, strays: Sequence[str]) -> list[Task]:
    """Renew the leases of tasks that were claimed in a turn whose answer was lost."""
    until = locked.now + timedelta(seconds=runtime.lease_seconds)
    tasks = [replace(task, lease_until=until) for task in await locked.tasks(strays)]
    for task in tasks:
        locked.put_task(task)
    return tasks


async def _start(locked: LockedDeployment, task: Task) -> Task:
    """Begin another attempt of a task's own work."""
    locked.record_task_status(task.id, task.status, TaskStatus.RUNNING)
    if task.type is TaskType.DEPLOY:
        await _save_previous_release(locked, task)
    return replace(
        task,
        status=TaskStatus.RUNNING,
        activity=Activity.RUN,
        attempt=task.attempt + 1,
        error_message=None,
        started_at=task.started_at or locked.now,
        completed_at=None,
        rollout=rollout.begin_attempt(task.rollout) if task.type is TaskType.DEPLOY else None,
    )


def _new_attempt(task: Task, locked: LockedDeployment) -> TaskAttempt:
    return TaskAttempt(
        task_id=task.id,
        number=task.attempt,
        activity=task.activity or Activity.RUN,
        status=TaskStatus.RUNNING,
        worker=task.worker,
        started_at=locked.now,
        completed_at=None,
        error_message=None,
        exit_code=None,
    )


async def _save_previous_release(locked: LockedDeployment, task: Task) -> None:
    """Save the release that runs before this deployment changes the application."""
    for release in await environment_store.releases_in([locked.deployment.environment_id]):
        if release.application_id == task.application_id and release.deployment_id != locked.deployment.id:
            await deployment_store.save_previous_release(locked.deployment.id, release)


async def _settle(
    runtime: Runtime, locked: LockedDeployment, snapshot: TaskSnapshot, finished: Finished
) -> TaskSnapshot:
    """Settle an attempt of this worker. Return the snapshot of its task after that."""
    task = replace(
        finished.assignment.task,
        status=snapshot.status,
        stop=snapshot.stop,
        error_message=snapshot.error_message,
        touched=snapshot.touched,
        rollout=snapshot.rollout,
    )
    return _updated(snapshot, await settle_attempt(runtime, locked, task, finished.result))


def _updated(snapshot: TaskSnapshot, task: Task) -> TaskSnapshot:
    """Return the snapshot of a task after a change that is not written yet."""
    return replace(
        snapshot,
        status=task.status,
        activity=task.activity,
        worker=task.worker,
        stop=task.stop,
        touched=task.touched,
        resume_at=task.resume_at,
        retry_at=task.retry_at,
        error_message=task.error_message,
        rollout=task.rollout,
        completed_at=task.completed_at,
    )
