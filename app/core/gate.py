"""The gate: every reason why a deployment or a task waits, in words, and what would end the wait."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.admission import QueuePosition
from app.core.approval import Approval, ApprovalSubject, joined_roles
from app.core.deployment import ENDED, Deployment, DeploymentStatus
from app.core.environment import Pools
from app.core.freeze import FreezeStatus, freeze_message
from app.core.task import ENDED as TASK_ENDED
from app.core.task import FAILURES, UNBLOCKING, Task, TaskStatus
from app.core.texts import sentence
from app.core.workflow import TaskType


class BlockerKind(StrEnum):
    """The kinds of blockers."""

    NOT_STARTED = "NOT_STARTED"
    PAUSED = "PAUSED"
    TASK = "TASK"
    APPROVAL = "APPROVAL"
    LOCK = "LOCK"
    CAPACITY = "CAPACITY"
    FREEZE = "FREEZE"
    RETRY_BACKOFF = "RETRY_BACKOFF"
    BATCH_INTERVAL = "BATCH_INTERVAL"
    NO_WORKER = "NO_WORKER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One reason to wait, with the task, approval, deployment or time that ends it."""

    kind: BlockerKind
    message: str
    task_id: str | None = None
    approval_id: str | None = None
    deployment_id: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateContext:
    """The surroundings of a deployment: its queue position, pools, freeze and approvals.

    `pools` serve its environment; those in `alive` have a live worker. `freeze` keeps it from starting. `approvals` are
    the pending ones. `before_approval` has the types of tasks that may run before the deployment is approved; None: it
    needs no approval.
    """

    queue_position: QueuePosition | None
    capacity: int
    pools: Pools
    alive: frozenset[str]
    before_approval: frozenset[TaskType] | None = None
    freeze: FreezeStatus | None = None
    approvals: tuple[Approval, ...] = ()


def deployment_blockers(
    deployment: Deployment, tasks: Sequence[Task], context: GateContext, now: datetime
) -> tuple[Blocker, ...]:
    """Return why a deployment waits; empty while it proceeds, and once it has ended without failure."""
    if deployment.status is DeploymentStatus.PENDING:
        return (*_before_start(deployment, context), *_no_worker(context, tasks))
    if deployment.status in ENDED and deployment.status is not DeploymentStatus.FAILED:
        return ()
    if deployment.status is DeploymentStatus.FAILED:
        return tuple(_failed_task(task) for task in tasks if task.status in FAILURES)
    if any(task.worker for task in tasks):
        return ()
    keys = {task.id: task.key for task in tasks}
    approvals = tuple(_approval(approval, keys.get(approval.task_id or "")) for approval in context.approvals)
    if deployment.status is DeploymentStatus.WAITING_CONFIRM:
        return (*approvals, *blockers_after_approval(deployment, context, tasks))
    has_failed = any(task.status in FAILURES for task in tasks)
    pending = [task for task in tasks if task.status is TaskStatus.PENDING and not has_failed]
    unapproved = [task for task in pending if _deployment_approvals(task, context)]
    open_tasks = [task for task in tasks if _is_open(task) or (task in pending and task not in unapproved)]
    timers = [blocker for task in open_tasks for blocker in _timers(task, now)]
    paused = _paused(deployment) if any(task.status is TaskStatus.PENDING for task in open_tasks) else ()
    proceeds = len(open_tasks) > len(timers) and not paused
    no_worker = _no_worker(context, open_tasks)
    return no_worker if proceeds else (*paused, *timers, *approvals, *no_worker)


def _is_open(task: Task) -> bool:
    return task.activity is not None and task.status is not TaskStatus.WAITING_CONFIRM


def blockers_after_approval(
    deployment: Deployment, context: GateContext, tasks: Iterable[Task] | None = None
) -> tuple[Blocker, ...]:
    """Return what would block a deployment, or some of its `tasks`, even after the approval."""
    return (*_paused(deployment), *_no_worker(context, tasks))


def task_blockers(
    task: Task, deployment: Deployment, tasks: Mapping[str, Task], context: GateContext, now: datetime
) -> tuple[Blocker, ...]:
    """Return why a task waits; empty while it runs and once it has ended. `tasks` maps ids to all tasks."""
    if task.status is TaskStatus.BLOCKED:
        return tuple(_blocking_task(tasks[id_]) for id_ in task.block_by if tasks[id_].status not in UNBLOCKING)
    if task.status is TaskStatus.WAITING_CONFIRM:
        approvals = tuple(
            _approval(approval, task.key) for approval in context.approvals if approval.task_id == task.id
        )
        return (*approvals, *blockers_after_approval(deployment, context, [task]))
    if task.worker or (task.status is not TaskStatus.PENDING and not task.activity):
        return ()
    if deployment.status is DeploymentStatus.PENDING:
        return (*_before_start(deployment, context), *_no_worker(context, [task]))
    failed = tuple(_failed_task(other) for other in tasks.values() if other.status in FAILURES)
    if task.status is TaskStatus.PENDING and failed:
        return failed
    approvals = _deployment_approvals(task, context)
    if approvals:
        return (*approvals, *blockers_after_approval(deployment, context, [task]))
    if task.status is TaskStatus.PENDING and deployment.paused:
        return (*_paused(deployment), *_timers(task, now))
    return (*_timers(task, now), *_no_worker(context, [task]))


def _deployment_approvals(task: Task, context: GateContext) -> tuple[Blocker, ...]:
    """Return the approval of the deployment that an unblocked task waits for, if any."""
    if task.status is not TaskStatus.PENDING or task.type in (context.before_approval or ()):
        return ()
    return tuple(
        _approval(approval, None) for approval in context.approvals if approval.subject is ApprovalSubject.DEPLOYMENT
    )


def _approval(approval: Approval, key: str | None) -> Blocker:
    """Return the blocker of an approval, with its subject and who may decide."""
    subject = {
        ApprovalSubject.DEPLOYMENT: "The deployment",
        ApprovalSubject.TASK: f"“{key}”",
        ApprovalSubject.ROLLOUT_STEP: f"Step {(approval.rollout_step or 0) + 1} of the rollout of “{key}”",
    }[approval.subject]
    more = "one more approval" if approval.missing == 1 else f"{approval.missing} more approvals"
    roles = joined_roles(approval.policy.approver_roles)
    return Blocker(
        kind=BlockerKind.APPROVAL,
        message=f"{subject} waits for {more} by somebody with the role {roles}.",
        task_id=approval.task_id,
        approval_id=approval.id,
        until=approval.expires_at,
    )


def _before_start(deployment: Deployment, context: GateContext) -> tuple[Blocker, ...]:
    paused = _paused(deployment)
    blockers = (*paused, *_frozen(context))
    if deployment.queued_at is not None and context.queue_position is not None:
        return (*blockers, *_in_queue(context.queue_position, context.capacity))
    if deployment.queued_at is not None and paused:
        return blockers
    not_started = Blocker(
        kind=BlockerKind.NOT_STARTED, message="The deployment has not been started: call startDeployment."
    )
    return (not_started, *blockers)


def plan_blockers(context: GateContext) -> tuple[Blocker, ...]:
    """Return what would keep a planned deployment from starting."""
    queue = _in_queue(context.queue_position, context.capacity) if context.queue_position else ()
    return (*_frozen(context), *queue, *_no_worker(context, None))


def _frozen(context: GateContext) -> tuple[Blocker, ...]:
    message = freeze_message(context.freeze, overridden=False)
    if message is None or context.freeze is None:
        return ()
    return (Blocker(kind=BlockerKind.FREEZE, message=message, until=context.freeze.next_end),)


def _paused(deployment: Deployment) -> tuple[Blocker, ...]:
    if not deployment.paused:
        return ()
    return (
        Blocker(kind=BlockerKind.PAUSED, message="The deployment is paused: call resumeDeployment to let it continue."),
    )


def _in_queue(queue: QueuePosition, capacity: int) -> tuple[Blocker, ...]:
    locks = tuple(
        Blocker(
            kind=BlockerKind.LOCK,
            message=f"Another deployment comes first for an application (position {queue.position} in the queue).",
            deployment_id=deployment_id,
        )
        for deployment_id in dict.fromkeys(reason.deployment_id for reason in queue.waits_for)
    )
    if not queue.full:
        return locks
    message = (
        f"The environment already runs its maximum of {capacity} concurrent deployments. This one starts when one has "
        "ended."
    )
    return (*locks, Blocker(kind=BlockerKind.CAPACITY, message=message))


def _no_worker(context: GateContext, tasks: Iterable[Task] | None) -> tuple[Blocker, ...]:
    """Return the pools without a live worker that unfinished ones of `tasks` need; for None, any task."""
    pools = context.pools
    needed = None if tasks is None else {pools.of(task.type) for task in tasks if task.status not in TASK_ENDED}
    if needed is None:
        needed = set(pools.all)
    return tuple(
        Blocker(
            kind=BlockerKind.NO_WORKER,
            message=f"No live worker serves the pool “{pool}”: start one with boreas worker --pool {pool}.",
        )
        for pool in sorted(needed or {pools.main})
        if pool not in context.alive
    )


def _timers(task: Task, now: datetime) -> tuple[Blocker, ...]:
    if task.status is TaskStatus.PENDING and task.retry_at and task.retry_at > now:
        message = f"“{task.key}” failed and will be retried (attempt {task.failures + 1} of {task.max_attempts})."
        return (Blocker(kind=BlockerKind.RETRY_BACKOFF, message=message, task_id=task.id, until=task.retry_at),)
    if task.activity and task.resume_at and task.resume_at > now:
        message = f"“{task.key}” watches a batch before it continues."
        return (Blocker(kind=BlockerKind.BATCH_INTERVAL, message=message, task_id=task.id, until=task.resume_at),)
    return ()


def _blocking_task(task: Task) -> Blocker:
    return Blocker(
        kind=BlockerKind.TASK, message=f"This task waits for “{task.key}”, which is {task.status}.", task_id=task.id
    )


def _failed_task(task: Task) -> Blocker:
    detail = f": {task.error_message}" if task.error_message else ""
    failure = sentence(f"“{task.key}” is {task.status}{detail}")
    return Blocker(kind=BlockerKind.TASK, message=f"{failure} Retry the deployment.", task_id=task.id)
