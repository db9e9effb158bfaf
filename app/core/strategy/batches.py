"""What rolling and canary have in common: a batch is brought, found healthy, watched and found healthy once more."""

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
    """Return a step; the last one serves for all that come after it."""
    return strategy.steps[min(index, len(strategy.steps) - 1)]


def approval_before(strategy: Strategy, progress: Progress, index: int) -> Ask | None:
    """Return the question to people before the step `index`; None where it needs none, or was approved.

    Who skips steps does not skip their questions: they are asked with that of the step that comes instead.
    """
    first = index if not progress.promoted else min(progress.step_index, index)
    asks = any(step_at(strategy, at).require_approval for at in range(first, index + 1) if at > progress.approved)
    return Ask(replace(progress, asked=index)) if asks else None


def update_batch(progress: Progress, observed: Observed) -> Decision | Progress:
    """Go on bringing the batch in hand; return the progress once all of it carries the new version."""
    missing = tuple(name for name in progress.current if name not in observed.updated)
    return Update(progress, missing) if missing else replace(progress, phase=Phase.CHECKING, again=False)


def verify_batch(
    progress: Progress, observed: Observed, now: datetime, interval: int, checked: Sequence[str]
) -> Decision | None:
    """Go on finding out whether `checked` are healthy, watching them for `interval` seconds; None once they are."""
    if progress.phase is Phase.WATCHING:
        if progress.resume_at is not None and now < progress.resume_at:
            return Wait(progress, progress.resume_at)
        return Check(replace(progress, phase=Phase.VERIFYING, resume_at=None), tuple(checked))
    unknown = tuple(name for name in checked if name not in observed.healthy)
    if unknown:
        return Check(progress, unknown)
    seconds = 0 if progress.promoted or not checked else interval
    if progress.phase is Phase.CHECKING and seconds > 0:
        until = now + timedelta(seconds=seconds)
        return Wait(replace(progress, phase=Phase.WATCHING, resume_at=until), until)
    return None


def batch_failure(progress: Progress, observed: Observed, names: Sequence[str]) -> Fail | None:
    """Return that something is wrong with one of `names`, or with all of them."""
    faults = observed.faults(names)
    return Fail(progress, faults) if faults is not None else None


def finish_batch(progress: Progress) -> Progress:
    """Return where a rollout stands whose batch in hand is done."""
    return replace(progress, phase=Phase.IDLE, healthy=progress.healthy + progress.current, current=(), resume_at=None)
