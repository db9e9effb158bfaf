"""Rollouts of any strategy.

In: a strategy and the progress of a deploy task. Out: its decision, where a new attempt starts, and the step in force.
Tested: that the kind of the strategy picks who decides, what is kept and what is done again by another attempt, and
what is left out once a person has promoted it.
What the rolling strategy decides is tested in test_rolling.
"""

from dataclasses import replace

import pytest

from app.core import rollout
from app.core.strategy import (
    Check,
    Observed,
    Phase,
    Progress,
    Strategy,
    StrategyKind,
    StrategyStep,
    Update,
    Wait,
    rolling,
)
from tests.core.build import NOW, at

FIRST, SECOND = StrategyStep(batch_size=1, auto_rollback=False), StrategyStep(batch_size=2)
STRATEGY = Strategy(steps=(FIRST, SECOND))
BETWEEN = Progress(Phase.IDLE, 0, 1, 2, 3, ("a",))


def in_hand(phase: Phase) -> Progress:
    return Progress(phase, 1, 2, 2, 3, ("a",), ("b", "c"), at(9) if phase is Phase.WATCHING else None)


def test_every_kind_of_strategy_has_somebody_who_decides() -> None:
    assert rollout.DECIDE.keys() == set(StrategyKind)


@pytest.mark.parametrize("progress", [Progress(), BETWEEN, *(in_hand(phase) for phase in list(Phase)[1:])])
def test_the_rolling_strategy_decides_for_its_kind(progress: Progress) -> None:
    args = (STRATEGY, ("a", "b", "c"), progress, Observed(frozenset("bc"), frozenset("bc")), NOW)
    assert rollout.decide(*args) == rolling.decide(*args)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, Progress()),
        (Progress(), Progress()),
        (BETWEEN, BETWEEN),
        *((in_hand(phase), in_hand(Phase.UPDATING)) for phase in list(Phase)[1:]),
    ],
)
def test_another_attempt_keeps_finished_batches_and_begins_the_one_in_hand_again(
    before: Progress | None, after: Progress
) -> None:
    assert rollout.begin_attempt(before) == after


@pytest.mark.parametrize("phase", list(Phase)[1:])
def test_another_attempt_updates_the_whole_batch_in_hand(phase: Phase) -> None:
    begun = rollout.begin_attempt(in_hand(phase))
    assert rollout.decide(STRATEGY, ("a", "b", "c"), begun, Observed(), NOW) == Update(begun, ("b", "c"))


@pytest.mark.parametrize(
    ("progress", "step"),
    [
        (None, FIRST),
        (Progress(), FIRST),
        (BETWEEN, FIRST),
        (in_hand(Phase.CHECKING), SECOND),
        (Progress(step_index=7), SECOND),
    ],
)
def test_the_step_in_force_is_the_one_that_a_task_is_in_or_was_in_last(
    progress: Progress | None, step: StrategyStep
) -> None:
    assert rollout.step_in_force(STRATEGY, progress) is step


WATCHED = in_hand(Phase.WATCHING)
LEFT_OUT = replace(WATCHED, resume_at=NOW)


@pytest.mark.parametrize("promoted", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_a_rollout_that_is_promoted_waits_no_longer_and_forgets_nothing(promoted: bool, full: bool) -> None:
    before = replace(WATCHED, promoted=promoted)
    assert rollout.promote(before, NOW, full=full) == replace(LEFT_OUT, promoted=promoted or full)


@pytest.mark.parametrize("full", [False, True])
def test_a_promoted_batch_is_checked_once_more_at_once(full: bool) -> None:
    assert isinstance(rollout.decide(STRATEGY, ("a", "b", "c"), WATCHED, Observed(), NOW), Wait)
    after = rollout.decide(STRATEGY, ("a", "b", "c"), rollout.promote(WATCHED, NOW, full=full), Observed(), NOW)
    assert isinstance(after, Check) and (after.progress.phase, after.instances) == (Phase.VERIFYING, ("b", "c"))


@pytest.mark.parametrize("phase", list(Phase)[1:])
def test_another_attempt_of_a_promoted_rollout_is_promoted(phase: Phase) -> None:
    assert rollout.begin_attempt(replace(in_hand(phase), promoted=True)).promoted
