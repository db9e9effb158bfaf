"""The history of each batch of a rollout, derived from the events of the rollout."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from app.core.metrics import MetricResult
from app.core.strategy.model import Phase
from app.core.task import TaskStatus


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch that has begun. `succeeded` is None until it ends; `metrics` has each check's last result."""

    step_index: int
    batch: int
    started_at: datetime
    completed_at: datetime | None = None
    succeeded: bool | None = None
    metrics: tuple[MetricResult, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgressPoint:
    """One event of a rollout: the part of its progress that the history needs, and its time."""

    at: datetime
    phase: Phase
    step_index: int
    batch: int
    metrics: tuple[MetricResult, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How and when the task of a rollout ended."""

    status: TaskStatus
    at: datetime


def batch_records(points: Iterable[ProgressPoint], end: TaskEnd | None) -> list[BatchRecord]:
    """Return the batches that have begun, in order.

    A batch has succeeded once the next one begins, or the task succeeds. It has failed when a rollback begins, or the
    task ends otherwise.
    """
    records: list[BatchRecord] = []
    current: BatchRecord | None = None
    for point in points:
        rolls_back = point.phase is Phase.UNDOING
        if current is not None and point.batch == current.batch and not rolls_back:
            current = replace(current, metrics=point.metrics or current.metrics)
            continue
        succeeded = False
        if current is not None:
            succeeded = not rolls_back and point.batch > current.batch
            records.append(replace(current, completed_at=point.at, succeeded=succeeded))
            current = None
        if point.batch > 0 and (succeeded or point.phase is Phase.UPDATING):
            current = BatchRecord(point.step_index, point.batch, point.at)
    if current is not None and end is not None:
        current = replace(current, completed_at=end.at, succeeded=end.status is TaskStatus.SUCCESS)
    return [*records, current] if current is not None else records
