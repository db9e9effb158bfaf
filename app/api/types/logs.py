"""Log lines."""

from datetime import datetime

import strawberry

from app.api.scalars import Cursor, cursor
from app.core import logs as core

LOG = "log"


@strawberry.type(description="A line that a task printed, or that Boreas said of it.")
class LogLine:
    cursor: Cursor
    timestamp: datetime
    level: core.LogLevel
    message: str
    attempt: int

    @classmethod
    def of(cls, line: core.LogLine) -> "LogLine":
        return cls(
            cursor=cursor(LOG, line.number),
            timestamp=line.timestamp,
            level=line.level,
            message=line.message,
            attempt=line.attempt,
        )


@strawberry.type(description="Some lines of a task's log, in order.")
class LogBatch:
    lines: list[LogLine]
    cursor: Cursor = strawberry.field(description="Send it as `after` to go on from here.")
    caught_up: bool = strawberry.field(description="Whether nothing newer was stored when this was sent.")
