"""What comes of an attempt: how it ended, and where that leaves its task."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.core import retry
from app.core.task import Activity, Task, TaskStatus


class Ending(StrEnum):
    """How an attempt ended.

    LOST: its worker died or fell silent, which is nobody's failure. RETURNED: its worker was told to stop and handed
    it back, which happens at every restart and is not even counted. STOPPED: a person ended it. LEFT: an undo found
    nothing that it could do, and left the application as it is.
    """

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    LOST = "LOST"
    RETURNED = "RETURNED"
    STOPPED = "STOPPED"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt gave. `exit_code` is the command's; `message` says what went wrong."""

    ending: Ending
    message: str | None = None
    exit_code: int | None = None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Where an outcome leaves a task, and how its attempt is recorded.

    `status` equals the task's own while an undo that failed or was lost leaves it as it is. `undo_error` is set when
    an undo failed for good.
    """

    status: TaskStatus
    attempt_status: TaskStatus
    failures: int
    losses: int
    retry_at: datetime | None = None
    error_message: str | None = None
    undo_error: str | None = None
    touched: bool


ATTEMPT_STATUS = {
    Ending.SUCCEEDED: TaskStatus.SUCCESS,
    Ending.FAILED: TaskStatus.FAILED,
    Ending.LOST: TaskStatus.CANCELLED,
    Ending.RETURNED: TaskStatus.CANCELLED,
    Ending.STOPPED: TaskStatus.CANCELLED,
    Ending.LEFT: TaskStatus.SKIPPED,
}


def settle(task: Task, outcome: Outcome, now: datetime, chance: float) -> Settlement:
    """Say where `outcome` of the attempt in hand leaves `task`. `chance` (0 to 1) spreads the back-off."""
    if task.activity is Activity.UNDO:
        return _settle_undo(task, outcome)
    failures = task.failures + (outcome.ending is Ending.FAILED)
    losses = task.losses + (outcome.ending is Ending.LOST)
    status = _next_status(task, outcome, failures, losses)
    retry_at = None
    if status is TaskStatus.PENDING and outcome.ending is Ending.FAILED:
        retry_at = now + timedelta(seconds=retry.backoff(failures, chance))
    return Settlement(
        status=status,
        attempt_status=ATTEMPT_STATUS[outcome.ending],
        failures=failures,
        losses=losses,
        retry_at=retry_at,
        error_message=(task.error_message if status is TaskStatus.CANCELLED else None) or outcome.message,
        touched=task.touched,
    )


def _next_status(task: Task, outcome: Outcome, failures: int, losses: int) -> TaskStatus:
    if outcome.ending is Ending.SUCCEEDED:
        return TaskStatus.SUCCESS
    if task.stop or outcome.ending is Ending.STOPPED:
        return TaskStatus.CANCELLED
    if outcome.ending is Ending.RETURNED:
        return TaskStatus.PENDING
    if outcome.ending is Ending.LOST:
        return TaskStatus.PENDING if losses <= retry.MAX_LOSSES else TaskStatus.FAILED
    return TaskStatus.PENDING if failures < task.max_attempts else TaskStatus.FAILED


def _settle_undo(task: Task, outcome: Outcome) -> Settlement:
    losses = task.losses + (outcome.ending is Ending.LOST)
    undone = outcome.ending is Ending.SUCCEEDED
    settled = undone or outcome.ending is Ending.LEFT
    again = outcome.ending is Ending.RETURNED or (outcome.ending is Ending.LOST and losses <= retry.MAX_LOSSES)
    return Settlement(
        status=TaskStatus.ROLLED_BACK if undone and task.status is not TaskStatus.SKIPPED else task.status,
        attempt_status=TaskStatus.ROLLED_BACK if undone else ATTEMPT_STATUS[outcome.ending],
        failures=task.failures,
        losses=losses,
        error_message=task.error_message,
        undo_error=None if settled or again else outcome.message or "it was stopped",
        touched=not settled,
    )


def abandon_rollback(settled: Settlement) -> Settlement:
    """Return where a task is left that was cancelled and could not be brought back: it stays so, and says it."""
    told = f"it could not be brought back, and is left half way: {settled.undo_error}"
    return replace(settled, touched=False, error_message="; ".join(filter(None, [settled.error_message, told])))
