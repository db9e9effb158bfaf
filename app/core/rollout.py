"""Rollouts: which strategy decides, and what a deploy task's progress looks like from outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.core.strategy import Decision, Observed, Phase, Progress, Strategy, StrategyKind, StrategyStep, rolling

Decide = Callable[[Strategy, Sequence[str], Progress, Observed, datetime], Decision]
DECIDE: Mapping[StrategyKind, Decide] = {StrategyKind.ROLLING: rolling.decide}


def decide(
    strategy: Strategy, instances: Sequence[str], progress: Progress, observed: Observed, now: datetime
) -> Decision:
    """Let the strategy of this kind decide."""
    return DECIDE[strategy.kind](strategy, instances, progress, observed, now)


def begin_attempt(progress: Progress | None) -> Progress:
    """Return where a new attempt starts: finished batches stay, the batch in hand is brought up again from its start.

    Another attempt follows a failure or a lost worker; what the batch in hand carries is not known then.
    """
    if progress is None or not progress.current:
        return progress or Progress()
    return replace(progress, phase=Phase.UPDATING, resume_at=None)


def promote(progress: Progress, now: datetime, *, full: bool) -> Progress:
    """Return where a rollout stands that need not wait any longer; with `full`, what is left comes all at once."""
    return replace(progress, resume_at=now, promoted=progress.promoted or full)


def approve(progress: Progress) -> Progress:
    """Return where a rollout stands whose step, for which people were asked, was approved."""
    return progress if progress.asked is None else replace(progress, approved=progress.asked, asked=None)


def step_in_force(strategy: Strategy, progress: Progress | None) -> StrategyStep:
    """Return the step that a deploy task is in, or was in last."""
    index = progress.step_index if progress else 0
    return strategy.steps[min(index, len(strategy.steps) - 1)]
