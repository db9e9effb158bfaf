"""Asking people: what a tick needs to know of a deployment's approvals, and storing what it says of them."""

from collections.abc import Iterable, Sequence

from app.core.approval import Approval, ApprovalPolicy, ApprovalStatus, before_approval, expiry
from app.core.deployment import DeploymentStatus
from app.core.events import ApprovalRequested
from app.core.ids import Kind
from app.core.task import TaskStatus
from app.core.tick.state import Plan, TaskSnapshot
from app.services.engine.locked_deployment import LockedDeployment
from app.store import approvals as store


async def relevant_approvals(ledger: LockedDeployment, items: Sequence[TaskSnapshot]) -> tuple[Approval, ...]:
    """Return how a held deployment stands with people.

    Most ticks need not know: while it runs, it matters where the deployment needs approval, where people were asked and
    have not decided, and where tasks ask.
    """
    needs = before_approval(ledger.deployment, ledger.policy) is not None
    runs = ledger.deployment.status is DeploymentStatus.RUNNING
    if runs and not (needs or ledger.has_requests or any(map(_depends, items))):
        return ()
    return await store.open_of(ledger.deployment.id)


def _depends(item: TaskSnapshot) -> bool:
    return item.asks or item.status is TaskStatus.WAITING_CONFIRM


async def request_approvals(ledger: LockedDeployment, plan: Plan, policy: ApprovalPolicy) -> list[Approval]:
    """Store what a plan says of approvals; the policy is copied into what is asked for. Return that."""
    if plan.withdraw:
        await store.end(plan.withdraw, ApprovalStatus.CANCELLED, ledger.now)
        publish_changes(ledger, plan.withdraw)
    asked = [
        Approval(
            id=ledger.unit.new_id(Kind.APPROVAL),
            deployment_id=ledger.deployment.id,
            environment_id=ledger.deployment.environment_id,
            application_ids=ledger.deployment.application_ids,
            subject=request.subject,
            task_id=request.task_id,
            rollout_step=request.rollout_step,
            revision=ledger.deployment.revision,
            status=ApprovalStatus.PENDING,
            policy=policy,
            requested_at=ledger.now,
            expires_at=expiry(policy, ledger.now),
            authors=frozenset({ledger.deployment.created_by}),
        )
        for request in plan.asks
    ]
    if asked:
        await store.insert(asked)
        ledger.has_requests = True
        publish_changes(ledger, [approval.id for approval in asked])
    for approval in asked:
        ledger.record(ApprovalRequested(approval.id))
    return asked


async def withdraw_all(ledger: LockedDeployment) -> None:
    """Store that people are not asked for anything any more: the deployment has ended."""
    publish_changes(ledger, await store.withdraw_all(ledger.deployment.id, ledger.now))


def publish_changes(ledger: LockedDeployment, ids: Iterable[str]) -> None:
    """After the commit, tell whoever follows approvals that these have changed."""
    ledger.unit.messages.extend((store.CHANGES, id_.encode()) for id_ in ids)
