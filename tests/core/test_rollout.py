"""Rollouts of any strategy.

In: a strategy and the progress of a deploy task. Out: its decision, the progress of a new attempt, and the step in
force.
Tested: that the kind of the strategy selects the function, the parts that another attempt keeps and repeats, and the
parts that a promotion skips. The decisions of the rolling strategy are tested in test_rolling.
"""

from dataclasses import replace

import pytest

from app.core import rollout
from app.core.strategy import rolling
from app.core.strategy.model import (
    Check,
    Observed,
    Phase,
    Progress,
    Shape,
    Strategy,
    StrategyKind,
    StrategyStep,
    Update,
    Wait,
)
from tests.core.support.build import NOW, at

FIRST, SECOND = StrategyStep(batch_size=1, auto_rollback=False), StrategyStep(batch_size=2)
STRATEGY = Strategy(steps=(FIRST, SECOND))
IN_BATCHES = (Phase.UPDATING, Phase.CHECKING, Phase.WATCHING, Phase.VERIFYING)
BETWEEN = Progress(Phase.IDLE, 0, 1, 2, 3, ("a",))


def current_batch(phase: Phase) -> Progress:
    return Progress(phase, 1, 2, 2, 3, ("a",), ("b", "c"), at(9) if phase is Phase.WATCHING else None)


def test_every_kind_of_strategy_has_a_decide_function() -> None:
    assert rollout.DECIDE.keys() == set(StrategyKind)


@pytest.mark.parametrize("progress", [Progress(), BETWEEN, *(current_batch(phase) for phase in list(Phase)[1:])])
def test_the_rolling_strategy_decides_for_its_kind(progress: Progress) -> None:
    args = (STRATEGY, ("a", "b", "c"), progress, Observed(frozenset("bc"), frozenset("bc")), NOW)
    assert rollout.decide(*args) == rolling.decide(*args)


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (None, Progress()),
        (Progress(), Progress()),
        (BETWEEN, BETWEEN),
        (current_batch(Phase.UPDATING), current_batch(Phase.UPDATING)),
        *((current_batch(phase), replace(current_batch(Phase.UPDATING), again=True)) for phase in IN_BATCHES[1:]),
        (replace(current_batch(Phase.UPDATING), again=True), replace(current_batch(Phase.UPDATING), again=True)),
        (current_batch(Phase.SWITCHING), current_batch(Phase.SWITCHING)),
        (current_batch(Phase.RETIRING), current_batch(Phase.RETIRING)),
        (replace(current_batch(Phase.WATCHING), switched=True), replace(current_batch(Phase.SWITCHING), switched=True)),
        (replace(current_batch(Phase.WATCHING), batch=1), replace(current_batch(Phase.UPDATING), batch=1, again=True)),
        (current_batch(Phase.UNDOING), Progress(Phase.UPDATING, 0, 1, 2, 3, (), ("a", "b", "c"))),
        (Progress(Phase.UNDOING, 1, 2, 2, 3, approved=1), Progress()),
    ],
)
def test_another_attempt_keeps_finished_batches_and_restarts_the_current_one(
    progress: Progress | None, expected: Progress
) -> None:
    assert rollout.begin_attempt(progress) == expected


@pytest.mark.parametrize("phase", IN_BATCHES)
def test_another_attempt_updates_the_whole_current_batch(phase: Phase) -> None:
    progress = rollout.begin_attempt(current_batch(phase))
    assert rollout.decide(STRATEGY, ("a", "b", "c"), progress, Observed(), NOW) == Update(progress, ("b", "c"))


@pytest.mark.parametrize(
    ("progress", "step"),
    [
        (None, FIRST),
        (Progress(), FIRST),
        (BETWEEN, FIRST),
        (current_batch(Phase.CHECKING), SECOND),
        (Progress(step_index=7), SECOND),
    ],
)
def test_the_step_in_force_is_the_present_or_last_one(progress: Progress | None, step: StrategyStep) -> None:
    assert rollout.step_in_force(STRATEGY, progress) is step


WATCHED = current_batch(Phase.WATCHING)
LEFT_OUT = replace(WATCHED, resume_at=NOW)


@pytest.mark.parametrize("promoted", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_a_promoted_rollout_waits_no_longer_and_keeps_its_progress(promoted: bool, full: bool) -> None:
    progress = replace(WATCHED, promoted=promoted)
    assert rollout.promote(progress, NOW, full=full) == replace(LEFT_OUT, promoted=promoted or full)


@pytest.mark.parametrize("full", [False, True])
def test_a_promoted_batch_is_checked_once_more_at_once(full: bool) -> None:
    assert isinstance(rollout.decide(STRATEGY, ("a", "b", "c"), WATCHED, Observed(), NOW), Wait)
    decision = rollout.decide(STRATEGY, ("a", "b", "c"), rollout.promote(WATCHED, NOW, full=full), Observed(), NOW)
    assert isinstance(decision, Check) and (decision.progress.phase, decision.instances) == (
        Phase.VERIFYING,
        ("b", "c"),
    )


@pytest.mark.parametrize("phase", IN_BATCHES)
def test_another_attempt_of_a_promoted_rollout_is_promoted(phase: Phase) -> None:
    assert rollout.begin_attempt(replace(current_batch(phase), promoted=True)).promoted


def kind(name: str, *steps: StrategyStep) -> Strategy:
    return Strategy(StrategyKind(name), steps or (StrategyStep(canary_ratio=0.25), StrategyStep(canary_ratio=1)))


ROLLING, CANARY, BLUE_GREEN = kind("ROLLING"), kind("CANARY"), kind("BLUE_GREEN")


@pytest.mark.parametrize(
    ("strategy", "serving", "split", "color", "traffic"),
    [
        (ROLLING, None, False, None, None),
        (ROLLING, "green", True, "green", None),
        (CANARY, None, False, None, None),
        (CANARY, "blue", False, "blue", None),
        (CANARY, None, True, None, 0.0),
        (BLUE_GREEN, None, False, "blue", 0.0),
        (BLUE_GREEN, "blue", False, "green", 0.0),
        (BLUE_GREEN, "green", True, "blue", 0.0),
    ],
)
def test_which_set_a_rollout_begins_with(
    strategy: Strategy, serving: str | None, split: bool, color: str | None, traffic: float | None
) -> None:
    progress = rollout.begin(strategy, Progress(asked=0, approved=0), serving=serving, split=split)
    assert progress == Progress(asked=0, approved=0, color=color, old_color=serving, traffic=traffic)


@pytest.mark.parametrize("progress", [BETWEEN, current_batch(Phase.CHECKING), Progress(batch=1)])
def test_a_rollout_that_has_begun_keeps_its_set(progress: Progress) -> None:
    assert rollout.begin(BLUE_GREEN, progress, serving="blue", split=True) is progress


def step(index: int, updated: str, **more: object) -> Progress:
    return replace(Progress(Phase.UPDATING, index, index + 1, 2, 4, (), tuple(updated)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("strategy", "progress", "size", "finished", "expected"),
    [
        (ROLLING, step(0, "ab"), 4, False, (2, 4, 0.5, False, False)),
        (ROLLING, step(0, "abcd"), 4, True, (4, 4, 1.0, False, True)),
        (ROLLING, step(0, "a"), 0, True, (0, 0, 1.0, False, True)),
        (ROLLING, step(0, "abcd"), 3, False, (3, 3, 1.0, False, False)),
        (CANARY, step(0, "a"), 4, False, (1, 4, 0.25, False, False)),
        (CANARY, step(0, "ab", traffic=0.0), 8, False, (2, 8, 0.25, False, False)),
        (CANARY, step(1, "abcd", traffic=0.25), 4, False, (4, 4, 1.0, False, False)),
        (CANARY, step(1, "ab", traffic=0.25), 4, False, (2, 4, 0.25, False, False)),
        (BLUE_GREEN, step(0, "abcd", traffic=0.0), 4, False, (4, 4, 0.0, False, False)),
        (BLUE_GREEN, step(1, "abcd", traffic=0.0, switched=True), 4, False, (4, 4, 1.0, True, False)),
        (BLUE_GREEN, step(1, "abcd", traffic=1.0, switched=True, retired=True), 4, False, (4, 4, 1.0, True, True)),
    ],
)
def test_the_shape_of_a_workload(
    strategy: Strategy, progress: Progress, size: int, finished: bool, expected: tuple[int, int, float, bool, bool]
) -> None:
    updated, total, weight, switched, done = expected
    shape = Shape(kind=strategy.kind, updated=updated, total=total, weight=weight, switched=switched, finished=done)
    assert rollout.shape(strategy, progress, size, finished=finished) == shape


@pytest.mark.parametrize(
    ("progress", "ratio"),
    [
        (Progress(), 0.0),
        (step(0, "a"), 0.25),
        (step(1, "a"), 1.0),
        (step(1, "a", phase=Phase.UNDOING), 0.0),
        (step(7, "a"), 1.0),
    ],
)
def test_the_ratio_in_force(progress: Progress, ratio: float) -> None:
    assert rollout.ratio_in_force(CANARY, progress) == ratio
