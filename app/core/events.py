"""Events: every change of a deployment, numbered from 1 without gaps in the order of commits.

An `Event` is an envelope around one body. The store writes bodies as JSON under the name of their class.
"""

from dataclasses import dataclass
from datetime import datetime

from app.core.approval import Verdict
from app.core.deployment import DeploymentStatus
from app.core.strategy.model import Progress
from app.core.task import TaskStatus


@dataclass(frozen=True, slots=True)
class DeploymentStatusChanged:
    """The status of a deployment changed; `from_` is None at its creation."""

    from_: DeploymentStatus | None
    to: DeploymentStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TaskStatusChanged:
    """The status of a task changed; `from_` is None at its creation."""

    task_id: str
    from_: TaskStatus | None
    to: TaskStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RolloutProgressed:
    """A deploy task began or finished a batch, or a part of one; `progress` is its progress then."""

    task_id: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class DeploymentPaused:
    """A deployment was paused or resumed."""

    paused: bool


@dataclass(frozen=True, slots=True)
class WorkflowChanged:
    """The graph was edited and is now at `revision`; `summary` describes the edit in words."""

    revision: int
    summary: str


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """An approval was requested."""

    approval_id: str


@dataclass(frozen=True, slots=True)
class ApprovalDecided:
    """Somebody approved or rejected; the approval itself says whether that decided it.

    An expired approval has a rejection without an actor.
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
    """One event of a deployment's feed. `actor_id` is None for actions of Boreas itself."""

    deployment_id: str
    number: int
    at: datetime
    actor_id: str | None
    body: Body
