"""Attempts: taking tasks under a lease, settling what came of them, and going on with what is free then.

All that a worker has to say about a deployment at one moment is one transaction under the deployment's lock, a turn:
the attempts that have ended are settled, and free tasks taken, however many they are. While a turn runs others end, and
wait for the next one: the more there is to do, the more is done at once.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.core import rollout
from app.core.attempt import Ending, Outcome, Settlement, abandon_rollback, settle
from app.core.deployment import DeploymentStatus, RollbackStatus
from app.core.environment import Release
from app.core.events import RolloutProgressed
from app.core.task import ENDED, Activity, Task, TaskAttempt, TaskStatus
from app.core.tick.state import TaskSnapshot
from app.core.workflow import TaskType
from app.services.engine.admission import admit_waiting
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import TickResult, set_rollback, tick
from app.services.engine.work_queue import enqueue_work
from app.services.execution.instruction_context import instruction_context_of
from app.services.execution.instructions import InstructionContext
from app.services.execution.rollout import Parked
from app.services.runtime import Runtime
from app.store import deployment_logs, logs
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store.tasks import AttemptEnd
from app.store.unit_of_work import unit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """A worker process: its id, and the pool it serves."""

    id: str
    pool: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """An attempt in a worker's hands."""

    context: InstructionContext
    task: Task


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt that has ended, and what came of it. `run` is the run that it was, where runs outlive workers."""

    assignment: Assignment
    result: Outcome | Parked
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What a worker got: attempts to begin, and whether there is more that it had no room for.

    `settled` are the attempts, of those that were done, of which it is stored now what came of them.
    """

    taken: tuple[Assignment, ...] = ()
    more: bool = False
    settled: tuple[Finished, ...] = ()


async def claim_and_settle(
    runtime: Runtime,
    worker: WorkerIdentity,
    deployment_id: str,
    done: Sequence[Finished],
    *,
    room: int,
    in_hand: Collection[str],
) -> Turn:
    """Settle the attempts that are done and take up to `room` free tasks of a deployment.

    Attempts that are not this worker's any more are left alone. `in_hand` are the tasks that the worker knows it has:
    one that is stored as its own beyond these was taken in a turn whose answer was lost, and is begun now.
    """
    known = {each.assignment.task.id: each for each in done}
    settled: list[Finished] = []
    async with unit(runtime) as work, lock_deployment(work, deployment_id) as ledger:
        items = {item.id: item for item in await task_store.snapshots(deployment_id)}
        for id_, each in known.items():
            if _is_ours(items.get(id_), each.assignment.task, worker):
                items[id_] = await _settle(runtime, ledger, items[id_], each)
                settled.append(each)
            else:
                logger.warning("attempt %d of %s is not ours any more", each.assignment.task.attempt, id_)
        ticked = await tick(ledger, list(items.values()))
        mine = [id_ for id_ in ticked.plan.work if ledger.pools.of(ticked.tasks[id_].type) == worker.pool]
        picked = mine[:room]
        taken = await _begin(runtime, ledger, worker, ticked, picked)
        strays = [id_ for id_, item in ticked.tasks.items() if item.worker == worker.id and id_ not in in_hand]
        taken += await _take_again(runtime, ledger, strays)
        enqueue_work(ledger, ticked, taken=picked)
    await admit_waiting(runtime, work)
    more = len(mine) > len(picked)
    if not taken:
        return Turn(more=more, settled=tuple(settled))
    setting = done[0].assignment.context if done else None
    if setting is None or any(task.type in (TaskType.DEPLOY, TaskType.HEALTH_CHECK) for task in taken):
        setting = await instruction_context_of(deployment_id)
    assignments = tuple(Assignment(setting, task) for task in taken)
    return Turn(assignments, more, tuple(settled))


def _is_ours(item: TaskSnapshot | None, task: Task, worker: WorkerIdentity) -> bool:
    return item is not None and item.attempt == task.attempt and item.worker == worker.id


async def settle_lost_attempt(
    runtime: Runtime, deployment_id: str, task_id: str, attempt: int, outcome: Outcome
) -> None:
    """Settle an attempt whose lease ran out, so that the task is tried again. The old worker can not write any more."""
    async with unit(runtime) as work, lock_deployment(work, deployment_id) as ledger:
        await task_store.lock(task_id)
        task = await ledger.task(task_id)
        lapsed = task.worker is not None and task.lease_until is not None and task.lease_until < ledger.now
        if task.attempt != attempt or not lapsed:
            return
        items = {item.id: item for item in await task_store.snapshots(deployment_id)}
        items[task_id] = _seen(items[task_id], await _store_end(runtime, ledger, task, outcome))
        enqueue_work(ledger, await tick(ledger, list(items.values())))
    await admit_waiting(runtime, work)


async def _begin(
    runtime: Runtime, ledger: LockedDeployment, worker: WorkerIdentity, ticked: TickResult, picked: Sequence[str]
) -> list[Task]:
    """Take the picked tasks under a lease."""
    taken: list[Task] = []
    for task in await ledger.tasks(picked):
        held = replace(
            task,
            status=ticked.tasks[task.id].status,
            worker=worker.id,
            lease_until=ledger.now + timedelta(seconds=runtime.lease_seconds),
            resume_at=None,
            retry_at=None,
            stop=False,
        )
        if task.id in ticked.plan.start:
            held = await _start(ledger, held)
        elif task.id in ticked.plan.undo:
            held = replace(held, activity=Activity.UNDO, attempt=task.attempt + 1)
        ledger.put_task(held, begun=None if held.attempt == task.attempt else _new_attempt(held, ledger))
        taken.append(held)
    return taken


async def _take_again(runtime: Runtime, ledger: LockedDeployment, strays: Sequence[str]) -> list[Task]:
    """Begin what was taken in a turn whose answer was lost, under a lease that begins now."""
    until = ledger.now + timedelta(seconds=runtime.lease_seconds)
    tasks = [replace(task, lease_until=until) for task in await ledger.tasks(strays)]
    for task in tasks:
        ledger.put_task(task)
    return tasks


async def _start(ledger: LockedDeployment, task: Task) -> Task:
    """Begin another attempt of a task's own work."""
    ledger.record_task_status(task.id, task.status, TaskStatus.RUNNING)
    if task.type is TaskType.DEPLOY:
        await _remember_release(ledger, task)
    return replace(
        task,
        status=TaskStatus.RUNNING,
        activity=Activity.RUN,
        attempt=task.attempt + 1,
        error_message=None,
        started_at=task.started_at or ledger.now,
        completed_at=None,
        rollout=rollout.begin_attempt(task.rollout) if task.type is TaskType.DEPLOY else None,
    )


def _new_attempt(task: Task, ledger: LockedDeployment) -> TaskAttempt:
    return TaskAttempt(
        task_id=task.id,
        number=task.attempt,
        activity=task.activity or Activity.RUN,
        status=TaskStatus.RUNNING,
        worker=task.worker,
        started_at=ledger.now,
        completed_at=None,
        error_message=None,
        exit_code=None,
    )


async def _remember_release(ledger: LockedDeployment, task: Task) -> None:
    """Keep what ran before this deployment changes the application."""
    for release in await environment_store.releases_in([ledger.deployment.environment_id]):
        if release.application_id == task.application_id and release.deployment_id != ledger.deployment.id:
            await deployment_store.save_previous_release(ledger.deployment.id, release)


async def _settle(runtime: Runtime, ledger: LockedDeployment, item: TaskSnapshot, done: Finished) -> TaskSnapshot:
    """Settle an attempt of this worker. Return the task as a tick sees it afterwards."""
    known = done.assignment.task
    task = replace(
        known,
        status=item.status,
        stop=item.stop,
        error_message=item.error_message,
        touched=item.touched,
        rollout=item.rollout,
    )
    return _seen(item, await _store_end(runtime, ledger, task, done.result))


def _seen(item: TaskSnapshot, task: Task) -> TaskSnapshot:
    """Return a task as a tick sees it once what is in hand here is stored."""
    return replace(
        item,
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


async def _store_end(runtime: Runtime, ledger: LockedDeployment, task: Task, came: Outcome | Parked) -> Task:
    """Store what came of the attempt in hand, and return the task without it."""
    free = replace(task, worker=None, lease_until=None)
    if isinstance(came, Parked):
        if not task.stop:
            return _park(ledger, free, came)
        came = Outcome(Ending.STOPPED, "it was stopped")
    settled = settle(task, came, ledger.now, runtime.chance.random_fraction())
    if settled.undo_error and ledger.deployment.status is DeploymentStatus.CANCELLING:
        settled = abandon_rollback(settled)
    ended = settled.status in ENDED
    after = replace(
        free,
        status=settled.status,
        activity=None,
        failures=settled.failures,
        losses=settled.losses,
        retry_at=settled.retry_at,
        resume_at=None,
        error_message=settled.error_message,
        touched=settled.touched,
        result=came.result if came.result is not None else task.result,
        completed_at=_completed_at(ledger, task, ended),
        stop=False,
    )
    if settled.status is not task.status:
        ledger.record_task_status(task.id, task.status, settled.status, settled.error_message)
    attempt_end = AttemptEnd(
        task_id=task.id,
        number=task.attempt,
        status=settled.attempt_status,
        completed_at=ledger.now,
        error_message=came.message,
        exit_code=came.exit_code,
    )
    ledger.put_task(after, ended=attempt_end)
    await _store_effect(ledger, task, settled, came)
    if ended:
        ledger.unit.messages.append((logs.topic(task.id), logs.encode([])))
        ledger.unit.messages.append((deployment_logs.topic(task.deployment_id), b""))
    return after


def _park(ledger: LockedDeployment, free: Task, parked: Parked) -> Task:
    """Store where a rollout stands that nobody holds until a time comes, or until people have decided."""
    status = free.status if parked.until else TaskStatus.WAITING_CONFIRM
    if status is not free.status:
        ledger.record_task_status(free.id, free.status, status)
    progress, until = rollout.park(free.rollout, parked.progress, parked.until)
    if progress != free.rollout:
        ledger.record(RolloutProgressed(free.id, progress))
    task = replace(free, status=status, rollout=progress, resume_at=until)
    ledger.put_task(task)
    return task


def _completed_at(ledger: LockedDeployment, task: Task, ended: bool) -> datetime | None:
    """When a task's own work ended: undoing it later does not make it longer."""
    if task.activity is Activity.UNDO and task.completed_at is not None:
        return task.completed_at
    return ledger.now if ended else None


async def _store_effect(ledger: LockedDeployment, task: Task, settled: Settlement, came: Outcome) -> None:
    """Record what runs in the environment now, and how a rollback goes."""
    deployment = ledger.deployment
    if task.type is TaskType.DEPLOY and task.application_id and settled.status is not task.status:
        if settled.status is TaskStatus.SUCCESS:
            await environment_store.put_release(
                Release(
                    environment_id=deployment.environment_id,
                    application_id=task.application_id,
                    version_id=deployment.version_id,
                    deployment_id=deployment.id,
                    since=ledger.now,
                    color=task.rollout.color if task.rollout else None,
                )
            )
        elif settled.status is TaskStatus.ROLLED_BACK:
            await _restore_release(ledger, task.application_id, task.rollout.old_color if task.rollout else None)
    if task.activity is not Activity.UNDO or deployment.rollback is None:
        return
    note = settled.undo_error or (came.message if not settled.touched and settled.status is task.status else None)
    if note:
        said = "; ".join(filter(None, [deployment.rollback.error_message, f"{task.key}: {note}"]))
        status = RollbackStatus.FAILED if settled.undo_error else deployment.rollback.status
        await set_rollback(ledger, replace(deployment.rollback, status=status, error_message=said))


async def _restore_release(ledger: LockedDeployment, application_id: str, color: str | None) -> None:
    deployment = ledger.deployment
    application = next(a for a in deployment.applications if a.application_id == application_id)
    previous = deployment_store.previous_release(deployment, application)
    if previous:
        await environment_store.put_release(replace(previous, color=color))
    else:
        await environment_store.remove_release(deployment.environment_id, application_id)
