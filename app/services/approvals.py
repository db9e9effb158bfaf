"""Use cases of approvals: approve, reject, and the inbox of approvals that an actor may decide."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.core import approval as core
from app.core import rollout
from app.core.access import Principal
from app.core.approval import Approval, ApprovalStatus, ApprovalSubject, Decision, Verdict
from app.core.deployment import Deployment
from app.core.errors import InvalidInput, Problem, Refused, RevisionConflict, missing
from app.core.events import ApprovalDecided
from app.core.roles import Role
from app.core.strategy.model import Progress
from app.core.task import TaskStatus
from app.core.validation import checks
from app.services.engine import approval_requests
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import reject_deployment
from app.services.engine.work_queue import tick_and_enqueue
from app.services.secret_masking import mask_secrets
from app.services.use_cases import Result, UseCaseContext, forbidden, refuse_if
from app.store import approvals as store
from app.store import deployments as deployment_store

MAX_APPROVALS = 100
"""Approvals that one call decides."""
FIELD = "approvalIds"


@dataclass(frozen=True, slots=True)
class Decide:
    """A verdict on some approvals with a comment.

    `expected_revision` is the workflow's revision the caller saw.
    """

    approval_ids: tuple[str, ...]
    verdict: Verdict
    comment: str = ""
    expected_revision: int | None = None


async def decide(context: UseCaseContext, order: Decide) -> Result:
    """Approve or reject approvals, each on its own.

    Returns the ids of those that were decided, and the problems of the others, both in the order of the request. Raises
    Refused if none was decided. Deployments are locked in the order of their ids, so that two callers who decide the
    same approvals cannot deadlock.
    """
    if not any(context.principal.allows_somewhere(role) for role in (Role.APPROVER, Role.DEPLOYER)):
        raise forbidden(Role.APPROVER)
    refuse_if(_problems(order))
    deployment_ids = await store.deployment_ids(order.approval_ids)
    problems: dict[str, Problem] = {
        id_: missing("approval", id_) for id_ in order.approval_ids if id_ not in deployment_ids
    }
    for deployment_id in sorted(set(deployment_ids.values())):
        ids = [id_ for id_ in order.approval_ids if deployment_ids.get(id_) == deployment_id]
        async with lock_deployment(context.unit, deployment_id, context.principal.actor.id) as locked:
            problems |= await _decide_all(context, locked, order, ids)
    result = Result(
        ids=tuple(id_ for id_ in order.approval_ids if id_ not in problems),
        problems=tuple(
            replace(problems[id_], path=(FIELD, str(index)))
            for index, id_ in enumerate(order.approval_ids)
            if id_ in problems
        ),
    )
    if not result.ids:
        raise Refused(*result.problems)
    return result


def _problems(order: Decide) -> checks.Problems:
    yield from checks.in_range(len(order.approval_ids), 1, MAX_APPROVALS, FIELD)
    if len(set(order.approval_ids)) < len(order.approval_ids):
        yield InvalidInput(message="The same approval is named twice. Name each approval once.", path=(FIELD,))
    for index, id_ in enumerate(order.approval_ids):
        yield from checks.storable(id_, FIELD, str(index))
    yield from checks.text(order.comment, "comment")


async def _decide_all(
    context: UseCaseContext, locked: LockedDeployment, order: Decide, ids: Sequence[str]
) -> dict[str, Problem]:
    """Decide approvals of one deployment in order.

    Return the problems of those that were not decided, by id.
    """
    principal = context.principal
    if not principal.allows_on(Role.VIEWER, locked.deployment):
        return {id_: missing("approval", id_) for id_ in ids}
    problems: dict[str, Problem] = {}
    approvals = await store.by_ids(ids)
    for id_ in ids:
        approval = approvals[id_]
        problem = _outdated(locked.deployment, order) or core.why_not_decide(
            approval, principal, order.verdict, locked.now
        )
        if problem is None:
            await _store(context, locked, approval, order)
        else:
            problems[id_] = problem
        if problem is None or approval.overdue(locked.now):
            await tick_and_enqueue(locked)
            await locked.flush()
            approvals = await store.by_ids(ids) if id_ != ids[-1] else approvals
    return problems


def _outdated(deployment: Deployment, order: Decide) -> RevisionConflict | None:
    """Return a conflict if the caller looked at another revision of the workflow than the present one."""
    expected, actual = order.expected_revision, deployment.revision
    if expected is None or expected == actual:
        return None
    message = (
        f"The deployment's workflow is now at revision {actual}, but you looked at revision {expected}. "
        "Look at the changes and decide on the new revision."
    )
    return RevisionConflict(message=message, expected=expected, actual=actual)


async def _store(context: UseCaseContext, locked: LockedDeployment, approval: Approval, order: Decide) -> None:
    """Store a decision; when the approval is settled by it, resume or end what it was requested for."""
    actor = context.principal.actor
    comment = await mask_secrets(locked.deployment.id, order.comment.strip())
    decision = Decision(actor_id=actor.id, actor_name=actor.name, verdict=order.verdict, comment=comment, at=locked.now)
    status = core.status_after(approval, order.verdict)
    await store.decide(approval, decision, status)
    locked.record(ApprovalDecided(approval.id, order.verdict, comment))
    approval_requests.publish_changes(locked, [approval.id])
    others = tuple(earlier for earlier in approval.decisions if earlier.actor_id != actor.id)
    context.record_change(approval.id, approval, replace(approval, status=status, decisions=(*others, decision)))
    if status is ApprovalStatus.REJECTED:
        reason = f"rejected by {actor.name}" + (f": {comment}" if comment else "")
        await reject_deployment(locked, reason, roll_back=True, automatic=False)
    elif status is ApprovalStatus.APPROVED and approval.task_id is not None:
        await _resume_task(locked, approval, actor.id)


async def _resume_task(locked: LockedDeployment, approval: Approval, actor_id: str) -> None:
    """Take an approved task (or the task of an approved rollout step) out of WAITING_CONFIRM."""
    await locked.flush()
    task = await locked.task(approval.task_id or "")
    if task.status is not TaskStatus.WAITING_CONFIRM:
        return
    if approval.subject is ApprovalSubject.ROLLOUT_STEP:
        resumed = replace(
            task,
            status=TaskStatus.RUNNING,
            rollout=rollout.approve(task.rollout or Progress()),
            resume_at=locked.now,
        )
    else:
        resumed = replace(task, status=TaskStatus.PENDING, confirmed_by=actor_id, confirmed_at=locked.now)
    locked.record_task_status(task.id, task.status, resumed.status)
    locked.put_task(resumed)
    locked.unit.record_change(task.id, task, resumed)


async def inbox(principal: Principal, now: datetime) -> list[Approval]:
    """Return the pending approvals that a principal may give now, the oldest first."""
    return [approval for approval, _ in await all_pending() if may_approve(approval, principal, now)]


async def all_pending() -> list[tuple[Approval, Deployment]]:
    """Return all pending approvals with their deployments, the oldest first."""
    approvals = await store.pending()
    deployments = await deployment_store.by_ids(list({approval.deployment_id for approval in approvals}))
    return [(approval, deployments[approval.deployment_id]) for approval in approvals]


def may_approve(approval: Approval, principal: Principal, now: datetime) -> bool:
    """Tell whether a principal may approve.

    Authors may only reject, so their inbox leaves the approval out.
    """
    return core.why_not_decide(approval, principal, Verdict.APPROVE, now) is None
