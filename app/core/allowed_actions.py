"""The actions that a state allows. Each function returns why an action is refused, or None.

Mutations refuse by these answers, and pages use them to offer buttons.
"""

from datetime import datetime

from app.core.deployment import ENDED, PAUSABLE, Deployment, DeploymentStatus
from app.core.strategy.model import Phase, Progress
from app.core.task import FAILURES, UNSTARTED, Activity, Task, TaskStatus
from app.core.workflow import TaskType

_S = DeploymentStatus


def why_not_start(deployment: Deployment) -> str | None:
    """Start: a PENDING deployment whose start was not requested yet."""
    if deployment.status is not _S.PENDING:
        return f"The deployment is {deployment.status}; only a PENDING deployment can be started."
    if deployment.queued_at is not None:
        return "The deployment was started already and is waiting; its gate lists the reasons."
    return None


def why_not_cancel(deployment: Deployment) -> str | None:
    """Cancel: a deployment that has not ended. A rollback stops where it is, and counts as failed."""
    return f"The deployment has ended: it is {deployment.status}." if deployment.status in ENDED else None


def why_not_pause(deployment: Deployment) -> str | None:
    """Pause: a deployment whose tasks may still start, and that is not paused yet."""
    if deployment.status not in PAUSABLE:
        return f"The deployment is {deployment.status}; it starts no more tasks."
    return "The deployment is paused already." if deployment.paused else None


def why_not_resume(deployment: Deployment) -> str | None:
    """Resume: a paused deployment."""
    return None if deployment.paused else f"The deployment is {deployment.status} and not paused."


def why_not_retry(deployment: Deployment) -> str | None:
    """Retry: a FAILED deployment."""
    if deployment.status is not _S.FAILED:
        return f"The deployment is {deployment.status}; only a FAILED deployment can be retried."
    return None


def why_not_roll_back(deployment: Deployment) -> str | None:
    """Roll back: a deployment that runs, waits for approval, has failed or has succeeded."""
    if deployment.status in (_S.RUNNING, _S.WAITING_CONFIRM, _S.FAILED, _S.SUCCESS):
        return None
    return f"The deployment is {deployment.status}; there is nothing to roll back."


def why_not_edit(deployment: Deployment) -> str | None:
    """Edit the workflow: while no task runs or is about to."""
    if deployment.status in (_S.PENDING, _S.WAITING_CONFIRM):
        return None
    return f"The deployment is {deployment.status}; its workflow can be edited while it is PENDING or WAITING_CONFIRM."


def why_not_retry_task(deployment: Deployment, task: Task) -> str | None:
    """Retry one failed, cancelled or rolled back task of a deployment that failed or may still fail."""
    if deployment.status not in (_S.FAILED, _S.RUNNING, _S.WAITING_CONFIRM):
        states = "RUNNING, WAITING_CONFIRM or FAILED"
        return f"The deployment is {deployment.status}; its tasks can be retried only while it is {states}."
    if task.status not in FAILURES and task.status is not TaskStatus.ROLLED_BACK:
        return f"The task is {task.status}; only a task that failed, was cancelled or rolled back can be retried."
    return None


def why_not_skip_task(deployment: Deployment, task: Task) -> str | None:
    """Skip a task: before it starts or after it failed, while its deployment can still go on."""
    if deployment.status not in (*PAUSABLE, _S.FAILED):
        return f"The deployment is {deployment.status}; it runs no more tasks."
    if task.status not in UNSTARTED and task.status not in FAILURES:
        return f"The task is {task.status}; only a task that has not started, or has failed, can be skipped."
    if task.activity is not None:
        return f"The task is {task.status} in the middle of its rollout: cancel it, or reject the requested approval."
    return None


def _is_watched(progress: Progress | None, now: datetime) -> bool:
    """Return whether a batch is being watched, also while a worker checks it in between."""
    if progress is None or progress.phase is not Phase.WATCHING:
        return False
    return progress.resume_at is not None and progress.resume_at > now


def why_not_cancel_task(deployment: Deployment, task: Task) -> str | None:
    """Cancel a task: while its deployment runs and it has not ended, or while it is being rolled back."""
    if task.activity is Activity.UNDO and deployment.status is _S.ROLLING_BACK:
        return None
    if deployment.status not in (_S.RUNNING, _S.WAITING_CONFIRM):
        states = "RUNNING or WAITING_CONFIRM"
        return f"The deployment is {deployment.status}; its tasks can be cancelled only while it is {states}."
    if task.status is not TaskStatus.RUNNING and task.status not in UNSTARTED:
        return f"The task has ended: it is {task.status}."
    return None


def why_not_promote(deployment: Deployment, task: Task, now: datetime) -> str | None:
    """Promote a rollout: while it watches a batch. Promoting ends the watch."""
    if task.type is not TaskType.DEPLOY:
        return f"This is a {task.type} task; only the rollout of a DEPLOY task can be promoted."
    if deployment.status is not _S.RUNNING or task.status is not TaskStatus.RUNNING:
        return (
            f"The task is {task.status} and its deployment {deployment.status}; only a RUNNING rollout can be promoted."
        )
    is_waiting = task.worker is None and task.resume_at is not None and task.resume_at > now
    if not is_waiting and not _is_watched(task.rollout, now):
        return "The rollout is RUNNING and is not watching a batch; it can be promoted only while it does."
    return None
