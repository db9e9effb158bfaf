"""Rollouts: calls the deployment's strategy, and derives shapes and ratios from a task's progress."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.core.strategy import blue_green, canary, rolling
from app.core.strategy.batches import step_at
from app.core.strategy.model import Decision, Observed, Phase, Progress, Shape, Strategy, StrategyKind, StrategyStep

Decide = Callable[[Strategy, Sequence[str], Progress, Observed, datetime], Decision]
DECIDE: Mapping[StrategyKind, Decide] = {
    StrategyKind.ROLLING: rolling.decide,
    StrategyKind.CANARY: canary.decide,
    StrategyKind.BLUE_GREEN: blue_green.decide,
}


def decide(
    strategy: Strategy, instances: Sequence[str], progress: Progress, observed: Observed, now: datetime
) -> Decision:
    """Return the decision of the strategy's kind."""
    return DECIDE[strategy.kind](strategy, instances, progress, observed, now)


def begin(strategy: Strategy, progress: Progress, *, serving: str | None, split: bool) -> Progress:
    """Return the first progress of a rollout; one that has begun stays as it is.

    `serving` is the color of the set that serves now, None where it has none. `split` tells that a route can give
    traffic to a canary apart from its instances.
    """
    if progress.batch or progress.touched:
        return progress
    if strategy.kind is StrategyKind.BLUE_GREEN:
        return replace(progress, color=blue_green.other(serving), old_color=serving, traffic=0.0)
    traffic = 0.0 if split and strategy.kind is StrategyKind.CANARY else None
    return replace(progress, color=serving, old_color=serving, traffic=traffic)


def begin_attempt(progress: Progress | None) -> Progress:
    """Return the progress that a new attempt starts from.

    Finished batches stay, and the current one is updated again. A new attempt follows a failure or a lost worker, so
    the state of the current batch is unknown. A switch of traffic is repeated, and retiring the old set continues.
    After a failed rollback, everything that it has not rolled back is one batch, to be updated again.
    """
    if progress is None:
        return Progress()
    match progress.phase:
        case Phase.IDLE | Phase.SWITCHING | Phase.RETIRING:
            return progress
        case Phase.UNDOING:
            touched = progress.touched
            remaining = replace(progress, phase=Phase.UPDATING, step_index=0, batch=1, healthy=(), current=touched)
            return remaining if touched else Progress()
        case _:
            if progress.switched and progress.batch == progress.batches:
                return replace(progress, phase=Phase.SWITCHING, resume_at=None)
            again = progress.again or progress.phase is not Phase.UPDATING
            return replace(progress, phase=Phase.UPDATING, resume_at=None, again=again)


def promote(progress: Progress, now: datetime, *, full: bool) -> Progress:
    """Return the progress with its wait ended; with `full`, all remaining batches follow at once."""
    return replace(progress, resume_at=now, promoted=progress.promoted or full)


def park(stored: Progress | None, seen: Progress, until: datetime | None) -> tuple[Progress, datetime | None]:
    """Return the progress to park with, and until when: a person may have ended the wait meanwhile."""
    same = stored is not None and (stored.phase, stored.batch) == (seen.phase, seen.batch)
    if stored is None or not same or seen.phase is not Phase.WATCHING:
        return seen, until
    soonest = min(until, stored.resume_at) if until and stored.resume_at else until
    return replace(seen, promoted=stored.promoted, resume_at=stored.resume_at), soonest


def approve(progress: Progress) -> Progress:
    """Return the progress with the step that waited for approval approved."""
    return progress if progress.asked is None else replace(progress, approved=progress.asked, asked=None)


def step_in_force(strategy: Strategy, progress: Progress | None) -> StrategyStep:
    """Return the step that a deploy task is in, or was in last."""
    return step_at(strategy, progress.step_index if progress else 0)


def ratio_in_force(strategy: Strategy, progress: Progress) -> float:
    """Return the share of a canary's present step, 0 to 1; 0 before it begins and during a rollback."""
    if not progress.batch or progress.phase is Phase.UNDOING:
        return 0.0
    return canary.ratio(strategy, min(progress.step_index, len(strategy.steps) - 1))


def shape(strategy: Strategy, progress: Progress, size: int, *, finished: bool = False) -> Shape:
    """Return the shape of a workload of `size` replicas for the current batch, or of a `finished` rollout."""
    updated = min(len(progress.touched), size)
    weight = updated / size if size else 1.0
    if strategy.kind is StrategyKind.BLUE_GREEN:
        weight = 1.0 if progress.switched else 0.0
    elif progress.traffic is not None:
        weight = canary.weight(strategy, progress) or 0.0
    return Shape(
        kind=strategy.kind,
        updated=updated,
        total=size,
        weight=weight,
        switched=progress.switched,
        finished=finished or progress.retired,
    )
