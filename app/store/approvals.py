"""Approvals and decisions in the database.

Callers that change one hold the row lock of its deployment.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.core.approval import Approval, ApprovalStatus, Decision
from app.store import models
from app.store.codecs import reader
from app.store.database import execute, fetch
from app.store.paging import ChildRows

CHANGES = "approvals"
"""The topic on which the ids of changed approvals are published."""
AUTHORS = (
    "(SELECT json_agg(DISTINCT w.author_id) FROM (SELECT coalesce(max(x.revision), 0) AS approved FROM approvals x"
    " WHERE x.deployment_id = {deployment} AND x.subject = 'DEPLOYMENT' AND x.status = 'APPROVED' AND {before}) AS last"
    " CROSS JOIN LATERAL (SELECT coalesce(max(y.restores), 0) AS restored FROM workflow_revisions y"
    " WHERE y.deployment_id = {deployment} AND y.number > last.approved) AS back"
    " JOIN workflow_revisions w ON w.deployment_id = {deployment}"
    " AND (w.number = 1 OR w.number > last.approved OR w.number <= back.restored))"
)
"""Ids of the authors of what a deployment would run.

These are its creator and the author of each revision since the last approval {before}. If one of these restores an
older revision, the authors of all revisions up to that one are added.
"""
SELECT = (
    "SELECT a.id, a.deployment_id, p.environment_id, a.subject, a.task_id, a.rollout_step, a.revision, a.status,"
    " a.requested_at, a.expires_at, a.decided_at,"
    " (SELECT json_agg(b.application_id ORDER BY b.position) FROM deployment_applications b"
    " WHERE b.deployment_id = a.deployment_id) AS application_ids,"
    f" {AUTHORS.format(deployment='a.deployment_id', before='x.id < a.id')} AS authors,"
    " json_build_object('required_approvals', a.required_approvals,"
    " 'approver_roles', a.approver_roles, 'allow_self_approval', a.allow_self_approval,"
    " 'timeout_seconds', extract(epoch FROM a.expires_at - a.requested_at)::int, 'on_timeout', a.on_timeout) AS policy,"
    " (SELECT coalesce(json_agg(json_build_object('actor_id', d.actor_id, 'actor_name', n.name,"
    " 'verdict', d.verdict, 'comment', d.comment, 'at', d.at, 'counts', d.counts,"
    " 'held', (SELECT coalesce(json_agg(json_build_object('role', g.role, 'environment_id', g.environment_id,"
    " 'application_id', g.application_id)), '[]') FROM grants g WHERE g.actor_id = d.actor_id)) ORDER BY d.at, d.id),"
    " '[]') FROM approval_decisions d JOIN actors n ON n.id = d.actor_id WHERE d.approval_id = a.id) AS decisions"
    " FROM approvals a JOIN deployments p ON p.id = a.deployment_id"
)
_read = reader(Approval, "application_ids", "authors", "policy", "decisions")
OF_DEPLOYMENTS = ChildRows(SELECT, "approvals a", "a.deployment_id", "a.id", _read)
"""The approvals of deployments, the oldest first."""


async def open_approvals(deployment_id: str) -> tuple[Approval, ...]:
    """Return the approvals that a tick needs: pending ones, and given ones of the deployment as a whole."""
    rows = await fetch(
        f"{SELECT} WHERE a.deployment_id = $1"
        " AND (a.status = 'PENDING' OR (a.subject = 'DEPLOYMENT' AND a.status = 'APPROVED')) ORDER BY a.id",
        deployment_id,
    )
    return tuple(_read(row) for row in rows)


async def authors_of(deployment_id: str) -> frozenset[str]:
    """Return the ids of the authors of what a deployment would run, since it was last approved."""
    rows = await fetch(f"SELECT {AUTHORS.format(deployment='$1', before='true')} AS authors", deployment_id)
    return msgspec.json.decode(rows[0]["authors"], type=frozenset[str])


async def requested_task_ids(deployment_id: str) -> frozenset[str]:
    """Return the ids of those tasks of a deployment for which approval was ever requested."""
    rows = await fetch(
        "SELECT DISTINCT task_id FROM approvals WHERE deployment_id = $1 AND subject = 'TASK'", deployment_id
    )
    return frozenset(row["task_id"] for row in rows)


async def insert(approvals: Sequence[Approval]) -> None:
    """Store new approvals."""
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


async def deployment_ids(ids: Sequence[str]) -> dict[str, str]:
    """Return the deployments of the approvals that exist among `ids`, by the approvals' ids."""
    rows = await fetch("SELECT id, deployment_id FROM approvals WHERE id = ANY($1)", list(ids))
    return {row["id"]: row["deployment_id"] for row in rows}


async def of_deployments(deployment_ids: Sequence[str]) -> dict[str, list[Approval]]:
    """Return all approvals of each deployment, the oldest first."""
    approvals: dict[str, list[Approval]] = {id_: [] for id_ in deployment_ids}
    for row in await fetch(f"{SELECT} WHERE a.deployment_id = ANY($1) ORDER BY a.id", list(deployment_ids)):
        approvals[row["deployment_id"]].append(_read(row))
    return approvals


async def pending_of(deployment_ids: Sequence[str]) -> dict[str, tuple[Approval, ...]]:
    """Return the pending approvals of each deployment, the oldest first."""
    approvals: dict[str, tuple[Approval, ...]] = dict.fromkeys(deployment_ids, ())
    rows = await fetch(
        f"{SELECT} WHERE a.deployment_id = ANY($1) AND a.status = 'PENDING' ORDER BY a.id", list(deployment_ids)
    )
    for row in rows:
        approvals[row["deployment_id"]] += (_read(row),)
    return approvals


async def pending() -> list[Approval]:
    """Return all pending approvals, the oldest first."""
    return [_read(row) for row in await fetch(f"{SELECT} WHERE a.status = 'PENDING' ORDER BY a.id")]


async def decide(approval: Approval, decision: Decision, status: ApprovalStatus) -> None:
    """Store a decision, the new status of the approval, and which earlier decisions no longer count.

    A second decision of one actor replaces the first one, which did not count.
    """
    await execute(
        "INSERT INTO approval_decisions (approval_id, actor_id, verdict, comment, at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (approval_id, actor_id) DO UPDATE SET verdict = excluded.verdict, comment = excluded.comment,"
        " at = excluded.at, counts = true",
        approval.id,
        decision.actor_id,
        decision.verdict,
        decision.comment,
        decision.at,
    )
    discounted_ids = [earlier.actor_id for earlier in approval.decisions if not approval.counts(earlier)]
    if discounted_ids:
        await execute(
            "UPDATE approval_decisions SET counts = false WHERE approval_id = $1 AND actor_id = ANY($2)"
            " AND actor_id <> $3",
            approval.id,
            discounted_ids,
            decision.actor_id,
        )
    if status is not ApprovalStatus.PENDING:
        await close([approval.id], status, decision.at)


async def close(ids: Sequence[str], status: ApprovalStatus, at: datetime) -> None:
    """Store the final status of approvals."""
    await execute("UPDATE approvals SET status = $2, decided_at = $3 WHERE id = ANY($1)", list(ids), status, at)


async def withdraw_all(deployment_id: str, at: datetime) -> list[str]:
    """Cancel the pending approvals of a deployment that has ended; return their ids."""
    rows = await fetch(
        "UPDATE approvals SET status = 'CANCELLED', decided_at = $2 WHERE deployment_id = $1 AND status = 'PENDING'"
        " RETURNING id",
        deployment_id,
        at,
    )
    return [row["id"] for row in rows]
