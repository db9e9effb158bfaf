"""The common part of the strategies: a batch is updated, checked, watched and checked once more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.core.strategy.model import (
    Ask,
    Check,
    Decision,
    Fail,
    Observed,
    Phase,
    Progress,
    Strategy,
    StrategyStep,
    Update,
    Wait,
)


def step_at(strategy: Strategy, index: int) -> StrategyStep:
    """Return a step; the last one applies to all that come after it."""
    return strategy.steps[min(index, len(strategy.steps) - 1)]


def approval_before(strategy: Strategy, progress: Progress, index: int) -> Ask | None:
    """Return the approval to ask for before the step `index`; None where it needs none, or has it.

    Skipped steps still require their approvals; they are asked for with the next step.
    """
    first = index if not progress.promoted else min(progress.step_index, index)
    needed = any(step_at(strategy, at).require_approval for at in range(first, index + 1) if at > progress.approved)
    return Ask(replace(progress, asked=index)) if needed else None


def update_batch(progress: Progress, observed: Observed) -> Decision | Progress:
    """Go on updating the current batch; return the progress once all of it runs the new version."""
    missing = tuple(name for name in progress.current if name not in observed.updated)
    return Update(progress, missing) if missing else replace(progress, phase=Phase.CHECKING, again=False)


def verify_batch(
    progress: Progress, observed: Observed, now: datetime, interval: int, instances: Sequence[str]
) -> Decision | None:
    """Go on checking `instances` and watching them for `interval` seconds; None once they are healthy."""
    if progress.phase is Phase.WATCHING:
        if progress.resume_at is not None and now < progress.resume_at:
            return Wait(progress, progress.resume_at)
        return Check(replace(progress, phase=Phase.VERIFYING, resume_at=None), tuple(instances))
    unchecked = tuple(name for name in instances if name not in observed.healthy)
    if unchecked:
        return Check(progress, unchecked)
    seconds = 0 if progress.promoted or not instances else interval
    if progress.phase is Phase.CHECKING and seconds > 0:
        until = now + timedelta(seconds=seconds)
        return Wait(replace(progress, phase=Phase.WATCHING, resume_at=until), until)
    return None


def batch_failure(progress: Progress, observed: Observed, instances: Sequence[str]) -> Fail | None:
    """Return the failure of any of `instances`, or of the batch as a whole."""
    faults = observed.faults(instances)
    return Fail(progress, faults) if faults is not None else None


def finish_batch(progress: Progress) -> Progress:
    """Return the progress with the current batch done."""
    return replace(progress, phase=Phase.IDLE, healthy=progress.healthy + progress.current, current=(), resume_at=None)
