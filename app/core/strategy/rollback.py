"""Undoing: the way back from wherever a rollout stands, in steps that may each be repeated.

Batches go back the newest first. Of two sets the old one gets the traffic back first, at once, then the new one is
ended; only where the old one was being ended already it is brought up again before.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from app.core.strategy.batches import step_at
from app.core.strategy.model import Phase, Progress, Strategy, StrategyKind


class RollbackStepKind(StrEnum):
    """What takes a rollout back: instances one by one, or sets."""

    INSTANCES = "INSTANCES"
    REVIVE = "REVIVE"
    SWITCH = "SWITCH"
    RETIRE = "RETIRE"


@dataclass(frozen=True, slots=True)
class RollbackStep:
    """One step back: what to store before it, the instances it is about, and where the rollout stands after it."""

    kind: RollbackStepKind
    progress: Progress
    instances: tuple[str, ...]
    after: Progress


def next_rollback_step(strategy: Strategy, progress: Progress) -> RollbackStep | None:
    """Return the next step back of a rollout, None when there is nothing of it any more."""
    progress = replace(progress, phase=Phase.UNDOING, resume_at=None, asked=None, again=False)
    if strategy.kind is StrategyKind.BLUE_GREEN:
        return _sets_back(progress)
    touched = progress.touched
    if not touched:
        return None
    size = step_at(strategy, progress.step_index).batch_size or len(touched)
    kept, batch = touched[:-size], touched[-size:]
    before = replace(progress, healthy=kept, current=batch)
    return RollbackStep(RollbackStepKind.INSTANCES, before, batch[::-1], replace(before, current=()))


def _sets_back(progress: Progress) -> RollbackStep | None:
    touched = progress.touched
    if progress.retired:
        return RollbackStep(RollbackStepKind.REVIVE, progress, touched, replace(progress, retired=False))
    if progress.switched:
        return RollbackStep(RollbackStepKind.SWITCH, progress, touched, replace(progress, switched=False, traffic=0.0))
    if not touched:
        return None
    before = replace(progress, healthy=(), current=touched)
    return RollbackStep(RollbackStepKind.RETIRE, before, touched, replace(before, current=()))
