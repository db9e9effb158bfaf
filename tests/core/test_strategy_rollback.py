"""Rollback of batches: the newest first, in steps that may each be repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import rollout
from app.core.strategy.model import Observed, Phase, Progress, Strategy, StrategyKind, StrategyStep, Update
from app.core.strategy.rollback import next_rollback_step
from tests.core.support.build import NOW, property_of

TWO = Strategy(steps=(StrategyStep(batch_size=2),))
CANARY = Strategy(StrategyKind.CANARY, (StrategyStep(canary_ratio=0.5), StrategyStep(canary_ratio=1)))


def rollback_steps(strategy: Strategy, progress: Progress) -> list[str]:
    """Return the instances of each step back."""
    steps = []
    while (step := next_rollback_step(strategy, progress)) is not None:
        assert next_rollback_step(strategy, step.progress) == step
        steps.append("".join(step.instances))
        progress = step.after
    return steps


@pytest.mark.parametrize(
    ("strategy", "healthy", "current", "steps"),
    [
        (TWO, "", "", []),
        (TWO, "", "ab", ["ba"]),
        (TWO, "ab", "cd", ["dc", "ba"]),
        (TWO, "abcd", "e", ["ed", "cb", "a"]),
        (Strategy(), "abc", "", ["cba"]),
        (CANARY, "ab", "cd", ["dcba"]),
    ],
)
def test_the_newest_batch_is_rolled_back_first(
    strategy: Strategy, healthy: str, current: str, steps: list[str]
) -> None:
    assert rollback_steps(strategy, Progress(Phase.CHECKING, 0, 1, 3, 5, tuple(healthy), tuple(current))) == steps


@property_of
@given(st.sampled_from([TWO, CANARY, Strategy()]), st.integers(0, 6), st.integers(0, 6), st.integers(1, 4))
def test_the_weight_falls_and_the_rest_can_be_updated_again(
    strategy: Strategy, healthy: int, current: int, steps: int
) -> None:
    names = tuple("abcdefghijkl")
    progress = Progress(Phase.CHECKING, 0, 1, 3, 12, names[:healthy], names[healthy : healthy + current])
    for _ in range(steps):
        step = next_rollback_step(strategy, progress)
        if step is None:
            break
        assert step.after.touched + step.instances[::-1] == step.progress.touched == progress.touched
        assert progress.weight >= step.progress.weight >= step.after.weight
        progress = step.after
    decision = rollout.decide(strategy, names, rollout.begin_attempt(progress), Observed(), NOW)
    assert isinstance(decision, Update)
    assert decision.instances == progress.touched or not progress.touched
