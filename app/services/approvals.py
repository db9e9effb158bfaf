"""Use cases of approvals: approve and reject, and what waits for somebody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from app.core import approval as core
from app.core import rollout
from app.core.access import Principal
from app.core.approval import Approval, ApprovalStatus, ApprovalSubject, Decision, Verdict
from app.core.deployment import Deployment
from app.core.errors import Forbidden, InvalidInput, NotFound, Problem, Refused, RevisionConflict, WrongState, missing
from app.core.events import ApprovalDecided
from app.core.roles import Role
from app.core.strategy.model import Progress
from app.core.task import TaskStatus
from app.core.validation import checks
from app.services.engine import approval_requests
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import reject_deployment, tick_and_enqueue
from app.services.secret_masking import hidden
from app.services.use_cases import UseCaseContext, forbidden, refuse_if
from app.store import approvals as store
from app.store import deployments as deployment_store
from app.store.codecs import dump

MAX_APPROVALS = 100
FIELD = "approvalIds"


@dataclass(frozen=True, slots=True)
class Decide:
    """A verdict on some approvals, and why. `expected_revision` is that of the workflow that was looked at."""

    approval_ids: tuple[str, ...]
    verdict: Verdict
    comment: str = ""
    expected_revision: int | None = None


_Kept = NotFound | Forbidden | WrongState | RevisionConflict
"""What may be said of one approval among several; `_KINDS` tells them apart where they are kept."""
_KINDS: dict[str, type[_Kept]] = {kind.__name__: kind for kind in (NotFound, Forbidden, WrongState, RevisionConflict)}


async def decide(case: UseCaseContext, order: Decide) -> tuple[str, ...]:
    """Approve or reject some approvals, each by itself: what is wrong with one keeps no other from being decided.

    Answers with one text for each that was asked for, in order: its id where it was decided, else why not; `answers`
    reads them. Raises Refused where none was decided. Deployments are held in the order of their ids, so that two who
    decide the same wait for each other and never in a circle.
    """
    if not any(case.principal.allows_somewhere(role) for role in (Role.APPROVER, Role.DEPLOYER)):
        raise forbidden(Role.APPROVER)
    refuse_if(_problems(order))
    known = await store.by_ids(order.approval_ids)
    said: dict[int, str] = {}
    places = {index: known[id_].deployment_id if id_ in known else "" for index, id_ in enumerate(order.approval_ids)}
    for deployment_id in sorted(set(places.values())):
        mine = [index for index, place in places.items() if place == deployment_id]
        if not deployment_id:
            said |= {index: _kept(missing("approval", order.approval_ids[index]), index) for index in mine}
            continue
        async with lock_deployment(case.work, deployment_id, case.principal.actor.id) as ledger:
            for index in mine:
                said[index] = await _decide_one(case, ledger, order, index)
    if case.work.changes.keys().isdisjoint(order.approval_ids):
        raise Refused(*answers([said[index] for index in sorted(said)])[1])
    return tuple(said[index] for index in sorted(said))


def answers(said: Sequence[str]) -> tuple[list[str], list[Problem]]:
    """Return the ids of the approvals that were decided, and what was wrong with the others."""
    ids: list[str] = []
    problems: list[Problem] = []
    for each in said:
        if each.startswith("{"):
            kept = msgspec.json.decode(each)
            problems.append(msgspec.convert(kept["problem"], _KINDS[kept["kind"]]))
        else:
            ids.append(each)
    return ids, problems


def _problems(order: Decide) -> checks.Problems:
    yield from checks.between(len(order.approval_ids), 1, MAX_APPROVALS, FIELD)
    if len(set(order.approval_ids)) < len(order.approval_ids):
        yield InvalidInput(message="An approval is named twice.", path=(FIELD,))
    for index, id_ in enumerate(order.approval_ids):
        yield from checks.storable(id_, FIELD, str(index))
    yield from checks.text(order.comment, "comment")


def _kept(problem: Problem, index: int) -> str:
    placed = replace(problem, path=(FIELD, str(index)))
    return dump({"kind": type(problem).__name__, "problem": placed})


def _not_as_seen(deployment: Deployment, order: Decide) -> RevisionConflict | None:
    expected, actual = order.expected_revision, deployment.revision
    if expected is None or expected == actual:
        return None
    message = (
        f"The workflow of its deployment is at revision {actual} now, and you looked at {expected}. "
        "Look at what has changed, and decide on that."
    )
    return RevisionConflict(message=message, expected=expected, actual=actual)


async def _decide_one(case: UseCaseContext, ledger: LockedDeployment, order: Decide, index: int) -> str:
    id_ = order.approval_ids[index]
    approval = (await store.by_ids([id_]))[id_]
    deployment, principal = ledger.deployment, case.principal
    place = {"environment_id": deployment.environment_id, "application_ids": deployment.application_ids}
    if not principal.allows(Role.VIEWER, **place):  # type: ignore[arg-type]
        return _kept(missing("approval", id_), index)
    problem = _not_as_seen(deployment, order) or core.why_not(approval, principal, order.verdict, ledger.now)
    if approval.overdue(ledger.now):
        await tick_and_enqueue(ledger)
    if problem is not None:
        return _kept(problem, index)
    await _store(case, ledger, approval, order)
    await tick_and_enqueue(ledger)
    await ledger.flush()
    return id_


async def _store(case: UseCaseContext, ledger: LockedDeployment, approval: Approval, order: Decide) -> None:
    """Store a decision, and let go on or end what it was about."""
    actor = case.principal.actor
    comment = await hidden(ledger.deployment.id, order.comment.strip())
    decision = Decision(actor_id=actor.id, actor_name=actor.name, verdict=order.verdict, comment=comment, at=ledger.now)
    status = core.decided(approval, order.verdict)
    await store.decide(approval, decision, status)
    ledger.record(ApprovalDecided(approval.id, order.verdict, comment))
    approval_requests.publish_changes(ledger, [approval.id])
    others = tuple(each for each in approval.decisions if each.actor_id != actor.id)
    after = replace(approval, status=status, decisions=(*others, decision))
    case.changed(approval.id, approval, after)
    if status is ApprovalStatus.REJECTED:
        reason = f"rejected by {actor.name}" + (f": {comment}" if comment else "")
        await reject_deployment(ledger, reason, roll_back=True, automatic=False)
    elif status is ApprovalStatus.APPROVED and approval.task_id is not None:
        await _let_go_on(ledger, approval, actor.id)


async def _let_go_on(ledger: LockedDeployment, approval: Approval, actor_id: str) -> None:
    """Let the task go on that was approved, or whose rollout was; the next tick starts or resumes it."""
    await ledger.flush()
    task = await ledger.task(approval.task_id or "")
    if task.status is not TaskStatus.WAITING_CONFIRM:
        return
    if approval.subject is ApprovalSubject.ROLLOUT_STEP:
        went_on = replace(
            task,
            status=TaskStatus.RUNNING,
            rollout=rollout.approve(task.rollout or Progress()),
            resume_at=ledger.now,
        )
    else:
        went_on = replace(task, status=TaskStatus.PENDING, confirmed_by=actor_id, confirmed_at=ledger.now)
    ledger.record_task_status(task.id, task.status, went_on.status)
    ledger.put_task(went_on)
    ledger.unit.note(task.id, task, went_on)


async def inbox(principal: Principal, now: datetime) -> list[Approval]:
    """Return what waits for somebody: everything that they may decide now and have not, the oldest first."""
    return [one for one, _ in await waiting() if awaits(one, principal, now)]


async def waiting() -> list[tuple[Approval, Deployment]]:
    """Return everything that waits for people, with its deployment, the oldest first."""
    approvals = await store.pending()
    deployments = await deployment_store.by_ids(list({one.deployment_id for one in approvals}))
    return [(one, deployments[one.deployment_id]) for one in approvals]


def awaits(one: Approval, principal: Principal, now: datetime) -> bool:
    """Whether somebody may decide: whoever wrote what is to be approved may only reject, and is not waited for."""
    return core.why_not(one, principal, Verdict.APPROVE, now) is None
