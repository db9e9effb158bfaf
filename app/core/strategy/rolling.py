"""Rolling: some instances at a time, each batch checked and watched before the next one begins.

With several steps, each sets the size and interval of one batch, in turn; the last one applies to all later batches.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.core.strategy.batches import approval_before, batch_failure, finish_batch, step_at, update_batch, verify_batch
from app.core.strategy.model import Decision, Done, Observed, Phase, Progress, Strategy, Update


def sizes(strategy: Strategy, total: int) -> tuple[int, ...]:
    """Return how many instances each batch takes; the sum is `total`."""
    batches: list[int] = []
    remaining = total
    while remaining > 0:
        size = min(step_at(strategy, len(batches)).batch_size or remaining, remaining)
        batches.append(size)
        remaining -= size
    return tuple(batches)


def decide(
    strategy: Strategy, instances: Sequence[str], progress: Progress, observed: Observed, now: datetime
) -> Decision:
    """Decide what comes next for `instances`, given the stored progress and what was observed since.

    Total: any observation in any phase gives a decision. Every path ends in Done or Fail, once each instance is updated
    and healthy, or one has failed.
    """
    if progress.phase is Phase.IDLE:
        return _next_batch(strategy, instances, progress)
    failed = batch_failure(progress, observed, progress.current)
    if failed:
        return failed
    if progress.phase is Phase.UPDATING:
        updated = update_batch(progress, observed)
        if not isinstance(updated, Progress):
            return updated
        progress = updated
    interval = step_at(strategy, progress.step_index).batch_interval
    decision = verify_batch(progress, observed, now, interval, progress.current)
    return decision or _next_batch(strategy, instances, finish_batch(progress))


def _next_batch(strategy: Strategy, instances: Sequence[str], progress: Progress) -> Decision:
    remaining = [name for name in instances if name not in progress.healthy]
    batches = progress.batch + bool(remaining) if progress.promoted else len(sizes(strategy, len(instances)))
    progress = replace(progress, batches=max(batches, progress.batch), total=len(instances))
    if not remaining:
        return Done(progress)
    batch = progress.batch + 1
    last = len(strategy.steps) - 1
    index = last if progress.promoted else min(batch - 1, last)
    approval = approval_before(strategy, progress, index)
    if approval:
        return approval
    size = len(remaining) if progress.promoted else step_at(strategy, index).batch_size or len(remaining)
    current = tuple(remaining[:size])
    batches = max(progress.batches, batch)
    begun = replace(progress, phase=Phase.UPDATING, step_index=index, batch=batch, batches=batches, current=current)
    return Update(begun, current)
