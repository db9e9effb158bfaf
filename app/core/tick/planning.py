"""The tick: given everything stored of a deployment and the time, what happens next.

`plan` is level-triggered: it looks only at the present state, never at what happened. So it is right to call it again,
late, or after a crash. It changes nothing itself. The caller stores the changes in the transaction in which it loaded
the state, and sends work to workers after the commit.
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


def plan(deployment: DeploymentSnapshot, now: datetime) -> Plan:
    """Return what a deployment needs at `now`.

    Before its start and after its end it only withdraws approvals.
    """
    match deployment.status:
        case DeploymentStatus.RUNNING:
            return _plan_running(deployment, now)
        case DeploymentStatus.WAITING_CONFIRM:
            running = _plan_running(deployment, now)
            waits = running.to is DeploymentStatus.WAITING_CONFIRM
            return replace(running, to=None if waits else running.to, back_to_running=not (waits or running.expire))
        case DeploymentStatus.CANCELLING:
            return _plan_cancelling(deployment)
        case DeploymentStatus.ROLLING_BACK:
            return _plan_rolling_back(deployment)
        case _:
            return Plan(withdraw=deployment.pending_ids)


def _plan_running(deployment: DeploymentSnapshot, now: datetime) -> Plan:
    tasks = deployment.tasks
    failed = [task for task in tasks if task.status in FAILURES or task.status is TaskStatus.ROLLED_BACK]
    newly_failed = [task for task in failed if _failed_since(task, deployment.resumed_at)]
    if newly_failed:
        return _plan_failing(deployment, newly_failed, now)
    unapproved = deployment.before_approval is not None and not _is_approved(deployment)
    if all(task.status in UNBLOCKING for task in tasks) and not unapproved:
        return Plan(to=DeploymentStatus.SUCCESS, withdraw=deployment.pending_ids)
    overdue = tuple(approval.id for approval in deployment.pending if approval.overdue(now))
    if overdue:
        return Plan(expire=overdue)
    changes, free, retry_times = _unblock(tasks, now)
    resume, resume_times = _parked(tasks, now)
    held = _held_for_approval(deployment) if unapproved else frozenset[str]()
    start = tuple(task.id for task in free if task.id not in held and not task.needs_confirmation)
    confirm = tuple(task.id for task in free if task.id not in held and task.needs_confirmation)
    runs = any(task.activity and task.status is not TaskStatus.WAITING_CONFIRM for task in tasks)
    idle = not (start or retry_times or runs)
    in_vain = failed and idle and held.isdisjoint(task.id for task in free)
    needed = _needed_requests(deployment, changes, confirm, for_deployment=unapproved and not in_vain)
    if failed and idle and not needed:
        return _plan_failing(deployment, failed, now)
    pending = {approval.request: approval for approval in deployment.pending if _is_current(approval, deployment)}
    awaited = [pending[request] for request in needed if request in pending]
    times = [*retry_times, *resume_times, *(approval.expires_at for approval in awaited if approval.expires_at)]
    return Plan(
        changes=changes,
        confirm=confirm,
        requests=tuple(request for request in needed if request not in pending),
        withdraw=tuple(approval.id for approval in deployment.pending if approval not in awaited),
        to=DeploymentStatus.WAITING_CONFIRM if idle and needed else None,
        start=() if deployment.paused else start,
        resume=resume,
        wake_at=min(times, default=None),
    )


def _unblock(
    tasks: Sequence[TaskSnapshot], now: datetime
) -> tuple[tuple[TaskChange, ...], list[TaskSnapshot], list[datetime]]:
    """Return changes between BLOCKED and PENDING, the tasks that are free to start, and times of retries."""
    done = unblocking_ids(tasks)
    changes: list[TaskChange] = []
    free: list[TaskSnapshot] = []
    retry_times: list[datetime] = []
    for task in tasks:
        if task.status is TaskStatus.BLOCKED and done.issuperset(task.block_by):
            changes.append(TaskChange(task.id, TaskStatus.PENDING))
            free.append(task)
        elif _is_free(task) and not done.issuperset(task.block_by):
            changes.append(TaskChange(task.id, TaskStatus.BLOCKED))
        elif task.status is TaskStatus.PENDING and task.retry_at is not None and task.retry_at > now:
            retry_times.append(task.retry_at)
        elif task.status is TaskStatus.PENDING:
            free.append(task)
        elif task.status is TaskStatus.WAITING_CONFIRM and _is_free(task) and not task.needs_confirmation:
            changes.append(TaskChange(task.id, TaskStatus.PENDING))
            free.append(task)
    return tuple(changes), free, retry_times


def _is_free(task: TaskSnapshot) -> bool:
    """Whether a task is stored as unblocked and has not begun."""
    return task.status in (TaskStatus.PENDING, TaskStatus.WAITING_CONFIRM) and not task.activity


def _is_approved(deployment: DeploymentSnapshot) -> bool:
    """Whether people have approved the present workflow. An approval counts for retries while it is valid."""
    resumed_at = deployment.resumed_at
    return any(
        approval.subject is ApprovalSubject.DEPLOYMENT
        and approval.status is ApprovalStatus.APPROVED
        and approval.revision == deployment.revision
        and (approval.decided_at is None or resumed_at is None or approval.decided_at + VALIDITY > resumed_at)
        for approval in deployment.approvals
    )


def _held_for_approval(deployment: DeploymentSnapshot) -> frozenset[str]:
    """Return the tasks that wait for the approval of the deployment."""
    free_types = deployment.before_approval or frozenset()
    return frozenset(
        task.id
        for task in deployment.tasks
        if task.type not in free_types and task.status in UNSTARTED and task.activity is None
    )


def _needed_requests(
    deployment: DeploymentSnapshot, changes: Sequence[TaskChange], confirm: Sequence[str], *, for_deployment: bool
) -> list[Request]:
    """Return the approvals that are needed now: of the deployment, free tasks, and steps of rollouts."""
    freed = {change.task_id for change in changes}
    requests = [Request(ApprovalSubject.DEPLOYMENT)] if for_deployment else []
    for task in deployment.tasks:
        waits = task.status is TaskStatus.WAITING_CONFIRM
        if waits and task.activity:
            step = task.rollout.asked if task.rollout else None
            requests.append(Request(ApprovalSubject.ROLLOUT_STEP, task.id, step))
        elif task.id in confirm or (waits and task.id not in freed):
            requests.append(Request(ApprovalSubject.TASK, task.id))
    return requests


def _is_current(approval: Approval, deployment: DeploymentSnapshot) -> bool:
    """Whether an approval is about the present revision. Edits do not affect a running rollout."""
    return approval.subject is ApprovalSubject.ROLLOUT_STEP or approval.revision == deployment.revision


def unblocking_ids(tasks: Sequence[GraphNode]) -> set[str]:
    """Return the tasks that unblock others: they are done, and so is everything that they depend on.

    The second condition matters once a deploy task that was rolled back is to run again: tasks that succeeded after it
    must run again too.
    """
    done = {task.id for task in tasks if task.status in UNBLOCKING}
    while outdated := {task.id for task in tasks if task.id in done and not done.issuperset(task.block_by)}:
        done -= outdated
    return done


def _failed_since(task: TaskSnapshot, resumed_at: datetime | None) -> bool:
    return task.completed_at is None or resumed_at is None or task.completed_at >= resumed_at


def _plan_failing(deployment: DeploymentSnapshot, failed: Sequence[TaskSnapshot], now: datetime) -> Plan:
    """Let running attempts end, then fail or roll back. All pending approvals are withdrawn."""
    unconfirmed = [task for task in deployment.tasks if task.status is TaskStatus.WAITING_CONFIRM]
    first = min(failed, key=lambda task: task.completed_at or _EARLIEST)
    reason = f"{first.key}: {first.error_message or first.status.lower()}"
    changes = tuple(
        TaskChange(task.id, TaskStatus.CANCELLED, f"{first.key} failed while it waited for approval")
        if task.activity
        else TaskChange(task.id, TaskStatus.PENDING)
        for task in unconfirmed
    )
    withdraw = deployment.pending_ids
    if any(task.activity and task not in unconfirmed for task in deployment.tasks):
        resume, resume_times = _parked(deployment.tasks, now)
        return Plan(changes=changes, withdraw=withdraw, resume=resume, wake_at=min(resume_times, default=None))
    if deployment.auto_rollback and any(task.touched for task in deployment.tasks):
        rollback = _plan_rolling_back(replace(deployment, status=DeploymentStatus.ROLLING_BACK))
        return replace(rollback, to=rollback.to or DeploymentStatus.ROLLING_BACK, reason=reason)
    return Plan(changes=changes, withdraw=withdraw, to=DeploymentStatus.FAILED, reason=reason)


_EARLIEST = datetime.min.replace(tzinfo=UTC)


def status_after_rejection(deployment: DeploymentSnapshot, *, roll_back: bool) -> DeploymentStatus:
    """Return the status that a rejection leads to.

    It is a rollback where the deployment may have changed its target. Without `roll_back` every change stays.
    """
    begun = any(task.touched or (task.type is TaskType.DEPLOY and task.is_leased) for task in deployment.tasks)
    if roll_back and begun:
        return DeploymentStatus.ROLLING_BACK
    waits = deployment.status is DeploymentStatus.WAITING_CONFIRM
    return DeploymentStatus.CANCELLED if waits else DeploymentStatus.CANCELLING


def _plan_cancelling(deployment: DeploymentSnapshot) -> Plan:
    """Let running attempts end, then undo half-moved workloads: else two sets would stay there for good."""
    tasks = deployment.tasks
    cancelled = Plan(changes=(*_cancel_unstarted(tasks), *_cancel_parked(tasks)), withdraw=deployment.pending_ids)
    running = [task for task in tasks if task.activity is Activity.RUN and task.is_leased]
    if running:
        return replace(cancelled, stop=tuple(task.id for task in running if not task.stop))
    if half := half_moved(tasks):
        return replace(cancelled, undo=_next_undo(tasks, half))
    undoing = any(task.activity and task.is_leased for task in tasks)
    return replace(cancelled, to=None if undoing else DeploymentStatus.CANCELLED)


def half_moved(tasks: Iterable[TaskSnapshot]) -> list[TaskSnapshot]:
    """Return the deploy tasks whose workloads are between two versions."""
    return [
        task
        for task in tasks
        if task.type is TaskType.DEPLOY and task.touched and is_half_moved(task.rollout.moved if task.rollout else None)
    ]


def _plan_rolling_back(deployment: DeploymentSnapshot) -> Plan:
    tasks = deployment.tasks
    cancelled = Plan(changes=(*_cancel_unstarted(tasks), *_cancel_parked(tasks)), withdraw=deployment.pending_ids)
    running = [task for task in tasks if task.activity is Activity.RUN and task.is_leased]
    if running:
        return replace(cancelled, stop=tuple(task.id for task in running if not task.stop))
    undoing = [task for task in tasks if task.activity is Activity.UNDO]
    if deployment.undo_error is not None:
        return replace(cancelled, to=None if undoing else DeploymentStatus.FAILED, reason=deployment.undo_error)
    touched = [task for task in tasks if task.touched and task.type is TaskType.DEPLOY]
    if not touched:
        return replace(cancelled, to=DeploymentStatus.ROLLED_BACK)
    return replace(cancelled, undo=_next_undo(tasks, touched))


def _next_undo(tasks: Sequence[TaskSnapshot], touched: Sequence[TaskSnapshot]) -> tuple[str, ...]:
    """Return the touched tasks that no other touched task depends on: the reverse order of deployment."""
    masks = graph.ancestors({task.id: task.block_by for task in tasks})
    bit = {task.id: 1 << index for index, task in enumerate(tasks)}
    return tuple(
        task.id
        for task in touched
        if task.activity is not Activity.UNDO and not any(masks[other.id] & bit[task.id] for other in touched)
    )


def _cancel_unstarted(tasks: Iterable[TaskSnapshot]) -> Iterator[TaskChange]:
    return (TaskChange(task.id, TaskStatus.CANCELLED) for task in tasks if task.status in UNSTARTED)


def _cancel_parked(tasks: Iterable[TaskSnapshot]) -> Iterator[TaskChange]:
    return (TaskChange(task.id, TaskStatus.CANCELLED) for task in tasks if _is_parked(task))


def _is_parked(task: TaskSnapshot) -> bool:
    """Whether an attempt waits for a time, without a worker. One that waits for people is not RUNNING."""
    return task.activity is Activity.RUN and not task.is_leased and task.status not in UNSTARTED


def _parked(tasks: Iterable[TaskSnapshot], now: datetime) -> tuple[tuple[str, ...], list[datetime]]:
    """Return the parked attempts that may resume now, and the times at which the others may."""
    due: list[str] = []
    resume_times: list[datetime] = []
    for task in tasks:
        if not _is_parked(task):
            continue
        if task.resume_at is not None and task.resume_at > now:
            resume_times.append(task.resume_at)
        else:
            due.append(task.id)
    return tuple(due), resume_times
