"""The end of an attempt: how it ended, and the state that it leaves its task in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.core import retry
from app.core.task import Activity, Task, TaskStatus


class Ending(StrEnum):
    """How an attempt ended.

    LOST: its worker died or lost its lease, which does not count as a failure. RETURNED: its worker shut down and
    handed it back, which does not count at all. STOPPED: a person stopped it. LEFT: an undo had no way to undo the
    application, and left it as it is.
    """

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    LOST = "LOST"
    RETURNED = "RETURNED"
    STOPPED = "STOPPED"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt. `exit_code` is that of the command; `message` says what went wrong."""

    ending: Ending
    message: str | None = None
    exit_code: int | None = None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The state that an outcome leaves a task in, and the status that its attempt is stored with.

    `status` is the task's own while an undo that failed or was lost leaves it unchanged. `undo_error` is set when an
    undo failed for good.
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
    """Return the state that an outcome leaves its task in. `chance` (0 to 1) spreads the back-off."""
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
    is_final = undone or outcome.ending is Ending.LEFT
    retries = outcome.ending is Ending.RETURNED or (outcome.ending is Ending.LOST and losses <= retry.MAX_LOSSES)
    return Settlement(
        status=TaskStatus.ROLLED_BACK if undone and task.status is not TaskStatus.SKIPPED else task.status,
        attempt_status=TaskStatus.ROLLED_BACK if undone else ATTEMPT_STATUS[outcome.ending],
        failures=task.failures,
        losses=losses,
        error_message=task.error_message,
        undo_error=None if is_final or retries else outcome.message or "it was stopped",
        touched=not is_final,
    )


def abandon_rollback(settlement: Settlement) -> Settlement:
    """Return the state of a cancelled task whose rollback failed: it gives up, and its message says so."""
    rollback_error = f"its rollback failed and left it between two versions: {settlement.undo_error}"
    messages = filter(None, [settlement.error_message, rollback_error])
    return replace(settlement, touched=False, error_message="; ".join(messages))
