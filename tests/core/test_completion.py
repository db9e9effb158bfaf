"""The progress of a deployment in percent.

In: the status of each task, and the progress of rollouts. Out: percent.
Tested: worked examples; that only 100 means done; that no progress lowers it.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.completion import percent
from app.core.strategy.model import Progress
from app.core.task import UNBLOCKING, TaskStatus
from tests.core.support.build import property_of

S = TaskStatus
"""Short name for the tables below."""
Row = tuple[TaskStatus, Progress | None]


def progress_of(healthy: int, total: int) -> Progress:
    return Progress(healthy=tuple(map(str, range(healthy))), total=total)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], 0),
        ([(S.PENDING, None)], 0),
        ([(S.SUCCESS, None)], 100),
        ([(S.SKIPPED, None), (S.SUCCESS, None)], 100),
        ([(S.SUCCESS, None), (S.RUNNING, None), (S.BLOCKED, None)], 33),
        ([(S.SUCCESS, None), (S.SUCCESS, None), (S.FAILED, None)], 66),
        ([(S.SUCCESS, None), (S.RUNNING, progress_of(1, 4))], 62),
        ([(S.RUNNING, progress_of(1, 2))], 50),
        ([(S.RUNNING, progress_of(0, 2))], 0),
        ([(S.RUNNING, progress_of(0, 0))], 0),
        ([(S.RUNNING, progress_of(2, 2))], 99),
        ([(S.SUCCESS, progress_of(2, 2)), (S.CANCELLED, None)], 50),
        ([(S.SUCCESS, None), (S.ROLLED_BACK, progress_of(2, 2))], 50),
        ([(S.SUCCESS, None)] * 1999 + [(S.RUNNING, None)], 99),
        ([(S.SUCCESS, None)] * 2000, 100),
        ([(S.SUCCESS, None)] + [(S.PENDING, None)] * 1999, 0),
    ],
)
def test_worked_examples(rows: list[Row], expected: int) -> None:
    assert percent(rows) == expected


ROLLOUTS = st.integers(0, 9).flatmap(
    lambda total: st.integers(0, total).map(lambda healthy: progress_of(healthy, total))
)
ROWS = st.lists(st.tuples(st.sampled_from(S), st.none() | ROLLOUTS), min_size=1, max_size=30)


@property_of
@given(ROWS)
def test_a_hundred_percent_means_that_all_is_done(rows: list[Row]) -> None:
    assert 0 <= percent(rows) <= 100
    assert (percent(rows) == 100) is all(status in UNBLOCKING for status, _ in rows)


@property_of
@given(ROWS, st.data())
def test_progress_never_lowers_the_percentage(rows: list[Row], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(rows) - 1))
    status, rollout = rows[index]
    steps: list[Row] = [(S.SUCCESS, rollout), (S.SKIPPED, rollout)]
    if status not in UNBLOCKING and rollout:
        steps.append((S.RUNNING, progress_of(min(len(rollout.healthy) + 1, rollout.total), rollout.total)))
    rows_after = [*rows[:index], data.draw(st.sampled_from(steps)), *rows[index + 1 :]]
    assert percent(rows_after) >= percent(rows)
