"""Rolling: some instances at a time, each batch found healthy and watched before the next one begins.

With several steps each sets the size and interval of one batch, in turn; the last one serves for all that are left.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.core.strategy import (
    Ask,
    Check,
    Decision,
    Done,
    Fail,
    Observed,
    Phase,
    Progress,
    Strategy,
    StrategyStep,
    Update,
    Wait,
)


def sizes(strategy: Strategy, total: int) -> tuple[int, ...]:
    """Return how many instances each batch takes, so that they sum to `total`."""
    result: list[int] = []
    left = total
    while left > 0:
        step = strategy.steps[min(len(result), len(strategy.steps) - 1)]
        size = min(step.batch_size or left, left)
        result.append(size)
        left -= size
    return tuple(result)


def decide(
    strategy: Strategy, instances: Sequence[str], progress: Progress, observed: Observed, now: datetime
) -> Decision:
    """Say what to do next with `instances`, given what was stored and what was seen since.

    Total: any observation in any phase gives a decision, and every road ends in Done or Fail once each instance has
    either been updated and found healthy or failed.
    """
    if progress.phase is Phase.IDLE:
        return _next_batch(strategy, instances, progress)
    failed = [name for name in progress.current if name in observed.failed]
    if failed:
        return Fail(progress, "; ".join(f"{name}: {observed.failed[name]}" for name in failed))
    if progress.phase is Phase.UPDATING:
        missing = tuple(name for name in progress.current if name not in observed.updated)
        if missing:
            return Update(progress, missing)
        progress = replace(progress, phase=Phase.CHECKING)
    if progress.phase is Phase.WATCHING:
        if progress.resume_at is not None and now < progress.resume_at:
            return Wait(progress, progress.resume_at)
        return Check(replace(progress, phase=Phase.VERIFYING, resume_at=None), progress.current)
    unknown = tuple(name for name in progress.current if name not in observed.healthy)
    if unknown:
        return Check(progress, unknown)
    interval = 0 if progress.promoted else _step(strategy, progress).batch_interval
    if progress.phase is Phase.CHECKING and interval > 0:
        until = now + timedelta(seconds=interval)
        return Wait(replace(progress, phase=Phase.WATCHING, resume_at=until), until)
    finished = replace(progress, phase=Phase.IDLE, healthy=progress.healthy + progress.current, current=())
    return _next_batch(strategy, instances, finished)


def _next_batch(strategy: Strategy, instances: Sequence[str], progress: Progress) -> Decision:
    left = [name for name in instances if name not in progress.healthy]
    batches = progress.batch + bool(left) if progress.promoted else len(sizes(strategy, len(instances)))
    progress = replace(progress, batches=batches, total=len(instances))
    if not left:
        return Done(progress)
    batch = progress.batch + 1
    step_index = min(batch - 1, len(strategy.steps) - 1)
    step = strategy.steps[step_index]
    if step.require_approval and progress.approved < step_index:
        return Ask(replace(progress, asked=step_index))
    size = len(left) if progress.promoted else step.batch_size or len(left)
    current = tuple(left[:size])
    return Update(replace(progress, phase=Phase.UPDATING, batch=batch, step_index=step_index, current=current), current)


def _step(strategy: Strategy, progress: Progress) -> StrategyStep:
    return strategy.steps[min(progress.step_index, len(strategy.steps) - 1)]
