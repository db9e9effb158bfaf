"""Rolling: some instances at a time, each batch found healthy and watched before the next one begins.

With several steps each sets the size and interval of one batch, in turn; the last one serves for all that are left.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.core.strategy.batches import approval_before, batch_failure, finish_batch, step_at, update_batch, verify_batch
from app.core.strategy.model import Decision, Done, Observed, Phase, Progress, Strategy, Update


def sizes(strategy: Strategy, total: int) -> tuple[int, ...]:
    """Return how many instances each batch takes, so that they sum to `total`."""
    result: list[int] = []
    left = total
    while left > 0:
        size = min(step_at(strategy, len(result)).batch_size or left, left)
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
    failed = batch_failure(progress, observed, progress.current)
    if failed:
        return failed
    if progress.phase is Phase.UPDATING:
        brought = update_batch(progress, observed)
        if not isinstance(brought, Progress):
            return brought
        progress = brought
    interval = step_at(strategy, progress.step_index).batch_interval
    decision = verify_batch(progress, observed, now, interval, progress.current)
    return decision or _next_batch(strategy, instances, finish_batch(progress))


def _next_batch(strategy: Strategy, instances: Sequence[str], progress: Progress) -> Decision:
    left = [name for name in instances if name not in progress.healthy]
    batches = progress.batch + bool(left) if progress.promoted else len(sizes(strategy, len(instances)))
    progress = replace(progress, batches=max(batches, progress.batch), total=len(instances))
    if not left:
        return Done(progress)
    batch = progress.batch + 1
    last = len(strategy.steps) - 1
    index = last if progress.promoted else min(batch - 1, last)
    question = approval_before(strategy, progress, index)
    if question:
        return question
    size = len(left) if progress.promoted else step_at(strategy, index).batch_size or len(left)
    current = tuple(left[:size])
    batches = max(progress.batches, batch)
    begun = replace(progress, phase=Phase.UPDATING, step_index=index, batch=batch, batches=batches, current=current)
    return Update(begun, current)
