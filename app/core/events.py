"""Events: every change of a deployment, numbered from 1 without a gap in the order it was committed.

An event is an envelope (`Event`) around one body. Bodies are frozen values that the store writes as JSON under the name
of their class.
"""

from dataclasses import dataclass
from datetime import datetime

from app.core.approval import Verdict
from app.core.deployment import DeploymentStatus
from app.core.strategy.model import Progress
from app.core.task import TaskStatus


@dataclass(frozen=True, slots=True)
class DeploymentStatusChanged:
    """A deployment went from one status to another; `from_` is None when it was created."""

    from_: DeploymentStatus | None
    to: DeploymentStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TaskStatusChanged:
    """A task went from one status to another; `from_` is None when it was created."""

    task_id: str
    from_: TaskStatus | None
    to: TaskStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RolloutProgressed:
    """A deploy task began or finished a batch, or part of one; `progress` is where it stood then."""

    task_id: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class DeploymentPaused:
    """A deployment was paused, or goes on."""

    paused: bool


@dataclass(frozen=True, slots=True)
class WorkflowChanged:
    """The graph was edited: it is at `revision` now; `summary` says in words what was done."""

    revision: int
    summary: str


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """People were asked for an approval."""

    approval_id: str


@dataclass(frozen=True, slots=True)
class ApprovalDecided:
    """Somebody approved or rejected; whether that was the last decision that was needed, the approval says.

    One that expires is rejected by nobody.
    """

    approval_id: str
    verdict: Verdict
    comment: str


Body = (
    DeploymentStatusChanged
    | TaskStatusChanged
    | RolloutProgressed
    | DeploymentPaused
    | ApprovalRequested
    | ApprovalDecided
    | WorkflowChanged
)
BODIES: dict[str, type[Body]] = {
    body.__name__: body
    for body in (
        DeploymentStatusChanged,
        TaskStatusChanged,
        RolloutProgressed,
        DeploymentPaused,
        ApprovalRequested,
        ApprovalDecided,
        WorkflowChanged,
    )
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a deployment's feed. `actor_id` is None when Boreas acted by itself."""

    deployment_id: str
    number: int
    at: datetime
    actor_id: str | None
    body: Body
