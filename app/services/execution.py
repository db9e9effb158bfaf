"""Attempts: taking a task under a lease, settling what came of it, and going on with the next one.

Both are one transaction each, under the deployment's lock. Settling an attempt takes the next free task in the same
transaction, so a chain of tasks needs no trip through the queue.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.core import rollout
from app.core.attempt import Outcome, Settlement, settle
from app.core.deployment import Deployment, RollbackStatus
from app.core.environment import Release
from app.core.schedule import Plan
from app.core.task import ENDED, UNSTARTED, Activity, Task, TaskAttempt, TaskStatus
from app.core.workflow import TaskType
from app.services.engine import admit_waiting, send_new_work, send_work, set_rollback, tick
from app.services.instructions import Setting
from app.services.ledger import Ledger, hold
from app.services.rollouts import Parked
from app.services.runtime import Runtime
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import logs
from app.store import tasks as task_store
from app.store import versions as version_store
from app.store.tasks import AttemptEnd
from app.store.unit import unit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerName:
    """A worker process: its id, and the pool it serves."""

    id: str
    pool: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """An attempt in a worker's hands."""

    setting: Setting
    task: Task


async def take(runtime: Runtime, worker: WorkerName, task_id: str) -> Assignment | None:
    """Take a task, if it may run now. None: somebody has it, or it waits, or it is gone."""
    known = (await task_store.by_ids([task_id])).get(task_id)
    if known is None or known.worker is not None or not _may_need_work(known):
        return None
    async with unit(runtime) as work, hold(work, known.deployment_id) as ledger:
        ticked = await tick(ledger)
        taken = await _begin(runtime, ledger, worker, ticked.plan, task_id)
        if ticked.plan.changes:
            send_new_work(ledger, worker.pool, ticked, but=task_id)
    await admit_waiting(runtime, work)
    return await assignment(taken, None) if taken else None


def _may_need_work(task: Task) -> bool:
    """Tell, without holding anything, whether a job for the task can still be of use: most stale ones end here."""
    return task.touched or task.activity is not None or task.status in UNSTARTED


async def settle_attempt(
    runtime: Runtime, worker: WorkerName, done: Assignment, came: Outcome | Parked, *, go_on: bool = True
) -> Assignment | None:
    """Store what came of an attempt, and take the next free task of the deployment (unless `go_on` is False).

    Does nothing when the attempt is not this worker's any more.
    """
    taken: Task | None = None
    async with unit(runtime) as work, hold(work, done.task.deployment_id) as ledger:
        task = await ledger.task(done.task.id)
        if task.attempt != done.task.attempt or task.worker != worker.id:
            logger.warning("attempt %d of %s is not ours any more; nothing is written", done.task.attempt, task.id)
            return None
        await _store_end(runtime, ledger, task, came)
        ticked = await tick(ledger)
        pool = done.setting.environment.worker_pool
        if go_on and pool == worker.pool and ticked.plan.work:
            taken = await _begin(runtime, ledger, worker, ticked.plan, ticked.plan.work[0])
        send_new_work(ledger, pool, ticked, again=task.id, but=taken.id if taken else None)
    await admit_waiting(runtime, work)
    return await assignment(taken, done.setting) if taken else None


async def lose(runtime: Runtime, deployment_id: str, task_id: str, attempt: int, outcome: Outcome) -> None:
    """Settle an attempt whose lease ran out, so that the task is tried again. The old worker can not write any more."""
    async with unit(runtime) as work, hold(work, deployment_id) as ledger:
        task = await ledger.task(task_id)
        lapsed = task.worker is not None and task.lease_until is not None and task.lease_until < ledger.now
        if task.attempt != attempt or not lapsed:
            return
        await _store_end(runtime, ledger, task, outcome)
        ticked = await tick(ledger)
        environment = await environment_store.by_ids([ledger.deployment.environment_id])
        send_work(ledger, environment[ledger.deployment.environment_id].worker_pool, ticked)
    await admit_waiting(runtime, work)


async def _begin(runtime: Runtime, ledger: Ledger, worker: WorkerName, plan: Plan, task_id: str) -> Task | None:
    if task_id not in plan.work:
        return None
    task = await ledger.task(task_id)
    held = replace(
        task,
        worker=worker.id,
        lease_until=ledger.now + timedelta(seconds=runtime.lease_seconds),
        resume_at=None,
        retry_at=None,
        stop=False,
    )
    if task_id in plan.start:
        ledger.note_task(task.id, task.status, TaskStatus.RUNNING)
        held = replace(
            held,
            status=TaskStatus.RUNNING,
            activity=Activity.RUN,
            attempt=task.attempt + 1,
            error_message=None,
            started_at=task.started_at or ledger.now,
            completed_at=None,
            rollout=rollout.begin_attempt(task.rollout) if task.type is TaskType.DEPLOY else None,
        )
        if task.type is TaskType.DEPLOY:
            await _remember_release(ledger, task)
    elif task_id in plan.undo:
        held = replace(held, activity=Activity.UNDO, attempt=task.attempt + 1)
    if held.attempt == task.attempt:
        await task_store.save(held)
    else:
        await task_store.begin_attempt(held, _new_attempt(held, ledger))
    return held


def _new_attempt(task: Task, ledger: Ledger) -> TaskAttempt:
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


async def _remember_release(ledger: Ledger, task: Task) -> None:
    """Keep what ran before this deployment changes the application."""
    for release in await environment_store.releases_in([ledger.deployment.environment_id]):
        if release.application_id == task.application_id and release.deployment_id != ledger.deployment.id:
            await deployment_store.keep_previous(ledger.deployment.id, release)


async def _store_end(runtime: Runtime, ledger: Ledger, task: Task, came: Outcome | Parked) -> None:
    free = replace(task, worker=None, lease_until=None)
    if isinstance(came, Parked):
        await task_store.save(replace(free, rollout=came.progress, resume_at=came.until))
        return
    settled = settle(task, came, ledger.now, runtime.chance.fraction())
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
        ledger.note_task(task.id, task.status, settled.status, came.message)
    await task_store.end_attempt(after, AttemptEnd(settled.attempt_status, ledger.now, came.message, came.exit_code))
    await _store_effect(ledger, task, settled, came)
    if ended:
        ledger.unit.messages.append((logs.topic(task.id), logs.encode([])))


def _completed_at(ledger: Ledger, task: Task, ended: bool) -> datetime | None:
    """When a task's own work ended: undoing it later does not make it longer."""
    if task.activity is Activity.UNDO and task.completed_at is not None:
        return task.completed_at
    return ledger.now if ended else None


async def _store_effect(ledger: Ledger, task: Task, settled: Settlement, came: Outcome) -> None:
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
                )
            )
        elif settled.status is TaskStatus.ROLLED_BACK:
            await _restore_release(ledger, task.application_id)
    if task.activity is not Activity.UNDO or deployment.rollback is None:
        return
    note = settled.undo_error or (came.message if not settled.touched and settled.status is task.status else None)
    if note:
        said = "; ".join(filter(None, [deployment.rollback.error_message, f"{task.key}: {note}"]))
        status = RollbackStatus.FAILED if settled.undo_error else deployment.rollback.status
        await set_rollback(ledger, replace(deployment.rollback, status=status, error_message=said))


async def _restore_release(ledger: Ledger, application_id: str) -> None:
    deployment = ledger.deployment
    application = next(a for a in deployment.applications if a.application_id == application_id)
    previous = deployment_store.previous_release(deployment, application)
    if previous:
        await environment_store.put_release(previous)
    else:
        await environment_store.remove_release(deployment.environment_id, application_id)


async def _previous(deployment: Deployment) -> dict[str, str]:
    """Return the version that ran, or runs, before this deployment's, by application id."""
    running = {
        release.application_id: release.version_id
        for release in await environment_store.releases_in([deployment.environment_id])
        if release.deployment_id != deployment.id
    }
    known = {a.application_id: a.previous_version_id for a in deployment.applications if a.previous_version_id}
    return {id_: version for id_, version in (running | known).items() if id_ in deployment.application_ids}


async def assignment(task: Task, known: Setting | None) -> Assignment:
    """Return a taken task with what surrounds it; `known` is what surrounded the one before it."""
    if known and known.deployment.id == task.deployment_id and task.type is not TaskType.DEPLOY:
        return Assignment(known, task)
    deployment = (await deployment_store.by_ids([task.deployment_id]))[task.deployment_id]
    previous = await _previous(deployment)
    versions = await version_store.by_ids([deployment.version_id, *previous.values()])
    environment = (await environment_store.by_ids([deployment.environment_id]))[deployment.environment_id]
    setting = Setting(
        deployment=deployment,
        environment=environment,
        version=versions[deployment.version_id],
        definitions=await deployment_store.definitions(deployment.id),
        previous={application_id: versions[version_id] for application_id, version_id in previous.items()},
    )
    return Assignment(setting, task)
