"""What a tick is given of a deployment, and what it says is to be done: the values of `schedule`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core.approval import Approval, ApprovalStatus, Request
from app.core.columnar import columns_of, filled
from app.core.deployment import DeploymentStatus
from app.core.strategy.model import Progress
from app.core.task import Activity, Task, TaskStatus
from app.core.workflow import TaskType


class GraphNode(Protocol):
    """A task as far as others wait for it."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def status(self) -> TaskStatus:
        """Where it stands."""
        ...

    @property
    def block_by(self) -> tuple[str, ...]:
        """The tasks that it waits for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSnapshot:
    """What a tick needs to know of a task.

    `worker` has its attempt in hand; None where nobody does. One that does `require_confirm` is `confirmed` once people
    have approved it, for all its attempts.
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
    def asks(self) -> bool:
        """Whether people are to be asked before it starts."""
        return self.require_confirm and not self.confirmed

    @property
    def held(self) -> bool:
        """Whether a worker has its attempt in hand."""
        return self.worker is not None


SNAPSHOT_COLUMNS = tuple(name for name in TaskSnapshot.__dataclass_fields__ if name != "confirmed")
"""What a tick needs of a task just as it is stored."""


def snapshots_of(tasks: Sequence[Task]) -> list[TaskSnapshot]:
    """Return what a tick needs to know of tasks that are as they are stored."""
    confirmed = [task.confirmed_at is not None for task in tasks]
    return filled(TaskSnapshot, columns_of(tasks, SNAPSHOT_COLUMNS) | {"confirmed": confirmed})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSnapshot:
    """What a tick needs to know of a deployment.

    `auto_rollback` tells that a step in force wants a rollback on failure; `undo_error` is the first failure of the
    rollback in hand. `resumed_at` is when it last became RUNNING: tasks that failed before do not keep others from
    starting, since one task alone may have been retried. While it is `paused` no task starts; what runs goes on.
    `before_approval` are the types of tasks that may run before people approve its workflow in this `revision`; None:
    nobody needs to. `approvals` are those that are pending, and those of the deployment itself that were given.
    """

    status: DeploymentStatus
    items: Sequence[TaskSnapshot]
    auto_rollback: bool = False
    undo_error: str | None = None
    resumed_at: datetime | None = None
    paused: bool = False
    before_approval: frozenset[TaskType] | None = None
    revision: int = 1
    approvals: Sequence[Approval] = ()

    @property
    def pending(self) -> tuple[Approval, ...]:
        """The approvals that people have yet to decide."""
        return tuple(one for one in self.approvals if one.status is ApprovalStatus.PENDING)

    @property
    def all_pending(self) -> tuple[str, ...]:
        """The ids of those."""
        return tuple(one.id for one in self.pending)


@dataclass(frozen=True, slots=True)
class TaskChange:
    """A task gets another status."""

    task_id: str
    to: TaskStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, in the order it is to be stored.

    Where it `wakes`, the deployment is RUNNING again, before anything else. `changes` are stored first, then `confirm`:
    tasks that become WAITING_CONFIRM. `asks` are what people are to be asked for, `withdraw` pending approvals (ids)
    that hold nothing any more, `expire` those that nobody decided in time: then there is nothing else in the plan, and
    what is to come of it depends on them. Then comes the deployment's status `to` (None: as it is). `start`, `resume`
    and `undo` are tasks whose work a worker may take now, `stop` those whose attempts must be told to end. `wake_at` is
    when to plan again though nothing happens.
    """

    wakes: bool = False
    changes: tuple[TaskChange, ...] = ()
    confirm: tuple[str, ...] = ()
    asks: tuple[Request, ...] = ()
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
