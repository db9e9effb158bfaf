"""The values of a tick: the snapshot of a deployment that it is given, and the plan that it returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core.approval import Approval, ApprovalStatus, Request
from app.core.columnar import columns_of, from_columns
from app.core.deployment import DeploymentStatus
from app.core.strategy.model import Progress
from app.core.task import Activity, Task, TaskStatus
from app.core.workflow import TaskType


class GraphNode(Protocol):
    """A task in the graph of blockers, stored or as a snapshot."""

    @property
    def id(self) -> str:
        """The id of the task."""
        ...

    @property
    def status(self) -> TaskStatus:
        """The status of the task."""
        ...

    @property
    def block_by(self) -> tuple[str, ...]:
        """The ids of the tasks that block it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSnapshot:
    """The columns of a task that a tick needs.

    `worker` holds the lease on its attempt, None where no worker does. A task that does `require_confirm` is
    `confirmed` once people have approved it, for all its attempts.
    """

    id: str
    key: str
    type: TaskType
    status: TaskStatus
    block_by: tuple[str, ...]
    application_id: str | None = None
    activity: Activity | None = None
    worker: str | None = None
    stop: bool = False
    touched: bool = False
    resume_at: datetime | None = None
    retry_at: datetime | None = None
    error_message: str | None = None
    rollout: Progress | None = None
    completed_at: datetime | None = None
    attempt: int = 0
    require_confirm: bool = False
    confirmed: bool = False

    @property
    def needs_confirmation(self) -> bool:
        """Whether people must confirm it before it starts."""
        return self.require_confirm and not self.confirmed

    @property
    def is_leased(self) -> bool:
        """Whether a worker holds the lease on its attempt."""
        return self.worker is not None


SNAPSHOT_COLUMNS = tuple(name for name in TaskSnapshot.__dataclass_fields__ if name != "confirmed")
"""The fields of a snapshot that equal those of the stored task."""


def snapshots_of(tasks: Sequence[Task]) -> list[TaskSnapshot]:
    """Return the snapshots of stored tasks."""
    confirmed = [task.confirmed_at is not None for task in tasks]
    return from_columns(TaskSnapshot, columns_of(tasks, SNAPSHOT_COLUMNS) | {"confirmed": confirmed})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSnapshot:
    """Everything that a tick needs of a deployment.

    `auto_rollback` tells that a step in force wants a rollback on failure. `undo_error` is the first failure of the
    running rollback. `resumed_at` is when the deployment last became RUNNING: earlier failures do not keep other tasks
    from starting, since a person may have retried a single task. While `paused`, no task starts; running ones go on.
    `before_approval` are the types of tasks that may run before people approve the workflow in this `revision`, None
    where no approval is needed. `approvals` are the pending ones, and those given for the deployment itself.
    """

    status: DeploymentStatus
    tasks: Sequence[TaskSnapshot]
    auto_rollback: bool = False
    undo_error: str | None = None
    resumed_at: datetime | None = None
    paused: bool = False
    before_approval: frozenset[TaskType] | None = None
    revision: int = 1
    approvals: Sequence[Approval] = ()

    @property
    def pending(self) -> tuple[Approval, ...]:
        """The approvals that are still undecided."""
        return tuple(approval for approval in self.approvals if approval.status is ApprovalStatus.PENDING)

    @property
    def pending_ids(self) -> tuple[str, ...]:
        """The ids of the undecided approvals."""
        return tuple(approval.id for approval in self.pending)


@dataclass(frozen=True, slots=True)
class TaskChange:
    """A change of a task's status."""

    task_id: str
    to: TaskStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a tick decided, in the order in which it is stored.

    With `back_to_running` the deployment becomes RUNNING before anything else. `changes` are stored first, then
    `confirm`: tasks that become WAITING_CONFIRM. `requests` are the approvals to request, `withdraw` the ids of pending
    approvals that hold nothing up. `expire` are the ids of overdue approvals; then the plan holds nothing else, since
    what follows depends on their policies. Then comes the deployment's new status `to` (None: unchanged). `start`,
    `resume` and `undo` are tasks that a worker may take now, `stop` those whose attempts are to end. `wake_at` is when
    to plan again although nothing happens.
    """

    back_to_running: bool = False
    changes: tuple[TaskChange, ...] = ()
    confirm: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()
    withdraw: tuple[str, ...] = ()
    expire: tuple[str, ...] = ()
    to: DeploymentStatus | None = None
    reason: str | None = None
    start: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    wake_at: datetime | None = None

    @property
    def work(self) -> tuple[str, ...]:
        """Every task that a worker may take now."""
        return self.start + self.resume + self.undo
