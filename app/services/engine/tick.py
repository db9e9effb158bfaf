"""The tick: loads what is stored of a deployment, lets the core plan, and records the changes.

It runs wherever something changed: in a mutation, in a worker whose attempts ended, and in the sweep. The caller holds
the lock on the deployment, so ticks of one deployment never overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.core import completion, rollout
from app.core.approval import (
    Approval,
    ApprovalPolicy,
    ApprovalStatus,
    ApprovalTimeoutAction,
    Verdict,
    types_before_approval,
)
from app.core.deployment import ENDED, DeploymentStatus, Rollback, RollbackStatus
from app.core.events import ApprovalDecided
from app.core.task import UNSTARTED, TaskStatus
from app.core.tick import planning
from app.core.tick.state import DeploymentSnapshot, Plan, TaskChange, TaskSnapshot
from app.services.engine import approval_requests
from app.services.engine.locked_deployment import LockedDeployment
from app.services.engine.topics import worker_topic
from app.store import approvals as approval_store
from app.store import deployments as deployment_store
from app.store import tasks as task_store


@dataclass(frozen=True, slots=True)
class TickResult:
    """The plan of a tick, and the tasks as they are after it, by id, in workflow order."""

    plan: Plan
    tasks: dict[str, TaskSnapshot]


async def tick(locked: LockedDeployment, tasks: Sequence[TaskSnapshot] | None = None) -> TickResult:
    """Advance a locked deployment until it needs a worker, a person or time. Sends no message.

    `tasks` are its present tasks, where the caller has read them.
    """
    if tasks is None:
        await locked.flush()
        tasks = await task_store.snapshots(locked.deployment.id)
    snapshot = _snapshot(locked, tasks, await approval_requests.relevant_approvals(locked, tasks))
    plan = planning.plan(snapshot, locked.now)
    if plan.expire:
        await _expire_approvals(locked, snapshot, plan.expire)
        return await tick(locked)
    if plan.back_to_running:
        locked.change_status(DeploymentStatus.RUNNING)
    statuses = {task.id: task.status for task in tasks}
    for changes in (plan.changes, [TaskChange(id_, TaskStatus.WAITING_CONFIRM) for id_ in plan.confirm]):
        locked.change_tasks(statuses, changes)
        statuses |= {change.task_id: change.to for change in changes}
    requested = await approval_requests.request_approvals(locked, plan, locked.policy or ApprovalPolicy())
    if plan.stop:
        await request_stop(locked, plan.stop)
    if plan.to is not None:
        await _change_status(locked, plan.to, plan.reason)
    tasks = [task if task.status is statuses[task.id] else replace(task, status=statuses[task.id]) for task in tasks]
    percent = completion.percent([(task.status, task.rollout) for task in tasks])
    locked.deployment = replace(locked.deployment, progress=percent)
    moments = [moment for moment in (plan.wake_at, *(approval.expires_at for approval in requested)) if moment]
    return TickResult(replace(plan, wake_at=min(moments, default=None)), {task.id: task for task in tasks})


def _snapshot(
    locked: LockedDeployment, tasks: Sequence[TaskSnapshot], approvals: Sequence[Approval]
) -> DeploymentSnapshot:
    deployment, undo_error = locked.deployment, None
    if deployment.status is DeploymentStatus.ROLLING_BACK and deployment.rollback:
        undo_error = deployment.rollback.error_message if deployment.rollback.status is RollbackStatus.FAILED else None
    return DeploymentSnapshot(
        status=deployment.status,
        tasks=tasks,
        auto_rollback=any(
            task.touched and rollout.step_in_force(deployment.strategy, task.rollout).auto_rollback for task in tasks
        ),
        undo_error=undo_error,
        resumed_at=deployment.resumed_at,
        paused=deployment.paused,
        before_approval=types_before_approval(deployment, locked.policy),
        revision=deployment.revision,
        approvals=approvals,
    )


async def _expire_approvals(locked: LockedDeployment, snapshot: DeploymentSnapshot, ids: Sequence[str]) -> None:
    """Expire overdue approvals of a locked deployment, and do what their policies say."""
    overdue = [approval for approval in snapshot.approvals if approval.id in ids]
    await approval_store.close(ids, ApprovalStatus.EXPIRED, locked.now)
    approval_requests.publish_changes(locked, ids)
    since = min(approval.expires_at or locked.now for approval in overdue)
    for approval in overdue:
        comment = _expiry_reason(approval.expires_at or since)
        locked.record(ApprovalDecided(approval.id, Verdict.REJECT, comment), automatic=True)
    roll_back = any(approval.policy.on_timeout is ApprovalTimeoutAction.REJECT for approval in overdue)
    await reject_deployment(locked, _expiry_reason(since), roll_back=roll_back, automatic=True)


def _expiry_reason(moment: datetime) -> str:
    return f"nobody approved until {moment:%Y-%m-%d %H:%M:%S} UTC"


async def reject_deployment(locked: LockedDeployment, reason: str, *, roll_back: bool, automatic: bool) -> None:
    """Roll a rejected deployment back, or end it; the caller ticks it afterwards.

    Without `roll_back` it is cancelled, and the changes that it made stay.
    """
    await locked.flush()
    tasks = await task_store.snapshots(locked.deployment.id)
    status = locked.deployment.status
    to = planning.status_after_rejection(DeploymentSnapshot(status=status, tasks=tasks), roll_back=roll_back)
    if to is DeploymentStatus.ROLLING_BACK:
        locked.change_status(to, reason)
        await begin_rollback(locked, automatic=automatic, reason=reason)
    elif to is DeploymentStatus.CANCELLED:
        cancel_unstarted(locked, tasks, reason)
    else:
        locked.change_status(to, reason)


def cancel_unstarted(locked: LockedDeployment, tasks: Sequence[TaskSnapshot], reason: str) -> None:
    """Cancel a locked deployment without running attempts; the caller ticks it afterwards.

    Half-moved workloads are undone first.
    """
    changes = [TaskChange(task.id, TaskStatus.CANCELLED, reason) for task in tasks if task.status in UNSTARTED]
    locked.change_tasks({task.id: task.status for task in tasks}, changes)
    if planning.half_moved(tasks):
        locked.change_status(DeploymentStatus.RUNNING)
        locked.change_status(DeploymentStatus.CANCELLING, reason)
    else:
        locked.change_status(DeploymentStatus.CANCELLED, reason)


async def _change_status(locked: LockedDeployment, to: DeploymentStatus, reason: str | None) -> None:
    before = locked.deployment.status
    locked.change_status(to, reason)
    if to in ENDED:
        await approval_requests.withdraw_all(locked)
    if to is DeploymentStatus.ROLLING_BACK:
        await begin_rollback(locked, automatic=True, reason=reason)
    elif before is DeploymentStatus.ROLLING_BACK and locked.deployment.rollback:
        status = RollbackStatus.SUCCESS if to is DeploymentStatus.ROLLED_BACK else RollbackStatus.FAILED
        await set_rollback(locked, replace(locked.deployment.rollback, status=status, completed_at=locked.now))


async def begin_rollback(locked: LockedDeployment, *, automatic: bool, reason: str | None) -> None:
    """Record that a rollback of a locked deployment begins."""
    rollback = Rollback(
        status=RollbackStatus.RUNNING,
        automatic=automatic,
        reason=reason or "",
        requested_by=None if automatic else locked.actor_id,
        started_at=locked.now,
    )
    await deployment_store.begin_rollback(locked.deployment.id, rollback)
    locked.deployment = replace(locked.deployment, rollback=rollback)


async def set_rollback(locked: LockedDeployment, rollback: Rollback) -> None:
    """Record the state of the rollback of a locked deployment."""
    await deployment_store.update_rollback(locked.deployment.id, rollback)
    locked.deployment = replace(locked.deployment, rollback=rollback)


async def request_stop(
    locked: LockedDeployment, task_ids: Sequence[str], *, kill: bool = False, reason: str | None = None
) -> None:
    """Ask the workers that run attempts of these tasks to stop them; with `kill`, without a grace period."""
    workers = await task_store.request_stop(task_ids, reason)
    if workers and reason:
        locked.mark_changed()
    how = " kill" if kill else ""
    locked.unit.messages.extend((worker_topic(worker), f"{id_}{how}".encode()) for id_, worker in workers.items())
