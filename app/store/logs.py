"""Task logs: numbered per task without a gap, written in batches, fenced by the attempt that writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from app.core.logs import LogLevel, LogLine
from app.store.convert import encode_json, reader
from app.store.database import fetch, fetch_one

SELECT = "SELECT number, at AS timestamp, level, message, attempt FROM task_logs"
_read = reader(LogLine)


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line that has no number yet."""

    at: datetime
    level: LogLevel
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which lines are wanted: None admits all. `contains` ignores case."""

    levels: tuple[LogLevel, ...] | None = None
    contains: str | None = None
    attempt: int | None = None

    @property
    def open(self) -> bool:
        """Whether every line passes."""
        return self.levels is None and self.contains is None and self.attempt is None

    def admits(self, line: LogLine) -> bool:
        """Tell whether a line passes, as the database would."""
        return (
            (self.levels is None or line.level in self.levels)
            and (self.contains is None or self.contains.lower() in line.message.lower())
            and (self.attempt is None or line.attempt == self.attempt)
        )


MATCHES = (
    "task_id = $1 AND ($2::text[] IS NULL OR level = ANY($2))"
    " AND ($3::text IS NULL OR strpos(lower(message), lower($3)) > 0) AND ($4::int IS NULL OR attempt = $4)"
)


def _values(task_id: str, wanted: LogFilter) -> list[object]:
    levels = None if wanted.levels is None else [str(level) for level in wanted.levels]
    return [task_id, levels, wanted.contains, wanted.attempt]


def topic(task_id: str) -> str:
    """Return the topic on which a task's log lines are published."""
    return f"logs:{task_id}"


async def append(task_id: str, attempt: int, worker: str, lines: Sequence[NewLine]) -> int | None:
    """Store lines behind the task's last one. Return the number of the first, None when the attempt is not ours.

    One statement takes the numbers and writes the lines: a worker that lost its lease can write neither.
    """
    row = await fetch_one(
        "WITH head AS (UPDATE tasks SET last_log = last_log + $4 WHERE id = $1 AND attempt = $2 AND worker = $3"
        " RETURNING last_log - $4 AS base), written AS (INSERT INTO task_logs"
        " (task_id, number, at, level, message, attempt) SELECT $1, head.base + line.index, line.at, line.level,"
        " line.message, $2 FROM head, unnest($5::timestamptz[], $6::text[], $7::text[]) WITH ORDINALITY"
        " AS line(at, level, message, index)) SELECT base + 1 AS first FROM head",
        task_id,
        attempt,
        worker,
        len(lines),
        [line.at for line in lines],
        [str(line.level) for line in lines],
        [line.message for line in lines],
    )
    return int(row["first"]) if row else None


async def page(
    task_id: str, wanted: LogFilter, *, after: int, before: int | None, limit: int, oldest: bool
) -> list[LogLine]:
    """Return up to `limit` lines between two numbers, counted from the oldest end or from the newest; in order."""
    rows = await fetch(
        f"{SELECT} WHERE {MATCHES} AND number > $5 AND ($6::bigint IS NULL OR number < $6)"
        f" ORDER BY number {'ASC' if oldest else 'DESC'} LIMIT $7",
        *_values(task_id, wanted),
        after,
        before,
        limit,
    )
    found = [_read(row) for row in rows]
    return found if oldest else found[::-1]


async def count(task_id: str, wanted: LogFilter) -> int:
    """Return how many lines match."""
    row = await fetch_one(f"SELECT count(*) AS n FROM task_logs WHERE {MATCHES}", *_values(task_id, wanted))  # noqa: S608
    return int(row["n"]) if row else 0


_decode_lines = msgspec.json.Decoder(list[LogLine]).decode


def encode(lines: Sequence[LogLine]) -> bytes:
    """Return a message that carries lines of one task; without lines it tells that the task has ended."""
    return encode_json(lines)


def decode(message: bytes) -> list[LogLine]:
    """Return the lines that a message carries."""
    return _decode_lines(message)
