"""The logs of all tasks of a deployment, in the order in which chunks of lines were committed.

A chunk gets its position under a row lock that is held until the commit, so positions become visible in order and
without gaps. Each line has a position, counted from 1 within the deployment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.logs import LogFilter, TaskLogLine
from app.store.database import fetch, fetch_one
from app.store.logs import MATCHES, filter_values, read

CHUNKS = 200
CHUNKS_FILTERED = 2000
"""Chunks that one query reads, without and with a filter.

A chunk has at most about 2,000 lines, often only a few.
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of a task that were stored at once: `lines` of them, up to `last_number` at `position`."""

    position: int
    task_id: str
    last_number: int
    lines: int


def topic(deployment_id: str) -> str:
    """Return the topic whose messages say, without content, that a deployment's log may have new lines."""
    return f"deployment-logs:{deployment_id}"


async def head(deployment_id: str) -> int:
    """Return the position of a deployment's last line; 0 without lines."""
    row = await fetch_one("SELECT position FROM deployment_logs WHERE deployment_id = $1", deployment_id)
    return int(row["position"]) if row else 0


async def chunks(deployment_id: str, after: int, limit: int) -> list[Chunk]:
    """Return the next `limit` chunks that end behind a position, in order."""
    rows = await fetch(
        "SELECT position, task_id, last_number, lines FROM log_chunks WHERE deployment_id = $1 AND position > $2"
        " ORDER BY position LIMIT $3",
        deployment_id,
        after,
        limit,
    )
    return [Chunk(row["position"], row["task_id"], row["last_number"], row["lines"]) for row in rows]


async def lines(of_chunks: Sequence[Chunk], after: int, filter_: LogFilter, limit: int) -> list[TaskLogLine]:
    """Return up to `limit` matching lines of chunks behind a position, in order."""
    rows = await fetch(
        "SELECT chunk.position - chunk.last_number + line.number AS position, line.* FROM unnest($5::bigint[],"
        " $6::text[], $7::bigint[], $8::int[]) AS chunk(position, task_id, last_number, lines) CROSS JOIN LATERAL"
        " (SELECT task_id, number, at AS timestamp, level, message, attempt FROM task_logs"
        " WHERE task_id = chunk.task_id AND number <= chunk.last_number AND number > chunk.last_number - chunk.lines"
        f" AND number > $1 - chunk.position + chunk.last_number AND {MATCHES}) AS line"
        " ORDER BY 1 LIMIT $9",
        after,
        *filter_values(filter_),
        [chunk.position for chunk in of_chunks],
        [chunk.task_id for chunk in of_chunks],
        [chunk.last_number for chunk in of_chunks],
        [chunk.lines for chunk in of_chunks],
        limit,
    )
    return [TaskLogLine(row["position"], row["task_id"], read(row)) for row in rows]
