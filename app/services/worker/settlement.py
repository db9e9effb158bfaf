"""Settles an attempt: stores its end, its task's new state, and the release or rollback that follows."""

from dataclasses import replace
from datetime import datetime

from app.core import rollout
from app.core.attempt import Ending, Outcome, Settlement, abandon_rollback, settle
from app.core.deployment import DeploymentStatus, RollbackStatus
from app.core.environment import Release
from app.core.events import RolloutProgressed
from app.core.task import ENDED, Activity, Task, TaskStatus
from app.core.workflow import TaskType
from app.services.engine.locked_deployment import LockedDeployment
from app.services.engine.tick import set_rollback
from app.services.execution.rollout import Parked
from app.services.runtime import Runtime
from app.store import deployment_logs, logs
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store.tasks import AttemptEnd


async def settle_attempt(runtime: Runtime, locked: LockedDeployment, task: Task, result: Outcome | Parked) -> Task:
    """Store the end of a task's attempt, and return the task without it."""
    free = replace(task, worker=None, lease_until=None)
    if isinstance(result, Parked):
        if not task.stop:
            return _park(locked, free, result)
        result = Outcome(Ending.STOPPED, "it was stopped")
    settlement = settle(task, result, locked.now, runtime.chance.random_fraction())
    if settlement.undo_error and locked.deployment.status is DeploymentStatus.CANCELLING:
        settlement = abandon_rollback(settlement)
    ended = settlement.status in ENDED
    after = replace(
        free,
        status=settlement.status,
        activity=None,
        failures=settlement.failures,
        losses=settlement.losses,
        retry_at=settlement.retry_at,
        resume_at=None,
        error_message=settlement.error_message,
        touched=settlement.touched,
        result=result.result if result.result is not None else task.result,
        completed_at=_completed_at(locked, task, ended),
        stop=False,
    )
    if settlement.status is not task.status:
        locked.record_task_status(task.id, task.status, settlement.status, settlement.error_message)
    attempt_end = AttemptEnd(
        task_id=task.id,
        number=task.attempt,
        status=settlement.attempt_status,
        completed_at=locked.now,
        error_message=result.message,
        exit_code=result.exit_code,
    )
    locked.put_task(after, ended=attempt_end)
    await _update_release(locked, task, settlement)
    await _update_rollback(locked, task, settlement, result)
    if ended:
        locked.unit.messages.append((logs.topic(task.id), logs.encode([])))
        locked.unit.messages.append((deployment_logs.topic(task.deployment_id), b""))
    return after


def _park(locked: LockedDeployment, free: Task, parked: Parked) -> Task:
    """Store the progress of a rollout that no worker holds until a time, or until people have decided."""
    status = free.status if parked.until else TaskStatus.WAITING_CONFIRM
    if status is not free.status:
        locked.record_task_status(free.id, free.status, status)
    progress, until = rollout.park(free.rollout, parked.progress, parked.until)
    if progress != free.rollout:
        locked.record(RolloutProgressed(free.id, progress))
    task = replace(free, status=status, rollout=progress, resume_at=until)
    locked.put_task(task)
    return task


def _completed_at(locked: LockedDeployment, task: Task, ended: bool) -> datetime | None:
    """Return when the task's own work ended: a later undo does not make it longer."""
    if task.activity is Activity.UNDO and task.completed_at is not None:
        return task.completed_at
    return locked.now if ended else None


async def _update_release(locked: LockedDeployment, task: Task, settlement: Settlement) -> None:
    """Record the release that runs in the environment now."""
    if task.type is not TaskType.DEPLOY or not task.application_id or settlement.status is task.status:
        return
    deployment = locked.deployment
    if settlement.status is TaskStatus.SUCCESS:
        await environment_store.put_release(
            Release(
                environment_id=deployment.environment_id,
                application_id=task.application_id,
                version_id=deployment.version_id,
                deployment_id=deployment.id,
                since=locked.now,
                color=task.rollout.color if task.rollout else None,
            )
        )
    elif settlement.status is TaskStatus.ROLLED_BACK:
        await _restore_release(locked, task.application_id, task.rollout.old_color if task.rollout else None)


async def _restore_release(locked: LockedDeployment, application_id: str, color: str | None) -> None:
    deployment = locked.deployment
    application = next(
        application for application in deployment.applications if application.application_id == application_id
    )
    previous = deployment_store.previous_release(deployment, application)
    if previous:
        await environment_store.put_release(replace(previous, color=color))
    else:
        await environment_store.remove_release(deployment.environment_id, application_id)


async def _update_rollback(locked: LockedDeployment, task: Task, settlement: Settlement, outcome: Outcome) -> None:
    """Record what an undo says about the rollback of the deployment."""
    rollback = locked.deployment.rollback
    if task.activity is not Activity.UNDO or rollback is None:
        return
    left_as_is = not settlement.touched and settlement.status is task.status
    note = settlement.undo_error or (outcome.message if left_as_is else None)
    if note:
        message = "; ".join(filter(None, [rollback.error_message, f"{task.key}: {note}"]))
        status = RollbackStatus.FAILED if settlement.undo_error else rollback.status
        await set_rollback(locked, replace(rollback, status=status, error_message=message))
