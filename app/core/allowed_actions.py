"""What a person may do to a deployment or a task in its present state: None when they may, else why not.

The same answers refuse a mutation and tell a page which buttons to offer.
"""

from datetime import datetime

from app.core.deployment import ENDED, PAUSABLE, Deployment, DeploymentStatus
from app.core.strategy.model import Phase, Progress
from app.core.task import FAILURES, UNSTARTED, Activity, Task, TaskStatus
from app.core.workflow import TaskType

_S = DeploymentStatus


def why_not_start(deployment: Deployment) -> str | None:
    """Start: only what waits and was not started yet."""
    if deployment.status is not _S.PENDING:
        return f"It is {deployment.status}; only a PENDING deployment can start."
    if deployment.queued_at is not None:
        return "It was started already, and waits; its gate says for what."
    return None


def why_not_cancel(deployment: Deployment) -> str | None:
    """Cancel: everything that has not ended. What is on its way back stops where it is, and its rollback has failed."""
    return f"It has ended: {deployment.status}." if deployment.status in ENDED else None


def why_not_pause(deployment: Deployment) -> str | None:
    """Pause: where tasks may still start, and are not kept from it yet."""
    if deployment.status not in PAUSABLE:
        return f"It is {deployment.status}; no task of it will start."
    return "It is paused already." if deployment.paused else None


def why_not_resume(deployment: Deployment) -> str | None:
    """Resume: only what is paused."""
    return None if deployment.paused else f"It is {deployment.status}, and not paused."


def why_not_retry(deployment: Deployment) -> str | None:
    """Retry: only what failed."""
    if deployment.status is not _S.FAILED:
        return f"It is {deployment.status}; only a FAILED deployment can be retried."
    return None


def why_not_roll_back(deployment: Deployment) -> str | None:
    """Roll back: what runs, has failed, or succeeded."""
    if deployment.status in (_S.RUNNING, _S.WAITING_CONFIRM, _S.FAILED, _S.SUCCESS):
        return None
    return f"It is {deployment.status}; there is nothing to roll back."


def why_not_edit(deployment: Deployment) -> str | None:
    """Edit the workflow: while nothing of it runs or is about to."""
    if deployment.status in (_S.PENDING, _S.WAITING_CONFIRM):
        return None
    return f"It is {deployment.status}; a workflow is edited while its deployment is PENDING or WAITING_CONFIRM."


def why_not_retry_task(deployment: Deployment, task: Task) -> str | None:
    """Retry one task: it has failed, was cancelled or rolled back, and its deployment has failed or is about to."""
    if deployment.status not in (_S.FAILED, _S.RUNNING, _S.WAITING_CONFIRM):
        return f"Its deployment is {deployment.status}; a task can be retried while it runs, waits or has FAILED."
    if task.status not in FAILURES and task.status is not TaskStatus.ROLLED_BACK:
        return f"It is {task.status}; only a task that failed, was cancelled or rolled back can be retried."
    return None


def why_not_skip_task(deployment: Deployment, task: Task) -> str | None:
    """Skip a task: before it has started or after it failed, while its deployment has not ended for good."""
    if deployment.status not in (*PAUSABLE, _S.FAILED):
        return f"Its deployment is {deployment.status}; no task of it will run."
    if task.status not in UNSTARTED and task.status not in FAILURES:
        return f"It is {task.status}; only a task that has not started, or has failed, can be skipped."
    if task.activity is not None:
        return f"It is {task.status} amid its rollout; cancel it instead, or reject what is asked for."
    return None


def _is_watched(progress: Progress | None, now: datetime) -> bool:
    """Return whether a batch is watched, also while a worker looks at it in between."""
    if progress is None or progress.phase is not Phase.WATCHING:
        return False
    return progress.resume_at is not None and progress.resume_at > now


def why_not_cancel_task(deployment: Deployment, task: Task) -> str | None:
    """Cancel a task: while its deployment runs and it has not ended, or while it is being undone."""
    if task.activity is Activity.UNDO and deployment.status is _S.ROLLING_BACK:
        return None
    if deployment.status not in (_S.RUNNING, _S.WAITING_CONFIRM):
        return f"Its deployment is {deployment.status}; tasks of a RUNNING one can be cancelled."
    if task.status is not TaskStatus.RUNNING and task.status not in UNSTARTED:
        return f"It is {task.status}; it has ended."
    return None


def why_not_promote(deployment: Deployment, task: Task, now: datetime) -> str | None:
    """Promote a rollout: while it watches a batch, which then need not be watched any longer."""
    if task.type is not TaskType.DEPLOY:
        return f"It is a {task.type} task; only the rollout of a DEPLOY task can be promoted."
    if deployment.status is not _S.RUNNING or task.status is not TaskStatus.RUNNING:
        return f"It is {task.status}, and its deployment {deployment.status}; only a rollout that runs can be promoted."
    waits = task.worker is None and task.resume_at is not None and task.resume_at > now
    if not waits and not _is_watched(task.rollout, now):
        return "It is RUNNING and waits for nothing; it can be promoted while it watches a batch."
    return None
