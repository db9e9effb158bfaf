"""The end of an attempt.

In: a task, how its attempt ended, the time and a number from 0 to 1. Out: the task's next state, the stored status of
the attempt, and when the next one is due.
Tested: the table of endings for work and for its undo, the counts, and the back-off between attempts.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import retry
from app.core.attempt import ATTEMPT_STATUS, Ending, Outcome, settle
from app.core.task import TRANSITIONS, Activity, Task, TaskStatus
from tests.core.support.build import NOW, at, property_of, task

S = TaskStatus
"""Short name for the tables below."""
RUNNING = task("t", S.RUNNING, activity=Activity.RUN, max_attempts=3)
UNDOING = task("t", S.SUCCESS, activity=Activity.UNDO, touched=True, error_message="before")
MOST = retry.MAX_LOSSES
WORK_ENDINGS = [Ending.SUCCEEDED, Ending.FAILED, Ending.LOST, Ending.RETURNED, Ending.STOPPED]


@pytest.mark.parametrize(
    ("counts", "ending", "status", "attempt", "failures", "losses"),
    [
        ({}, Ending.SUCCEEDED, S.SUCCESS, S.SUCCESS, 0, 0),
        ({"failures": 2, "losses": 1}, Ending.SUCCEEDED, S.SUCCESS, S.SUCCESS, 2, 1),
        ({"stop": True}, Ending.SUCCEEDED, S.SUCCESS, S.SUCCESS, 0, 0),
        ({}, Ending.FAILED, S.PENDING, S.FAILED, 1, 0),
        ({"failures": 1}, Ending.FAILED, S.PENDING, S.FAILED, 2, 0),
        ({"failures": 2}, Ending.FAILED, S.FAILED, S.FAILED, 3, 0),
        ({"max_attempts": 1}, Ending.FAILED, S.FAILED, S.FAILED, 1, 0),
        ({"losses": MOST}, Ending.FAILED, S.PENDING, S.FAILED, 1, MOST),
        ({"stop": True}, Ending.FAILED, S.CANCELLED, S.FAILED, 1, 0),
        ({}, Ending.LOST, S.PENDING, S.CANCELLED, 0, 1),
        ({"max_attempts": 1}, Ending.LOST, S.PENDING, S.CANCELLED, 0, 1),
        ({"losses": MOST - 1}, Ending.LOST, S.PENDING, S.CANCELLED, 0, MOST),
        ({"losses": MOST}, Ending.LOST, S.FAILED, S.CANCELLED, 0, MOST + 1),
        ({"stop": True}, Ending.LOST, S.CANCELLED, S.CANCELLED, 0, 1),
        ({}, Ending.RETURNED, S.PENDING, S.CANCELLED, 0, 0),
        ({"max_attempts": 1}, Ending.RETURNED, S.PENDING, S.CANCELLED, 0, 0),
        ({"failures": 2, "losses": MOST}, Ending.RETURNED, S.PENDING, S.CANCELLED, 2, MOST),
        ({"stop": True}, Ending.RETURNED, S.CANCELLED, S.CANCELLED, 0, 0),
        ({}, Ending.STOPPED, S.CANCELLED, S.CANCELLED, 0, 0),
        ({"stop": True, "failures": 1}, Ending.STOPPED, S.CANCELLED, S.CANCELLED, 1, 0),
    ],
)
def test_each_ending_leads_to_a_task_state(
    counts: dict[str, int], ending: Ending, status: TaskStatus, attempt: TaskStatus, failures: int, losses: int
) -> None:
    task = replace(RUNNING, **counts)  # type: ignore[arg-type]
    settled = settle(task, Outcome(ending, "message"), NOW, 0.0)
    assert (settled.status, settled.attempt_status) == (status, attempt)
    assert (settled.failures, settled.losses) == (failures, losses)
    assert (settled.error_message, settled.undo_error) == ("message", None)


@pytest.mark.parametrize(
    ("failures", "ending", "chance", "seconds"),
    [
        (0, Ending.FAILED, 0.0, 0.5),
        (0, Ending.FAILED, 1.0, 1.0),
        (1, Ending.FAILED, 0.0, 1.0),
        (2, Ending.FAILED, 0.5, None),
        (0, Ending.LOST, 0.5, None),
        (0, Ending.RETURNED, 0.5, None),
        (0, Ending.STOPPED, 0.5, None),
        (0, Ending.SUCCEEDED, 0.5, None),
    ],
)
def test_only_a_retried_failure_waits(failures: int, ending: Ending, chance: float, seconds: float | None) -> None:
    settled = settle(replace(RUNNING, failures=failures), Outcome(ending), NOW, chance)
    assert settled.retry_at == (None if seconds is None else at(seconds))


@pytest.mark.parametrize("touched", [False, True])
@pytest.mark.parametrize("ending", WORK_ENDINGS)
def test_a_touched_task_stays_touched(ending: Ending, touched: bool) -> None:
    assert settle(replace(RUNNING, touched=touched), Outcome(ending), NOW, 0.5).touched is touched


@pytest.mark.parametrize("task_status", [S.SUCCESS, S.FAILED, S.CANCELLED])
@pytest.mark.parametrize(
    ("losses", "ending", "undone", "attempt", "undo_error"),
    [
        (0, Ending.SUCCEEDED, True, S.ROLLED_BACK, None),
        (0, Ending.FAILED, False, S.FAILED, "message"),
        (0, Ending.LOST, False, S.CANCELLED, None),
        (MOST - 1, Ending.LOST, False, S.CANCELLED, None),
        (MOST, Ending.LOST, False, S.CANCELLED, "message"),
        (MOST, Ending.RETURNED, False, S.CANCELLED, None),
        (0, Ending.STOPPED, False, S.CANCELLED, "message"),
    ],
)
def test_each_ending_of_an_undo_leads_to_a_task_state(
    task_status: TaskStatus, losses: int, ending: Ending, undone: bool, attempt: TaskStatus, undo_error: str | None
) -> None:
    task = replace(UNDOING, status=task_status, losses=losses)
    settled = settle(task, Outcome(ending, "message"), NOW, 0.5)
    assert (settled.status, settled.touched) == ((S.ROLLED_BACK, False) if undone else (task_status, True))
    assert (settled.attempt_status, settled.undo_error) == (attempt, undo_error)
    assert (settled.error_message, settled.retry_at, settled.failures) == ("before", None, 0)
    assert settled.losses == losses + (ending is Ending.LOST)


def test_an_undo_that_leaves_an_application_as_it_is_settles_it() -> None:
    settled = settle(UNDOING, Outcome(Ending.LEFT, "nothing to go back to"), NOW, 0.5)
    assert (settled.status, settled.attempt_status) == (S.SUCCESS, S.SKIPPED)
    assert (settled.touched, settled.undo_error) == (False, None)


def test_a_failed_undo_without_a_message_has_a_reason() -> None:
    assert settle(UNDOING, Outcome(Ending.STOPPED), NOW, 0.5).undo_error


LOSSES = st.integers(0, 5)
WORK = st.builds(
    lambda failures, most, losses, stop: replace(
        RUNNING, failures=min(failures, most - 1), max_attempts=most, losses=losses, stop=stop
    ),
    *(LOSSES, st.integers(1, 5), LOSSES, st.booleans()),
)
UNDOS = st.builds(
    lambda seen, losses: replace(UNDOING, status=seen, losses=losses),
    *(st.sampled_from([S.SUCCESS, S.FAILED, S.CANCELLED, S.SKIPPED]), LOSSES),
)


@property_of
@given(st.one_of(WORK, UNDOS), st.sampled_from(WORK_ENDINGS), st.floats(0, 1))
def test_every_ending_leads_to_a_legal_status(task: Task, ending: Ending, chance: float) -> None:
    settled = settle(task, Outcome(ending), NOW, chance)
    stays = task.activity is Activity.UNDO and settled.status is task.status
    assert stays or settled.status in TRANSITIONS[task.status]


@property_of
@given(st.integers(1, 9), st.lists(st.sampled_from([Ending.FAILED, Ending.LOST]), min_size=16, max_size=16))
def test_no_task_is_retried_forever(most: int, endings: list[Ending]) -> None:
    task, tries = replace(RUNNING, max_attempts=most), 0
    while task.status is S.RUNNING:
        settled = settle(task, Outcome(endings[tries]), NOW, 0.5)
        next_status = S.RUNNING if settled.status is S.PENDING else settled.status
        task = replace(task, status=next_status, failures=settled.failures, losses=settled.losses)
        tries += 1
    assert task.status is S.FAILED
    assert task.failures == most or task.losses == MOST + 1


@property_of
@given(st.one_of(WORK, UNDOS), st.integers(1, 50))
def test_returned_attempts_are_not_counted(task: Task, times: int) -> None:
    task = replace(task, stop=False)
    for _ in range(times):
        settled = settle(task, Outcome(Ending.RETURNED), NOW, 0.5)
        assert settled.status is (S.PENDING if task.activity is Activity.RUN else task.status)
        assert (settled.failures, settled.losses, settled.retry_at) == (task.failures, task.losses, None)
        assert (settled.touched, settled.undo_error) == (task.touched, None)
        task = replace(task, failures=settled.failures, losses=settled.losses)


@pytest.mark.parametrize("ending", [Ending.FAILED, Ending.LOST, Ending.RETURNED, Ending.STOPPED])
def test_the_reason_of_a_cancellation_is_kept(ending: Ending) -> None:
    task = replace(RUNNING, stop=True, error_message="not wanted")
    assert settle(task, Outcome(ending, "it was stopped"), NOW, 0.5).error_message == "not wanted"


def test_a_success_before_the_stop_has_no_error() -> None:
    task = replace(RUNNING, stop=True, error_message="not wanted")
    assert settle(task, Outcome(Ending.SUCCEEDED), NOW, 0.5).error_message is None


def test_every_ending_has_a_status_for_its_attempt() -> None:
    assert ATTEMPT_STATUS.keys() == set(Ending)


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (4, 4, 8), (9, 128, 256), (10, 150, 300), (99, 150, 300), (10**6, 150, 300)],
)
def test_the_back_off_doubles_up_to_five_minutes(failures: int, least: float, most: float) -> None:
    assert (retry.backoff(failures, 0), retry.backoff(failures, 1)) == (least, most)
    assert retry.backoff(failures, 0.5) == (least + most) / 2


@property_of
@given(st.integers(1, 1000), st.floats(0, 1), st.floats(0, 1))
def test_chance_spreads_the_back_off_and_failures_lengthen_it(
    failures: int, chance: float, other_chance: float
) -> None:
    low, high = sorted((chance, other_chance))
    assert retry.backoff(failures, low) <= retry.backoff(failures, high)
    assert retry.backoff(failures, low) <= retry.backoff(failures + 1, low)
    assert 0.5 <= retry.backoff(failures, chance) <= 300
