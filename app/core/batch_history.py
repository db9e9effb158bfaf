"""What became of each batch of a rollout, read from the events that its rollout left."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from app.core.metrics import MetricResult
from app.core.strategy.model import Phase
from app.core.task import TaskStatus


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch that has begun. `succeeded` is None until it has ended; `metrics` are the last results of each check."""

    step_index: int
    batch: int
    started_at: datetime
    completed_at: datetime | None = None
    succeeded: bool | None = None
    metrics: tuple[MetricResult, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgressPoint:
    """Where a rollout stood once it had gone on: what its history needs of that."""

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


def batch_records(moments: Iterable[ProgressPoint], ended: TaskEnd | None) -> list[BatchRecord]:
    """Return the batches that have begun, the first one first.

    A batch has succeeded once the next one begins, or the task ends well. It has failed when the rollout begins to go
    back, or the task ends otherwise.
    """
    records: list[BatchRecord] = []
    open_: BatchRecord | None = None
    for moment in moments:
        goes_back = moment.phase is Phase.UNDOING
        if open_ is not None and moment.batch == open_.batch and not goes_back:
            open_ = replace(open_, metrics=moment.metrics or open_.metrics)
            continue
        went_on = False
        if open_ is not None:
            went_on = not goes_back and moment.batch > open_.batch
            records.append(replace(open_, completed_at=moment.at, succeeded=went_on))
            open_ = None
        if moment.batch > 0 and (went_on or moment.phase is Phase.UPDATING):
            open_ = BatchRecord(moment.step_index, moment.batch, moment.at)
    if open_ is not None and ended is not None:
        open_ = replace(open_, completed_at=ended.at, succeeded=ended.status is TaskStatus.SUCCESS)
    return [*records, open_] if open_ is not None else records
