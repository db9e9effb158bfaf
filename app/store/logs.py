"""Task logs: numbered per task without gaps, written in chunks, fenced by the writing attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from app.core.escapes import KEPT
from app.core.log_levels import LogLevel
from app.core.logs import LogFilter, LogLine, LogRange
from app.store.codecs import encode_json
from app.store.database import Row, fetch, fetch_one

SELECT = "SELECT task_id, number, at AS timestamp, level, message, attempt FROM task_logs"


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line without a number."""

    at: datetime
    level: LogLevel
    message: str


SHOWN = f"CASE WHEN strpos(message, chr(27)) > 0 THEN regexp_replace(message, '{KEPT}', '', 'g') ELSE message END"
"""A message without its escape sequences."""
MATCHES = (
    "($2::text[] IS NULL OR level = ANY($2))"
    f" AND ($3::text IS NULL OR strpos(lower({SHOWN}), lower($3)) > 0) AND ($4::int IS NULL OR attempt = $4)"
)


def filter_values(filter_: LogFilter) -> list[object]:
    """Return the parameters of `MATCHES`, from $2 on."""
    levels = None if filter_.levels is None else [str(level) for level in filter_.levels]
    return [levels, filter_.contains, filter_.attempt]


def topic(task_id: str) -> str:
    """Return the topic on which a task's log lines are published."""
    return f"logs:{task_id}"


async def append(
    task_id: str, attempt: int, worker: str, lines: Sequence[NewLine], *, size: int = 0, truncated: bool = False
) -> int | None:
    """Append lines to a task's log.

    Return the number of the first; None if the worker has lost the attempt.

    `size` is the size of the lines that counts towards the task's limit; `truncated` tells that the limit was reached.
    One statement takes the numbers and writes the lines, so a worker without the lease can do neither. The position in
    the deployment's order is taken last, so that other tasks' writers wait for its lock only until the commit.
    """
    row = await fetch_one(
        "WITH head AS (UPDATE tasks SET last_log = last_log + $4, log_bytes = log_bytes + $8,"
        " logs_truncated = logs_truncated OR $9 WHERE id = $1 AND attempt = $2 AND worker = $3"
        " RETURNING deployment_id, last_log), written AS (INSERT INTO task_logs"
        " (task_id, number, at, level, message, attempt) SELECT $1, head.last_log - $4 + line.index, line.at,"
        " line.level, line.message, $2 FROM head, unnest($5::timestamptz[], $6::text[], $7::text[]) WITH ORDINALITY"
        " AS line(at, level, message, index) RETURNING 1), counted AS (SELECT count(*) AS lines FROM written),"
        " place AS (INSERT INTO deployment_logs (deployment_id, position)"
        " SELECT deployment_id, lines FROM head, counted ON CONFLICT (deployment_id)"
        " DO UPDATE SET position = deployment_logs.position + EXCLUDED.position"
        " RETURNING position), chunk AS (INSERT INTO log_chunks (deployment_id, position, task_id, last_number, lines)"
        " SELECT deployment_id, position, $1, last_log, lines FROM head, counted, place)"
        " SELECT last_log - $4 + 1 AS first FROM head",
        task_id,
        attempt,
        worker,
        len(lines),
        [line.at for line in lines],
        [str(line.level) for line in lines],
        [line.message for line in lines],
        size,
        truncated,
    )
    return int(row["first"]) if row else None


async def last(task_id: str, attempt: int, worker: str) -> int | None:
    """Return the number of a task's last line; None if the worker has lost the attempt."""
    row = await fetch_one(
        "SELECT last_log FROM tasks WHERE id = $1 AND attempt = $2 AND worker = $3", task_id, attempt, worker
    )
    return int(row["last_log"]) if row else None


def read(row: Row) -> LogLine:
    """Make a line of a row."""
    return LogLine(row["number"], row["timestamp"], LogLevel(row["level"]), row["message"], row["attempt"])


async def pages(task_ids: Sequence[str], filter_: LogFilter, range_: LogRange) -> dict[str, list[LogLine]]:
    """Return the matching lines of a range of each task's log, in order."""
    rows = await fetch(
        "SELECT line.* FROM unnest($1::text[]) AS task(id) CROSS JOIN LATERAL ("
        f"{SELECT} WHERE task_id = task.id AND {MATCHES} AND number > $5 AND ($6::bigint IS NULL OR number < $6)"
        f" ORDER BY number {'ASC' if range_.oldest else 'DESC'} LIMIT $7) AS line",
        list(task_ids),
        *filter_values(filter_),
        range_.after,
        range_.before,
        range_.limit,
    )
    lines: dict[str, list[LogLine]] = {id_: [] for id_ in task_ids}
    for row in rows:
        lines[row["task_id"]].append(read(row))
    return lines if range_.oldest else {id_: newest_first[::-1] for id_, newest_first in lines.items()}


async def counts(task_ids: Sequence[str], filter_: LogFilter) -> dict[str, int]:
    """Return how many lines of each task match. With a filter, only the last `reach` lines are searched."""
    if filter_.open:
        rows = await fetch("SELECT id, last_log AS n FROM tasks WHERE id = ANY($1)", list(task_ids))
    else:
        rows = await fetch(
            "SELECT task.id, (SELECT count(*) FROM task_logs WHERE task_id = task.id AND number > task.last_log - $5"
            f" AND {MATCHES}) AS n FROM tasks AS task WHERE id = ANY($1)",
            list(task_ids),
            *filter_values(filter_),
            filter_.reach,
        )
    return {row["id"]: row["n"] for row in rows}


_decode_lines = msgspec.json.Decoder(list[LogLine]).decode


def encode(lines: Sequence[LogLine]) -> bytes:
    """Return a message with lines of one task; one without lines says that the task has ended."""
    return encode_json(lines)


def decode(message: bytes) -> list[LogLine]:
    """Return the lines of a message."""
    return _decode_lines(message)
