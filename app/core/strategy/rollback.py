"""Rollback: the steps back from any state of a rollout; each step may be repeated.

Batches are rolled back newest first. With two sets, the old one gets the traffic back at once, then the new one is
retired. An old set that was already being retired is started again before that.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from app.core.strategy.batches import step_at
from app.core.strategy.model import Phase, Progress, Strategy, StrategyKind


class RollbackStepKind(StrEnum):
    """The kind of a step back: of instances one by one, or of sets."""

    INSTANCES = "INSTANCES"
    REVIVE = "REVIVE"
    SWITCH = "SWITCH"
    RETIRE = "RETIRE"


@dataclass(frozen=True, slots=True)
class RollbackStep:
    """One step back: the progress to store before it, its instances, and the progress after it."""

    kind: RollbackStepKind
    progress: Progress
    instances: tuple[str, ...]
    after: Progress


def next_rollback_step(strategy: Strategy, progress: Progress) -> RollbackStep | None:
    """Return the next step back of a rollout, None once it is rolled back."""
    progress = replace(progress, phase=Phase.UNDOING, resume_at=None, asked=None, again=False)
    if strategy.kind is StrategyKind.BLUE_GREEN:
        return _next_set_step(progress)
    touched = progress.touched
    if not touched:
        return None
    size = step_at(strategy, progress.step_index).batch_size or len(touched)
    remaining, batch = touched[:-size], touched[-size:]
    before = replace(progress, healthy=remaining, current=batch)
    return RollbackStep(RollbackStepKind.INSTANCES, before, batch[::-1], replace(before, current=()))


def _next_set_step(progress: Progress) -> RollbackStep | None:
    touched = progress.touched
    if progress.retired:
        return RollbackStep(RollbackStepKind.REVIVE, progress, touched, replace(progress, retired=False))
    if progress.switched:
        return RollbackStep(RollbackStepKind.SWITCH, progress, touched, replace(progress, switched=False, traffic=0.0))
    if not touched:
        return None
    before = replace(progress, healthy=(), current=touched)
    return RollbackStep(RollbackStepKind.RETIRE, before, touched, replace(before, current=()))
