"""Queries of the sweep: whose turn it is, and which deployments and tasks need attention."""

from datetime import datetime
from hashlib import sha256

from app.core.deployment import ACTIVE
from app.core.workflow import BUILD_TYPES
from app.store.database import fetch

ENGINE = "engine"
KEY_LENGTH = 20


async def claim(now: datetime, last: datetime, kind: str = ENGINE) -> bool:
    """Claim the next sweep. Returns True to one worker only, unless a sweep was claimed after `last`.

    No lock is involved, so none can be left behind by a crash. `kind` names what is swept, at any length.
    """
    claimed = await fetch(
        "INSERT INTO sweeps (id, at) VALUES ($1, $2)"
        " ON CONFLICT (id) DO UPDATE SET at = excluded.at WHERE sweeps.at <= $3 RETURNING id",
        kind if kind == ENGINE else sha256(kind.encode()).hexdigest()[:KEY_LENGTH],
        now,
        last,
    )
    return bool(claimed)


async def active_deployments() -> list[str]:
    """Return the ids of the active deployments, the oldest first."""
    rows = await fetch(
        "SELECT id FROM deployments WHERE status = ANY($1) ORDER BY id", [str(status) for status in ACTIVE]
    )
    return [row["id"] for row in rows]


async def expired_leases(now: datetime) -> list[tuple[str, str, int]]:
    """Return (deployment id, task id, attempt) of the attempts whose lease has expired."""
    rows = await fetch("SELECT deployment_id, id, attempt FROM tasks WHERE lease_until < $1", now)
    return [(row["deployment_id"], row["id"], row["attempt"]) for row in rows]


async def deployments_with_work(pool: str, now: datetime) -> list[str]:
    """Return the ids of deployments that may have a task for a worker of `pool`, the oldest first.

    The list may have too many but never too few: the tick decides whether a task can be claimed.
    """
    rows = await fetch(
        "SELECT d.id FROM deployments d JOIN environments e ON e.id = d.environment_id"
        " WHERE $1 IN (e.worker_pool, e.build_pool) AND d.status IN ('RUNNING', 'ROLLING_BACK') AND EXISTS ("
        " SELECT 1 FROM tasks t WHERE t.deployment_id = d.id AND t.worker IS NULL"
        " AND $1 = CASE WHEN t.type = ANY($3) THEN coalesce(e.build_pool, e.worker_pool) ELSE e.worker_pool END AND ("
        " (d.status = 'RUNNING' AND NOT d.paused AND t.status = 'PENDING'"
        " AND (t.retry_at IS NULL OR t.retry_at <= $2))"
        " OR (t.activity IS NOT NULL AND t.status <> 'WAITING_CONFIRM' AND (t.resume_at IS NULL OR t.resume_at <= $2))"
        " OR (d.status = 'ROLLING_BACK' AND t.touched))) ORDER BY d.id",
        pool,
        now,
        [str(type_) for type_ in BUILD_TYPES],
    )
    return [row["id"] for row in rows]
