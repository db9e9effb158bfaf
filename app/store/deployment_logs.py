"""The logs of all tasks of a deployment in one order: that in which their batches were committed.

A batch takes its place under a row lock which it holds until its commit, so places become visible in their order and
without a gap. Each line of it has a position, counted from 1 within the deployment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.logs import LogFilter, TaskLogLine
from app.store.database import fetch, fetch_one
from app.store.logs import MATCHES, filter_values, read

CHUNKS = 200
CHUNKS_FILTERED = 2000
"""Batches that are looked at at once; a batch has at most some 2,000 lines, and often a few."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of a task that were written at once: those up to `last_number`, which stands at `position`."""

    position: int
    task_id: str
    last_number: int
    lines: int


def topic(deployment_id: str) -> str:
    """Return the topic on which is told, without saying what, that there may be more in the log of a deployment."""
    return f"deployment-logs:{deployment_id}"


async def head(deployment_id: str) -> int:
    """Return the position of the last line of a deployment, 0 when there is none."""
    row = await fetch_one("SELECT position FROM deployment_logs WHERE deployment_id = $1", deployment_id)
    return int(row["position"]) if row else 0


async def chunks(deployment_id: str, after: int, limit: int) -> list[Chunk]:
    """Return the next `limit` batches that end behind a position, in order."""
    rows = await fetch(
        "SELECT position, task_id, last_number, lines FROM log_chunks WHERE deployment_id = $1 AND position > $2"
        " ORDER BY position LIMIT $3",
        deployment_id,
        after,
        limit,
    )
    return [Chunk(row["position"], row["task_id"], row["last_number"], row["lines"]) for row in rows]


async def lines(found: Sequence[Chunk], after: int, wanted: LogFilter, limit: int) -> list[TaskLogLine]:
    """Return up to `limit` wanted lines of batches behind a position, in order."""
    rows = await fetch(
        "SELECT chunk.position - chunk.last_number + line.number AS position, line.* FROM unnest($5::bigint[],"
        " $6::text[], $7::bigint[], $8::int[]) AS chunk(position, task_id, last_number, lines) CROSS JOIN LATERAL"
        " (SELECT task_id, number, at AS timestamp, level, message, attempt FROM task_logs"
        " WHERE task_id = chunk.task_id AND number <= chunk.last_number AND number > chunk.last_number - chunk.lines"
        f" AND number > $1 - chunk.position + chunk.last_number AND {MATCHES}) AS line"
        " ORDER BY 1 LIMIT $9",
        after,
        *filter_values(wanted),
        [chunk.position for chunk in found],
        [chunk.task_id for chunk in found],
        [chunk.last_number for chunk in found],
        [chunk.lines for chunk in found],
        limit,
    )
    return [TaskLogLine(row["position"], row["task_id"], read(row)) for row in rows]
