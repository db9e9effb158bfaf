"""What mutations answered for idempotency keys."""

from dataclasses import dataclass
from datetime import datetime

from app.store.codecs import dump, reader
from app.store.database import execute, fetch_one, take_turns


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was asked for under a key, and the ids of what it returned."""

    mutation: str
    fingerprint: str
    result: tuple[str, ...]


_read = reader(StoredAnswer, "result")


async def find(actor_id: str, key: str) -> StoredAnswer | None:
    """Return what was answered, if it was.

    Holds the key until the transaction ends: of two calls with one key at once, the second waits for the first.
    """
    await take_turns(f"{actor_id} {key}")
    row = await fetch_one(
        "SELECT mutation, fingerprint, result FROM idempotency_keys WHERE actor_id = $1 AND key = $2", actor_id, key
    )
    return _read(row) if row else None


async def keep(actor_id: str, key: str, answer: StoredAnswer, at: datetime) -> None:
    """Store an answer."""
    await execute(
        "INSERT INTO idempotency_keys (actor_id, key, mutation, fingerprint, result, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        actor_id,
        key,
        answer.mutation,
        answer.fingerprint,
        dump(answer.result),
        at,
    )


async def forget_before(at: datetime) -> int:
    """Remove the answers that were stored before `at`; return how many."""
    return await execute("DELETE FROM idempotency_keys WHERE created_at < $1", at)
