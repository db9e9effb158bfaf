"""What a person may do to a deployment or a task in its present state: None when they may, else why not.

The same answers refuse a mutation and tell a page which buttons to offer.
"""

from app.core.deployment import ENDED, Deployment, DeploymentStatus
from app.core.task import FAILURES, Task, TaskStatus

_S = DeploymentStatus


def why_not_start(deployment: Deployment) -> str | None:
    """Start: only what waits and was not started yet."""
    if deployment.status is not _S.PENDING:
        return f"It is {deployment.status}; only a PENDING deployment can start."
    if deployment.queued_at is not None:
        return "It was started already, and waits; its gate says for what."
    return None


def why_not_cancel(deployment: Deployment) -> str | None:
    """Cancel: everything that has not ended, except what is on its way back."""
    if deployment.status in ENDED:
        return f"It has ended: {deployment.status}."
    if deployment.status is _S.ROLLING_BACK:
        return "It is rolling back; cancelling that would leave it half way."
    return None


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


def why_not_retry_task(deployment: Deployment, task: Task) -> str | None:
    """Retry one task: it has failed, was cancelled or rolled back, and so has its deployment."""
    if deployment.status is not _S.FAILED:
        return f"Its deployment is {deployment.status}; tasks of a FAILED deployment can be retried."
    if task.status not in FAILURES and task.status is not TaskStatus.ROLLED_BACK:
        return f"It is {task.status}; only a task that failed, was cancelled or rolled back can be retried."
    return None
