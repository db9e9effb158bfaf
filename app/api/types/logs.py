"""Log lines."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.context import Info
from app.api.scalars import Cursor, encode_cursor
from app.api.types.common import Page, Window
from app.api.types.references import require
from app.core import logs as core
from app.core.log_levels import LogLevel
from app.core.validation import bounds
from app.services.use_cases import refuse_if

if TYPE_CHECKING:
    from app.api.types.tasks import Task

LOG = "log"
DEPLOYMENT_LOG = "deployment-log"


def log_filter(levels: Sequence[LogLevel] | None, contains: str | None, attempt: int | None = None) -> core.LogFilter:
    """Return a filter of log lines. Null and an empty text match all, an empty list none. Raises Refused."""
    refuse_if(bounds.search(contains, "contains"))
    distinct_levels = None if levels is None else tuple(dict.fromkeys(levels))
    return core.LogFilter(levels=distinct_levels, contains=contains or None, attempt=attempt)


@strawberry.type(description="A line that a task printed, or that Boreas added to its log.")
class LogLine:
    cursor: Cursor
    timestamp: datetime
    level: LogLevel
    message: str
    attempt: int

    @classmethod
    def of(cls, line: core.LogLine) -> "LogLine":
        return cls(
            cursor=encode_cursor(LOG, line.number),
            timestamp=line.timestamp,
            level=line.level,
            message=line.message,
            attempt=line.attempt,
        )


def log_page(
    window: Window, requested: core.LogRange, searched: core.LogRange, rows: Sequence[core.LogLine]
) -> Page[LogLine]:
    """Return the page of a window from the lines found in the part that was searched.

    If the requested part is larger, the page says that there is more, and where to continue.
    """
    lines, has_previous, has_next = window.cut(rows)
    cursors = [encode_cursor(LOG, line.number) for line in lines]
    start = end = None
    if not has_next and searched.before != requested.before and searched.before is not None:
        has_next, end = True, encode_cursor(LOG, searched.before - 1)
    if not has_previous and searched.after != requested.after:
        has_previous, start = True, encode_cursor(LOG, searched.after + 1)
    return Page([LogLine.of(line) for line in lines], cursors, has_previous, has_next, start, end)


@strawberry.type(description="A batch of lines of a task's log, in order.")
class LogBatch:
    lines: list[LogLine]
    cursor: Cursor = strawberry.field(description="The cursor to send as `after` to continue from here.")
    caught_up: bool = strawberry.field(description="Whether no newer line was stored when this was sent.")


@strawberry.type(description="A line of a deployment's log, with its task.")
class TaskLogLine:
    task_id: strawberry.Private[str]
    line: LogLine = strawberry.field(description="The line. Its cursor belongs to the log of the task.")

    @strawberry.field(description="The task as it is now, which may be later than the line.")
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.api.types.tasks")]:
        return await require(info, "Task", self.task_id)

    @classmethod
    def of(cls, line: core.TaskLogLine) -> "TaskLogLine":
        return cls(task_id=line.task_id, line=LogLine.of(line.line))


@strawberry.type(description="A batch of lines of all tasks of a deployment, in the order in which they were stored.")
class DeploymentLogBatch:
    lines: list[TaskLogLine]
    cursor: Cursor = strawberry.field(description="The cursor to send as `after` to continue from here.")
    caught_up: bool = strawberry.field(description="Whether no newer line was stored when this was sent.")
