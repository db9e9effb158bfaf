"""Heartbeats of worker processes, from which the API knows whether a pool is served."""

from collections.abc import Sequence
from datetime import datetime

from app.store.database import execute, fetch


async def heartbeat(worker: str, pool: str, at: datetime) -> None:
    """Store that a worker was alive at a moment."""
    await execute(
        "INSERT INTO workers (id, pool, started_at, seen_at) VALUES ($1, $2, $3, $3)"
        " ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
        worker,
        pool,
        at,
    )


async def remove(worker: str) -> None:
    """Delete a worker that has stopped."""
    await execute("DELETE FROM workers WHERE id = $1", worker)


async def served_pools(pools: Sequence[str], since: datetime) -> set[str]:
    """Return those of the pools that a worker seen after `since` serves."""
    rows = await fetch("SELECT DISTINCT pool FROM workers WHERE pool = ANY($1) AND seen_at > $2", list(pools), since)
    return {row["pool"] for row in rows}


async def delete_before(at: datetime) -> int:
    """Delete the workers that were last seen before `at`; return how many."""
    return await execute("DELETE FROM workers WHERE seen_at < $1", at)
