"""Approvals and decisions in the database. Whoever changes one holds its deployment's row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from app.core.approval import Approval, ApprovalPolicy, ApprovalStatus, Decision
from app.store import models
from app.store.convert import reader
from app.store.database import execute, fetch, fetch_one

CHANGES = "approvals"
"""The topic on which the ids of approvals are published that have changed."""
SELECT = (
    "SELECT a.id, a.deployment_id, a.subject, a.task_id, a.rollout_step, a.revision, a.status, a.requested_at,"
    " a.expires_at, a.decided_at, json_build_object('required_approvals', a.required_approvals,"
    " 'approver_roles', a.approver_roles, 'allow_self_approval', a.allow_self_approval,"
    " 'timeout_seconds', extract(epoch FROM a.expires_at - a.requested_at)::int, 'on_timeout', a.on_timeout) AS policy,"
    " (SELECT coalesce(json_agg(json_build_object('actor_id', d.actor_id, 'actor_name', p.name,"
    " 'verdict', d.verdict, 'comment', d.comment, 'at', d.at) ORDER BY d.id), '[]')"
    " FROM approval_decisions d JOIN actors p ON p.id = d.actor_id WHERE d.approval_id = a.id) AS decisions"
    " FROM approvals a"
)
_read = reader(Approval, "policy", "decisions")


@dataclass(frozen=True, slots=True)
class Asking:
    """What a tick needs to know of a deployment's approvals: the policy of its environment, what is pending, and what
    was approved of the deployment itself.
    """

    policy: ApprovalPolicy | None
    approvals: tuple[Approval, ...]


async def asking(deployment_id: str) -> Asking:
    """Return how a held deployment stands with people."""
    row = await fetch_one(
        "SELECT e.approval_policy, EXISTS (SELECT 1 FROM approvals a WHERE a.deployment_id = d.id) AS asked"
        " FROM deployments d JOIN environments e ON e.id = d.environment_id WHERE d.id = $1",
        deployment_id,
    )
    if row is None:
        return Asking(None, ())
    text = row["approval_policy"]
    policy = msgspec.json.decode(text, type=ApprovalPolicy | None) if text else None
    if not row["asked"]:
        return Asking(policy, ())
    rows = await fetch(
        f"{SELECT} WHERE a.deployment_id = $1"
        " AND (a.status = 'PENDING' OR (a.subject = 'DEPLOYMENT' AND a.status = 'APPROVED')) ORDER BY a.id",
        deployment_id,
    )
    return Asking(policy, tuple(_read(row) for row in rows))


async def insert(approvals: Sequence[Approval]) -> None:
    """Store approvals that are asked for."""
    await models.Approval.bulk_create(
        models.Approval(
            id=approval.id,
            deployment_id=approval.deployment_id,
            subject=approval.subject,
            task_id=approval.task_id,
            rollout_step=approval.rollout_step,
            revision=approval.revision,
            status=approval.status,
            required_approvals=approval.policy.required_approvals,
            approver_roles=[str(role) for role in approval.policy.approver_roles],
            allow_self_approval=approval.policy.allow_self_approval,
            on_timeout=approval.policy.on_timeout,
            requested_at=approval.requested_at,
            expires_at=approval.expires_at,
        )
        for approval in approvals
    )


async def by_ids(ids: Sequence[str]) -> dict[str, Approval]:
    """Return the approvals that exist among `ids`, by id."""
    return {row["id"]: _read(row) for row in await fetch(f"{SELECT} WHERE a.id = ANY($1)", list(ids))}


async def of_deployments(deployment_ids: Sequence[str]) -> dict[str, list[Approval]]:
    """Return every approval that was asked for in each deployment, the first one first."""
    found: dict[str, list[Approval]] = {id_: [] for id_ in deployment_ids}
    for row in await fetch(f"{SELECT} WHERE a.deployment_id = ANY($1) ORDER BY a.id", list(deployment_ids)):
        found[row["deployment_id"]].append(_read(row))
    return found


async def pending_of(deployment_ids: Sequence[str]) -> dict[str, tuple[Approval, ...]]:
    """Return what each deployment waits for people for, the first one first."""
    found: dict[str, tuple[Approval, ...]] = dict.fromkeys(deployment_ids, ())
    rows = await fetch(
        f"{SELECT} WHERE a.deployment_id = ANY($1) AND a.status = 'PENDING' ORDER BY a.id", list(deployment_ids)
    )
    for row in rows:
        found[row["deployment_id"]] += (_read(row),)
    return found


async def pending() -> list[Approval]:
    """Return everything that waits for people, the oldest first."""
    return [_read(row) for row in await fetch(f"{SELECT} WHERE a.status = 'PENDING' ORDER BY a.id")]


async def decide(approval_id: str, decision: Decision, status: ApprovalStatus) -> None:
    """Store a decision, and where it leaves the approval."""
    await execute(
        "INSERT INTO approval_decisions (approval_id, actor_id, verdict, comment, at) VALUES ($1, $2, $3, $4, $5)",
        approval_id,
        decision.actor_id,
        decision.verdict,
        decision.comment,
        decision.at,
    )
    if status is not ApprovalStatus.PENDING:
        await end([approval_id], status, decision.at)


async def end(ids: Sequence[str], status: ApprovalStatus, at: datetime) -> None:
    """Store that approvals are not pending any more."""
    await execute("UPDATE approvals SET status = $2, decided_at = $3 WHERE id = ANY($1)", list(ids), status, at)


async def withdraw_all(deployment_id: str, at: datetime) -> list[str]:
    """Store that nothing of a deployment that has ended waits for people; return the ids of what did."""
    rows = await fetch(
        "UPDATE approvals SET status = 'CANCELLED', decided_at = $2 WHERE deployment_id = $1 AND status = 'PENDING'"
        " RETURNING id",
        deployment_id,
        at,
    )
    return [row["id"] for row in rows]
