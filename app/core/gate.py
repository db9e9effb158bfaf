"""Why something waits: every reason that a deployment or a task does not go on, in words, with what would change it."""

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
    """The kinds of reasons."""

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
    """One reason, and the task, approval or deployment that is waited for, or the time until which."""

    kind: BlockerKind
    message: str
    task_id: str | None = None
    approval_id: str | None = None
    deployment_id: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateContext:
    """What surrounds a deployment: its standing in the queue while it waits to start, and which pools have workers.

    `pools` serve its environment, those in `alive` have a worker. `freeze` is the one that keeps it from starting,
    `approvals` are those that people have yet to decide, and `before_approval` the types of tasks that may run before
    the deployment is approved; None: it need not be.
    """

    standing: QueuePosition | None
    capacity: int
    pools: Pools
    alive: frozenset[str]
    before_approval: frozenset[TaskType] | None = None
    freeze: FreezeStatus | None = None
    approvals: tuple[Approval, ...] = ()


def deployment_blockers(
    deployment: Deployment, tasks: Sequence[Task], situation: GateContext, now: datetime
) -> tuple[Blocker, ...]:
    """Return why a deployment does not go on; empty while it does, and for one that has ended for good."""
    if deployment.status is DeploymentStatus.PENDING:
        return (*_before_start(deployment, situation), *_no_worker(situation, tasks))
    if deployment.status in ENDED and deployment.status is not DeploymentStatus.FAILED:
        return ()
    if deployment.status is DeploymentStatus.FAILED:
        return tuple(_ended_badly(task) for task in tasks if task.status in FAILURES)
    if any(task.worker for task in tasks):
        return ()
    keys = {task.id: task.key for task in tasks}
    asked = tuple(_asked(one, keys.get(one.task_id or "")) for one in situation.approvals)
    if deployment.status is DeploymentStatus.WAITING_CONFIRM:
        return (*asked, *blockers_after_approval(deployment, situation, tasks))
    failing = any(task.status in FAILURES for task in tasks)
    pending = [task for task in tasks if task.status is TaskStatus.PENDING and not failing]
    held = [task for task in pending if _unapproved(task, situation)]
    open_tasks = [task for task in tasks if _is_open(task) or (task in pending and task not in held)]
    timed = [blocker for task in open_tasks for blocker in _timers(task, now)]
    paused = _paused(deployment) if any(task.status is TaskStatus.PENDING for task in open_tasks) else ()
    free = len(open_tasks) > len(timed) and not paused
    idle = _no_worker(situation, open_tasks)
    return idle if free else (*paused, *timed, *asked, *idle)


def _is_open(task: Task) -> bool:
    return task.activity is not None and task.status is not TaskStatus.WAITING_CONFIRM


def blockers_after_approval(
    deployment: Deployment, situation: GateContext, tasks: Iterable[Task] | None = None
) -> tuple[Blocker, ...]:
    """Return what keeps a deployment, or some of its `tasks`, from going on even when it is approved."""
    return (*_paused(deployment), *_no_worker(situation, tasks))


def task_blockers(
    task: Task, deployment: Deployment, tasks: Mapping[str, Task], situation: GateContext, now: datetime
) -> tuple[Blocker, ...]:
    """Return why a task does not go on; empty while it runs and once it has ended. `tasks` maps ids to all tasks."""
    if task.status is TaskStatus.BLOCKED:
        return tuple(_waits_for(tasks[id_]) for id_ in task.block_by if tasks[id_].status not in UNBLOCKING)
    if task.status is TaskStatus.WAITING_CONFIRM:
        mine = tuple(_asked(one, task.key) for one in situation.approvals if one.task_id == task.id)
        return (*mine, *blockers_after_approval(deployment, situation, [task]))
    if task.worker or (task.status is not TaskStatus.PENDING and not task.activity):
        return ()
    if deployment.status is DeploymentStatus.PENDING:
        return (*_before_start(deployment, situation), *_no_worker(situation, [task]))
    failed = tuple(_ended_badly(other) for other in tasks.values() if other.status in FAILURES)
    if task.status is TaskStatus.PENDING and failed:
        return failed
    asked = _unapproved(task, situation)
    if asked:
        return (*asked, *blockers_after_approval(deployment, situation, [task]))
    if task.status is TaskStatus.PENDING and deployment.paused:
        return (*_paused(deployment), *_timers(task, now))
    return (*_timers(task, now), *_no_worker(situation, [task]))


def _unapproved(task: Task, situation: GateContext) -> tuple[Blocker, ...]:
    """Return the approval of the deployment, where a free task waits for it."""
    if task.status is not TaskStatus.PENDING or task.type in (situation.before_approval or ()):
        return ()
    return tuple(_asked(one, None) for one in situation.approvals if one.subject is ApprovalSubject.DEPLOYMENT)


def _asked(approval: Approval, key: str | None) -> Blocker:
    """Say of what an approval is, and who is waited for."""
    subject = {
        ApprovalSubject.DEPLOYMENT: "The deployment",
        ApprovalSubject.TASK: f"“{key}”",
        ApprovalSubject.ROLLOUT_STEP: f"Step {(approval.rollout_step or 0) + 1} of the rollout of “{key}”",
    }[approval.subject]
    more = "one more approval" if approval.missing == 1 else f"{approval.missing} more approvals"
    roles = joined_roles(approval.policy.approver_roles)
    return Blocker(
        kind=BlockerKind.APPROVAL,
        message=f"{subject} waits for {more}, of somebody with the role {roles}.",
        task_id=approval.task_id,
        approval_id=approval.id,
        until=approval.expires_at,
    )


def _before_start(deployment: Deployment, situation: GateContext) -> tuple[Blocker, ...]:
    paused = _paused(deployment)
    held = (*paused, *_frozen(situation))
    if deployment.queued_at is not None and situation.standing is not None:
        return (*held, *_in_queue(situation.standing, situation.capacity))
    if deployment.queued_at is not None and paused:
        return held
    not_started = Blocker(kind=BlockerKind.NOT_STARTED, message="Nobody has started it yet: call startDeployment.")
    return (not_started, *held)


def plan_blockers(situation: GateContext) -> tuple[Blocker, ...]:
    """Return what would keep a deployment from starting that stood where the situation says."""
    queue = _in_queue(situation.standing, situation.capacity) if situation.standing else ()
    return (*_frozen(situation), *queue, *_no_worker(situation, None))


def _frozen(situation: GateContext) -> tuple[Blocker, ...]:
    why = freeze_message(situation.freeze, overridden=False)
    if why is None or situation.freeze is None:
        return ()
    return (Blocker(kind=BlockerKind.FREEZE, message=why, until=situation.freeze.next_end),)


def _paused(deployment: Deployment) -> tuple[Blocker, ...]:
    if not deployment.paused:
        return ()
    return (Blocker(kind=BlockerKind.PAUSED, message="It is paused: call resumeDeployment to let it go on."),)


def _in_queue(standing: QueuePosition, capacity: int) -> tuple[Blocker, ...]:
    locks = tuple(
        Blocker(
            kind=BlockerKind.LOCK,
            message=f"Another deployment comes first for an application (place {standing.position} in the queue).",
            deployment_id=deployment_id,
        )
        for deployment_id in dict.fromkeys(hold.deployment_id for hold in standing.waits_for)
    )
    if not standing.full:
        return locks
    message = f"As many deployments run in the environment as may ({capacity})."
    return (*locks, Blocker(kind=BlockerKind.CAPACITY, message=message))


def _no_worker(situation: GateContext, tasks: Iterable[Task] | None) -> tuple[Blocker, ...]:
    """Return the pools without a worker that are to run what has not ended of `tasks`, or (None) any task."""
    pools = situation.pools
    wanted = None if tasks is None else {pools.of(task.type) for task in tasks if task.status not in TASK_ENDED}
    if wanted is None:
        wanted = set(pools.all)
    return tuple(
        Blocker(
            kind=BlockerKind.NO_WORKER,
            message=f"No live worker serves the pool “{pool}”: start one with boreas worker --pool {pool}.",
        )
        for pool in sorted(wanted or {pools.main})
        if pool not in situation.alive
    )


def _timers(task: Task, now: datetime) -> tuple[Blocker, ...]:
    if task.status is TaskStatus.PENDING and task.retry_at and task.retry_at > now:
        message = f"“{task.key}” failed and is tried again later (attempt {task.failures + 1} of {task.max_attempts})."
        return (Blocker(kind=BlockerKind.RETRY_BACKOFF, message=message, task_id=task.id, until=task.retry_at),)
    if task.activity and task.resume_at and task.resume_at > now:
        message = f"“{task.key}” watches a batch before it goes on."
        return (Blocker(kind=BlockerKind.BATCH_INTERVAL, message=message, task_id=task.id, until=task.resume_at),)
    return ()


def _waits_for(task: Task) -> Blocker:
    return Blocker(
        kind=BlockerKind.TASK, message=f"It waits for “{task.key}”, which is {task.status}.", task_id=task.id
    )


def _ended_badly(task: Task) -> Blocker:
    detail = f": {task.error_message}" if task.error_message else ""
    failed = sentence(f"“{task.key}” is {task.status}{detail}")
    return Blocker(kind=BlockerKind.TASK, message=f"{failed} Retry the deployment.", task_id=task.id)
