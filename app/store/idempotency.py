"""Results of mutations by idempotency key, so that a repeated call returns the first result."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from app.core.errors import Forbidden, NotFound, Problem, RevisionConflict, WrongState
from app.store.codecs import dump
from app.store.database import execute, fetch_one, lock_name

PROBLEMS: Mapping[str, type[Problem]] = {
    kind.__name__: kind for kind in (NotFound, Forbidden, WrongState, RevisionConflict)
}
"""Problems that a stored result may hold, by the name under which they are stored."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A mutation, the fingerprint of its command, and its result: the ids that it returned, and problems."""

    mutation: str
    fingerprint: str
    ids: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


async def find(actor_id: str, key: str) -> StoredAnswer | None:
    """Return the stored answer of a key, if there is one.

    Locks the key until the transaction ends: of two concurrent calls with one key, the second waits for the first.
    """
    await lock_name(f"{actor_id} {key}")
    row = await fetch_one(
        "SELECT mutation, fingerprint, result FROM idempotency_keys WHERE actor_id = $1 AND key = $2", actor_id, key
    )
    return StoredAnswer(row["mutation"], row["fingerprint"], *_decode(row["result"])) if row else None


async def save(actor_id: str, key: str, answer: StoredAnswer, at: datetime) -> None:
    """Store the answer of a key."""
    await execute(
        "INSERT INTO idempotency_keys (actor_id, key, mutation, fingerprint, result, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        actor_id,
        key,
        answer.mutation,
        answer.fingerprint,
        _encode(answer),
        at,
    )


def _encode(answer: StoredAnswer) -> str:
    problems = [{"kind": type(problem).__name__, "problem": problem} for problem in answer.problems]
    return dump({"ids": answer.ids, "problems": problems})


def _decode(stored: str) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Return ids and problems. Older releases stored one list of both, each problem as JSON in a string."""
    result = msgspec.json.decode(stored)
    if isinstance(result, list):
        ids = [item for item in result if not item.startswith("{")]
        problems = [msgspec.json.decode(item) for item in result if item.startswith("{")]
    else:
        ids, problems = result["ids"], result["problems"]
    return tuple(ids), tuple(map(_problem, problems))


def _problem(stored: dict[str, Any]) -> Problem:
    return msgspec.convert(stored["problem"], PROBLEMS[stored["kind"]])


async def delete_before(at: datetime) -> int:
    """Delete the answers that were stored before `at`; return how many."""
    return await execute("DELETE FROM idempotency_keys WHERE created_at < $1", at)
