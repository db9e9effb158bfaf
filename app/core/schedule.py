"""The tick: given everything stored of a deployment and the time, what is to be done.

`plan` is level-triggered: it looks only at what is, never at what happened, so calling it again, late, or after a crash
is always right. It changes nothing itself; the caller stores the changes in the transaction in which it loaded the
state, and sends work to workers after the commit.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from app.core import graph
from app.core.deployment import DeploymentStatus
from app.core.strategy import Progress
from app.core.task import FAILURES, UNBLOCKING, UNSTARTED, Activity, TaskStatus
from app.core.workflow import TaskType


class Standing(Protocol):
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
class Item:
    """What a tick needs to know of a task. `worker` has its attempt in hand; None where nobody does."""

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

    @property
    def held(self) -> bool:
        """Whether a worker has its attempt in hand."""
        return self.worker is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a tick needs to know of a deployment.

    `auto_rollback` tells that a step in force wants a rollback on failure; `undo_error` is the first failure of the
    rollback in hand. `resumed_at` is when it last became RUNNING: tasks that failed before do not keep others from
    starting, since one task alone may have been retried. While it is `paused` no task starts; what runs goes on.
    """

    status: DeploymentStatus
    items: Sequence[Item]
    auto_rollback: bool = False
    undo_error: str | None = None
    resumed_at: datetime | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A task gets another status."""

    task_id: str
    to: TaskStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, in the order it is to be stored.

    `changes` are stored first, then the deployment's status `to` (None: as it is). `start`, `resume` and `undo` are
    tasks whose work a worker may take now, `stop` those whose attempts must be told to end. `wake_at` is when to plan
    again though nothing happens.
    """

    changes: tuple[Change, ...] = ()
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


def plan(state: State, now: datetime) -> Plan:
    """Say what a deployment in `state` needs at `now`. Ended and not yet started deployments need nothing."""
    match state.status:
        case DeploymentStatus.RUNNING:
            return _running(state, now)
        case DeploymentStatus.CANCELLING:
            return _cancelling(state)
        case DeploymentStatus.ROLLING_BACK:
            return _rolling_back(state)
        case _:
            return Plan()


def _running(state: State, now: datetime) -> Plan:
    failed = [item for item in state.items if item.status in FAILURES or item.status is TaskStatus.ROLLED_BACK]
    fresh = [item for item in failed if _is_new(item, state.resumed_at)]
    if fresh:
        return _failing(state, fresh, now)
    done = settled(state.items)
    if all(item.status in UNBLOCKING for item in state.items):
        return Plan(to=DeploymentStatus.SUCCESS)
    changes: list[Change] = []
    start: list[str] = []
    wake: list[datetime] = []
    for item in state.items:
        if item.status is TaskStatus.BLOCKED and done.issuperset(item.block_by):
            changes.append(Change(item.id, TaskStatus.PENDING))
            start.append(item.id)
        elif item.status is TaskStatus.PENDING:
            if item.retry_at is not None and item.retry_at > now:
                wake.append(item.retry_at)
            else:
                start.append(item.id)
    resume, later = _parked(state.items, now)
    if failed and not (start or wake or any(item.activity for item in state.items)):
        return _failing(state, failed, now)
    free = () if state.paused else tuple(start)
    return Plan(changes=tuple(changes), start=free, resume=resume, wake_at=min([*wake, *later], default=None))


def settled(items: Sequence[Standing]) -> set[str]:
    """Return the tasks that unblock others: done, and standing on nothing that is yet to be done.

    The second matters once a deploy task that was rolled back is to run again: what succeeded after it does not vouch
    for it any more.
    """
    done = {item.id for item in items if item.status in UNBLOCKING}
    while shaken := {item.id for item in items if item.id in done and not done.issuperset(item.block_by)}:
        done -= shaken
    return done


def _is_new(item: Item, resumed_at: datetime | None) -> bool:
    return item.completed_at is None or resumed_at is None or item.completed_at >= resumed_at


def _failing(state: State, failed: Sequence[Item], now: datetime) -> Plan:
    resume, later = _parked(state.items, now)
    if any(item.activity for item in state.items):
        return Plan(resume=resume, wake_at=min(later, default=None))
    first = failed[0]
    reason = f"{first.key}: {first.error_message or first.status.lower()}"
    if state.auto_rollback and any(item.touched for item in state.items):
        after = _rolling_back(replace(state, status=DeploymentStatus.ROLLING_BACK))
        return replace(after, to=after.to or DeploymentStatus.ROLLING_BACK, reason=reason)
    return Plan(to=DeploymentStatus.FAILED, reason=reason)


def _cancelling(state: State) -> Plan:
    changes = [*_withdraw(state.items), *_abandon(state.items)]
    busy = [item for item in state.items if item.activity and item.held]
    return Plan(
        changes=tuple(changes),
        stop=tuple(item.id for item in busy if not item.stop),
        to=None if busy else DeploymentStatus.CANCELLED,
    )


def _rolling_back(state: State) -> Plan:
    changes = (*_withdraw(state.items), *_abandon(state.items))
    forward = [item for item in state.items if item.activity is Activity.RUN and item.held]
    if forward:
        return Plan(changes=changes, stop=tuple(item.id for item in forward if not item.stop))
    undoing = [item for item in state.items if item.activity is Activity.UNDO]
    if state.undo_error is not None:
        return Plan(changes=changes, to=None if undoing else DeploymentStatus.FAILED, reason=state.undo_error)
    touched = [item for item in state.items if item.touched and item.type is TaskType.DEPLOY]
    if not touched:
        return Plan(changes=changes, to=DeploymentStatus.ROLLED_BACK)
    return Plan(changes=changes, undo=_next_undo(state.items, touched))


def _next_undo(items: Sequence[Item], touched: Sequence[Item]) -> tuple[str, ...]:
    """Return the touched tasks that no other touched task depends on: the reverse of the order of deployment."""
    masks = graph.ancestors({item.id: item.block_by for item in items})
    bit = {item.id: 1 << index for index, item in enumerate(items)}
    return tuple(
        item.id
        for item in touched
        if item.activity is not Activity.UNDO and not any(masks[other.id] & bit[item.id] for other in touched)
    )


def _withdraw(items: Iterable[Item]) -> Iterator[Change]:
    return (Change(item.id, TaskStatus.CANCELLED) for item in items if item.status in UNSTARTED)


def _abandon(items: Iterable[Item]) -> Iterator[Change]:
    """Cancel attempts that nobody holds: they wait for a time that is not to come."""
    return (Change(item.id, TaskStatus.CANCELLED) for item in items if item.activity is Activity.RUN and not item.held)


def _parked(items: Iterable[Item], now: datetime) -> tuple[tuple[str, ...], list[datetime]]:
    """Return the attempts that nobody holds and that may go on now, and when the others may."""
    due: list[str] = []
    later: list[datetime] = []
    for item in items:
        if item.activity is not Activity.RUN or item.held:
            continue
        if item.resume_at is not None and item.resume_at > now:
            later.append(item.resume_at)
        else:
            due.append(item.id)
    return tuple(due), later
