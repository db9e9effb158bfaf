"""The tick: given everything stored of a deployment and the time, what is to be done.

`plan` is level-triggered: it looks only at what is, never at what happened, so calling it again, late, or after a crash
is always right. It changes nothing itself; the caller stores the changes in the transaction in which it loaded the
state, and sends work to workers after the commit.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from app.core import graph
from app.core.approval import VALIDITY, Approval, ApprovalStatus, ApprovalSubject, Request
from app.core.deployment import DeploymentStatus
from app.core.moved_workload import is_half_moved
from app.core.task import FAILURES, UNBLOCKING, UNSTARTED, Activity, TaskStatus
from app.core.tick.state import DeploymentSnapshot, GraphNode, Plan, TaskChange, TaskSnapshot
from app.core.workflow import TaskType


def plan(state: DeploymentSnapshot, now: datetime) -> Plan:
    """Say what a deployment in `state` needs at `now`. Ended and not yet started deployments need nothing."""
    match state.status:
        case DeploymentStatus.RUNNING:
            return _running(state, now)
        case DeploymentStatus.WAITING_CONFIRM:
            made = _running(state, now)
            waits = made.to is DeploymentStatus.WAITING_CONFIRM
            return replace(made, to=None if waits else made.to, wakes=not (waits or made.expire))
        case DeploymentStatus.CANCELLING:
            return _cancelling(state)
        case DeploymentStatus.ROLLING_BACK:
            return _rolling_back(state)
        case _:
            return Plan(withdraw=state.all_pending)


def _running(state: DeploymentSnapshot, now: datetime) -> Plan:
    failed = [item for item in state.items if item.status in FAILURES or item.status is TaskStatus.ROLLED_BACK]
    fresh = [item for item in failed if _is_new(item, state.resumed_at)]
    if fresh:
        return _failing(state, fresh, now)
    unapproved = state.before_approval is not None and not _approved(state)
    if all(item.status in UNBLOCKING for item in state.items) and not unapproved:
        return Plan(to=DeploymentStatus.SUCCESS, withdraw=state.all_pending)
    overdue = tuple(one.id for one in state.pending if one.overdue(now))
    if overdue:
        return Plan(expire=overdue)
    changes, free, timers = _unblocked(state.items, now)
    resume, later = _parked(state.items, now)
    held = _held_for_approval(state) if unapproved else frozenset[str]()
    start = tuple(item.id for item in free if item.id not in held and not item.asks)
    confirm = tuple(item.id for item in free if item.id not in held and item.asks)
    runs = any(item.activity and item.status is not TaskStatus.WAITING_CONFIRM for item in state.items)
    idle = not (start or timers or runs)
    in_vain = failed and idle and held.isdisjoint(item.id for item in free)
    wanted = _wanted(state, changes, confirm, unapproved and not in_vain)
    if failed and idle and not wanted:
        return _failing(state, failed, now)
    known = {one.request: one for one in state.pending if _counts(one, state)}
    waited = [known[request] for request in wanted if request in known]
    moments = [*timers, *later, *(one.expires_at for one in waited if one.expires_at)]
    return Plan(
        changes=changes,
        confirm=confirm,
        asks=tuple(request for request in wanted if request not in known),
        withdraw=tuple(one.id for one in state.pending if one not in waited),
        to=DeploymentStatus.WAITING_CONFIRM if idle and wanted else None,
        start=() if state.paused else start,
        resume=resume,
        wake_at=min(moments, default=None),
    )


def _unblocked(
    items: Sequence[TaskSnapshot], now: datetime
) -> tuple[tuple[TaskChange, ...], list[TaskSnapshot], list[datetime]]:
    """Return what is unblocked, or blocked by an edit; the tasks that are free to start; when others may be tried."""
    done = unblocking_ids(items)
    changes: list[TaskChange] = []
    free: list[TaskSnapshot] = []
    timers: list[datetime] = []
    for item in items:
        if item.status is TaskStatus.BLOCKED and done.issuperset(item.block_by):
            changes.append(TaskChange(item.id, TaskStatus.PENDING))
            free.append(item)
        elif _is_free(item) and not done.issuperset(item.block_by):
            changes.append(TaskChange(item.id, TaskStatus.BLOCKED))
        elif item.status is TaskStatus.PENDING and item.retry_at is not None and item.retry_at > now:
            timers.append(item.retry_at)
        elif item.status is TaskStatus.PENDING:
            free.append(item)
        elif item.status is TaskStatus.WAITING_CONFIRM and _is_free(item) and not item.asks:
            changes.append(TaskChange(item.id, TaskStatus.PENDING))
            free.append(item)
    return tuple(changes), free, timers


def _is_free(item: TaskSnapshot) -> bool:
    """Whether a task stands as one that nothing blocks, and has not begun."""
    return item.status in (TaskStatus.PENDING, TaskStatus.WAITING_CONFIRM) and not item.activity


def _approved(state: DeploymentSnapshot) -> bool:
    """Whether people have approved the workflow as it is. An approval counts for retries as long as it is valid."""
    return any(
        one.subject is ApprovalSubject.DEPLOYMENT
        and one.status is ApprovalStatus.APPROVED
        and one.revision == state.revision
        and (one.decided_at is None or state.resumed_at is None or one.decided_at + VALIDITY > state.resumed_at)
        for one in state.approvals
    )


def _held_for_approval(state: DeploymentSnapshot) -> frozenset[str]:
    """Return the tasks that wait for the approval of the deployment: all but those that may run before it."""
    free = state.before_approval or frozenset()
    return frozenset(
        item.id for item in state.items if item.type not in free and item.status in UNSTARTED and item.activity is None
    )


def _wanted(
    state: DeploymentSnapshot, changes: Sequence[TaskChange], confirm: Sequence[str], deployment: bool
) -> list[Request]:
    """Return what people hold up: the deployment, tasks that are free but for them, rollouts that ask."""
    freed = {change.task_id for change in changes}
    wanted = [Request(ApprovalSubject.DEPLOYMENT)] if deployment else []
    for item in state.items:
        waits = item.status is TaskStatus.WAITING_CONFIRM
        if waits and item.activity:
            step = item.rollout.asked if item.rollout else None
            wanted.append(Request(ApprovalSubject.ROLLOUT_STEP, item.id, step))
        elif item.id in confirm or (waits and item.id not in freed):
            wanted.append(Request(ApprovalSubject.TASK, item.id))
    return wanted


def _counts(approval: Approval, state: DeploymentSnapshot) -> bool:
    """Whether what was asked for is still what there is: an edit may have changed all but a rollout under way."""
    return approval.subject is ApprovalSubject.ROLLOUT_STEP or approval.revision == state.revision


def unblocking_ids(items: Sequence[GraphNode]) -> set[str]:
    """Return the tasks that unblock others: done, and standing on nothing that is yet to be done.

    The second matters once a deploy task that was rolled back is to run again: what succeeded after it does not vouch
    for it any more.
    """
    done = {item.id for item in items if item.status in UNBLOCKING}
    while shaken := {item.id for item in items if item.id in done and not done.issuperset(item.block_by)}:
        done -= shaken
    return done


def _is_new(item: TaskSnapshot, resumed_at: datetime | None) -> bool:
    return item.completed_at is None or resumed_at is None or item.completed_at >= resumed_at


def _failing(state: DeploymentSnapshot, failed: Sequence[TaskSnapshot], now: datetime) -> Plan:
    """Let what runs end, then fail or go back. Nobody is asked any more, and no rollout waits for people."""
    asking = [item for item in state.items if item.status is TaskStatus.WAITING_CONFIRM]
    first = min(failed, key=lambda item: item.completed_at or _EARLY)
    reason = f"{first.key}: {first.error_message or first.status.lower()}"
    changes = tuple(
        TaskChange(item.id, TaskStatus.CANCELLED, f"{first.key} failed while it waited for approval")
        if item.activity
        else TaskChange(item.id, TaskStatus.PENDING)
        for item in asking
    )
    withdraw = state.all_pending
    if any(item.activity and item not in asking for item in state.items):
        resume, later = _parked(state.items, now)
        return Plan(changes=changes, withdraw=withdraw, resume=resume, wake_at=min(later, default=None))
    if state.auto_rollback and any(item.touched for item in state.items):
        after = _rolling_back(replace(state, status=DeploymentStatus.ROLLING_BACK))
        return replace(after, to=after.to or DeploymentStatus.ROLLING_BACK, reason=reason)
    return Plan(changes=changes, withdraw=withdraw, to=DeploymentStatus.FAILED, reason=reason)


_EARLY = datetime.min.replace(tzinfo=UTC)


def status_after_rejection(state: DeploymentSnapshot, *, roll_back: bool) -> DeploymentStatus:
    """Return where a deployment goes that people refused: back where it has, or may have, touched something.

    Without `roll_back` nothing is taken back.
    """
    begun = any(item.touched or (item.type is TaskType.DEPLOY and item.held) for item in state.items)
    if roll_back and begun:
        return DeploymentStatus.ROLLING_BACK
    waits = state.status is DeploymentStatus.WAITING_CONFIRM
    return DeploymentStatus.CANCELLED if waits else DeploymentStatus.CANCELLING


def _cancelling(state: DeploymentSnapshot) -> Plan:
    """Let what runs end, then bring back the workloads that stand half way: two sets would stay there for good."""
    made = Plan(changes=(*_withdraw(state.items), *_abandon(state.items)), withdraw=state.all_pending)
    forward = [item for item in state.items if item.activity is Activity.RUN and item.held]
    if forward:
        return replace(made, stop=tuple(item.id for item in forward if not item.stop))
    if half := half_moved(state.items):
        return replace(made, undo=_next_undo(state.items, half))
    undoing = any(item.activity and item.held for item in state.items)
    return replace(made, to=None if undoing else DeploymentStatus.CANCELLED)


def half_moved(items: Iterable[TaskSnapshot]) -> list[TaskSnapshot]:
    """Return the deploy tasks whose workloads stand between two versions, so that somebody has to end that."""
    return [
        item
        for item in items
        if item.type is TaskType.DEPLOY and item.touched and is_half_moved(item.rollout.moved if item.rollout else None)
    ]


def _rolling_back(state: DeploymentSnapshot) -> Plan:
    made = Plan(changes=(*_withdraw(state.items), *_abandon(state.items)), withdraw=state.all_pending)
    forward = [item for item in state.items if item.activity is Activity.RUN and item.held]
    if forward:
        return replace(made, stop=tuple(item.id for item in forward if not item.stop))
    undoing = [item for item in state.items if item.activity is Activity.UNDO]
    if state.undo_error is not None:
        return replace(made, to=None if undoing else DeploymentStatus.FAILED, reason=state.undo_error)
    touched = [item for item in state.items if item.touched and item.type is TaskType.DEPLOY]
    if not touched:
        return replace(made, to=DeploymentStatus.ROLLED_BACK)
    return replace(made, undo=_next_undo(state.items, touched))


def _next_undo(items: Sequence[TaskSnapshot], touched: Sequence[TaskSnapshot]) -> tuple[str, ...]:
    """Return the touched tasks that no other touched task depends on: the reverse of the order of deployment."""
    masks = graph.ancestors({item.id: item.block_by for item in items})
    bit = {item.id: 1 << index for index, item in enumerate(items)}
    return tuple(
        item.id
        for item in touched
        if item.activity is not Activity.UNDO and not any(masks[other.id] & bit[item.id] for other in touched)
    )


def _withdraw(items: Iterable[TaskSnapshot]) -> Iterator[TaskChange]:
    return (TaskChange(item.id, TaskStatus.CANCELLED) for item in items if item.status in UNSTARTED)


def _abandon(items: Iterable[TaskSnapshot]) -> Iterator[TaskChange]:
    """Cancel attempts that nobody holds: they wait for a time that is not to come."""
    return (TaskChange(item.id, TaskStatus.CANCELLED) for item in items if _is_parked(item))


def _is_parked(item: TaskSnapshot) -> bool:
    """Whether an attempt waits for a time. One that waits for people has not the status RUNNING."""
    return item.activity is Activity.RUN and not item.held and item.status not in UNSTARTED


def _parked(items: Iterable[TaskSnapshot], now: datetime) -> tuple[tuple[str, ...], list[datetime]]:
    """Return the attempts that nobody holds and that may go on now, and when the others may."""
    due: list[str] = []
    later: list[datetime] = []
    for item in items:
        if not _is_parked(item):
            continue
        if item.resume_at is not None and item.resume_at > now:
            later.append(item.resume_at)
        else:
            due.append(item.id)
    return tuple(due), later
