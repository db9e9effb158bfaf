"""The progress of a deployment, in percent."""

from collections.abc import Sequence

from app.core.strategy.model import Progress
from app.core.task import UNBLOCKING, TaskStatus


def percent(tasks: Sequence[tuple[TaskStatus, Progress | None]]) -> int:
    """Return 0 to 100: every task counts the same.

    A running deploy task counts by the finished share of its rollout. 100 means that all tasks are done; it is never
    reached by rounding.
    """
    if not tasks:
        return 0
    done = sum(_share(status, rollout) for status, rollout in tasks)
    return 100 if done >= len(tasks) else min(99, int(100 * done / len(tasks)))


def _share(status: TaskStatus, rollout: Progress | None) -> float:
    if status in UNBLOCKING:
        return 1.0
    if status in (TaskStatus.RUNNING, TaskStatus.WAITING_CONFIRM) and rollout:
        return min(0.99, rollout.done)
    return 0.0
