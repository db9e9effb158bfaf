"""The history of batches, from the events of a rollout."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.application import MetricCheck
from app.core.batch_history import BatchRecord, ProgressPoint, TaskEnd, batch_records
from app.core.metrics import MetricResult, metric_result
from app.core.strategy.model import Phase
from app.core.task import TaskStatus

P = Phase
"""Short name for the tables below."""
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def at(second: int) -> datetime:
    return BEGIN + timedelta(seconds=second)


def moments(*phases: tuple[Phase, int] | tuple[Phase, int, float]) -> list[ProgressPoint]:
    """Return moments a second apart: the phase, the batch, and the value of a metric where there is one."""
    return [
        ProgressPoint(at(second), phase, max(0, batch - 1), batch, tuple(result(value, second) for value in value))
        for second, (phase, batch, *value) in enumerate(phases)
    ]


def result(value: float, second: int) -> MetricResult:
    return MetricResult("errors", at(second), value, None, 0.5, ok=value <= 0.5)


def outline(records: list[BatchRecord]) -> list[tuple[int, int, bool | None]]:
    """Return the number, duration in seconds (-1: not ended) and success of each batch."""
    return [
        (
            record.batch,
            int((record.completed_at - record.started_at).total_seconds()) if record.completed_at else -1,
            ok,
        )
        for record in records
        for ok in (record.succeeded,)
    ]


@pytest.mark.parametrize(
    ("phases", "final_status", "expected"),
    [
        ([], None, []),
        ([(P.IDLE, 0)], None, []),
        ([(P.UPDATING, 1)], None, [(1, -1, None)]),
        ([(P.UPDATING, 1), (P.CHECKING, 1), (P.UPDATING, 2)], None, [(1, 2, True), (2, -1, None)]),
        ([(P.UPDATING, 1), (P.WATCHING, 1)], TaskStatus.SUCCESS, [(1, 9, True)]),
        ([(P.UPDATING, 1), (P.WATCHING, 1)], TaskStatus.FAILED, [(1, 9, False)]),
        ([(P.UPDATING, 1), (P.UPDATING, 1), (P.UPDATING, 2)], None, [(1, 2, True), (2, -1, None)]),
        ([(P.UPDATING, 1), (P.UPDATING, 2), (P.UNDOING, 2)], TaskStatus.ROLLED_BACK, [(1, 1, True), (2, 1, False)]),
        ([(P.UPDATING, 1), (P.SWITCHING, 2), (P.RETIRING, 2)], TaskStatus.SUCCESS, [(1, 1, True), (2, 8, True)]),
        ([(P.UPDATING, 1), (P.UNDOING, 1), (P.UPDATING, 1)], None, [(1, 1, False), (1, -1, None)]),
        ([(P.UPDATING, 2), (P.UNDOING, 2), (P.IDLE, 0)], TaskStatus.ROLLED_BACK, [(2, 1, False)]),
    ],
)
def test_batches_begin_and_end(
    phases: list[tuple[Phase, int]], final_status: TaskStatus | None, expected: list[tuple[int, int, bool | None]]
) -> None:
    assert outline(batch_records(moments(*phases), TaskEnd(final_status, at(9)) if final_status else None)) == expected


def test_a_batch_shows_the_last_results_of_its_own_checks() -> None:
    points = moments((P.UPDATING, 1), (P.CHECKING, 1, 0.1), (P.VERIFYING, 1, 0.2), (P.WATCHING, 1), (P.UPDATING, 2))
    first_batch, second_batch = batch_records(points, None)
    assert [metric.value for metric in first_batch.metrics] == [0.2]
    assert second_batch.metrics == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.1,), 0.1),
        ((0.1, 0.4, 0.2), 0.4),
        ((0.1, 7.0, 3.0), 7.0),
        ((), None),
        ((float("nan"),), None),
        ((float("inf"), 0.2), 0.2),
    ],
)
def test_of_several_series_the_worst_value_is_shown(values: tuple[float, ...], expected: float | None) -> None:
    metric = MetricCheck("errors", "http://p:9090", "up", maximum=0.5)
    assert metric_result(metric, values, BEGIN, ok=True).value == expected
