"""What a sweep looks for."""

from datetime import datetime
from hashlib import sha256

from app.core.deployment import ACTIVE
from app.core.workflow import BUILD_TYPES
from app.store.database import fetch

ENGINE = "engine"
KEY_LENGTH = 20


async def claim(now: datetime, last: datetime, what: str = ENGINE) -> bool:
    """Take the next sweep: True for one worker of all, once since `last`. It is no lock, so none can be left behind.

    `what` names what is swept, in any number of characters.
    """
    taken = await fetch(
        "INSERT INTO sweeps (id, at) VALUES ($1, $2)"
        " ON CONFLICT (id) DO UPDATE SET at = excluded.at WHERE sweeps.at <= $3 RETURNING id",
        what if what == ENGINE else sha256(what.encode()).hexdigest()[:KEY_LENGTH],
        now,
        last,
    )
    return bool(taken)


async def active_deployments() -> list[str]:
    """Return the ids of all deployments that a tick may move, oldest first."""
    rows = await fetch(
        "SELECT id FROM deployments WHERE status = ANY($1) ORDER BY id", [str(status) for status in ACTIVE]
    )
    return [row["id"] for row in rows]


async def expired_leases(now: datetime) -> list[tuple[str, str, int]]:
    """Return (deployment id, task id, attempt) of the attempts whose lease ran out."""
    rows = await fetch("SELECT deployment_id, id, attempt FROM tasks WHERE lease_until < $1", now)
    return [(row["deployment_id"], row["id"], row["attempt"]) for row in rows]


async def deployments_with_work(pool: str, now: datetime) -> list[str]:
    """Return the ids of the deployments in which a worker of `pool` may find a task to take, the oldest first.

    An approximation that leaves none out: whether it may take one is for a tick to say.
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
