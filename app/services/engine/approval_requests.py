"""Approval requests: loads the approvals that a tick needs, and stores the requests of its plan."""

from collections.abc import Iterable, Sequence

from app.core.approval import Approval, ApprovalPolicy, ApprovalStatus, expiry_time, types_before_approval
from app.core.deployment import DeploymentStatus
from app.core.events import ApprovalRequested
from app.core.ids import IdKind
from app.core.task import TaskStatus
from app.core.tick.state import Plan, TaskSnapshot
from app.services.engine.locked_deployment import LockedDeployment
from app.store import approvals as store


async def relevant_approvals(locked: LockedDeployment, tasks: Sequence[TaskSnapshot]) -> tuple[Approval, ...]:
    """Return the open approvals of a locked deployment, or none where its tick does not depend on them.

    A running deployment depends on them only where it needs approval, has pending requests, or has tasks that do.
    """
    needs_approval = types_before_approval(locked.deployment, locked.policy) is not None
    runs = locked.deployment.status is DeploymentStatus.RUNNING
    if runs and not (needs_approval or locked.has_requests or any(map(_needs_approval, tasks))):
        return ()
    return await store.open_approvals(locked.deployment.id)


def _needs_approval(task: TaskSnapshot) -> bool:
    return task.needs_confirmation or task.status is TaskStatus.WAITING_CONFIRM


async def request_approvals(locked: LockedDeployment, plan: Plan, policy: ApprovalPolicy) -> list[Approval]:
    """Store the withdrawals and requests of a plan. Return the requests, with a copy of the policy."""
    if plan.withdraw:
        await store.close(plan.withdraw, ApprovalStatus.CANCELLED, locked.now)
        publish_changes(locked, plan.withdraw)
    approvals = [
        Approval(
            id=locked.unit.new_id(IdKind.APPROVAL),
            deployment_id=locked.deployment.id,
            environment_id=locked.deployment.environment_id,
            application_ids=locked.deployment.application_ids,
            subject=request.subject,
            task_id=request.task_id,
            rollout_step=request.rollout_step,
            revision=locked.deployment.revision,
            status=ApprovalStatus.PENDING,
            policy=policy,
            requested_at=locked.now,
            expires_at=expiry_time(policy, locked.now),
            authors=frozenset({locked.deployment.created_by}),
        )
        for request in plan.requests
    ]
    if approvals:
        await store.insert(approvals)
        locked.has_requests = True
        publish_changes(locked, [approval.id for approval in approvals])
    for approval in approvals:
        locked.record(ApprovalRequested(approval.id))
    return approvals


async def withdraw_all(locked: LockedDeployment) -> None:
    """Withdraw every pending approval of a deployment that has ended."""
    publish_changes(locked, await store.withdraw_all(locked.deployment.id, locked.now))


def publish_changes(locked: LockedDeployment, ids: Iterable[str]) -> None:
    """After the commit, publish that these approvals have changed."""
    locked.unit.messages.extend((store.CHANGES, id_.encode()) for id_ in ids)
