"""Canary: steps with a rising share of the new version, each checked and watched before the next.

The share is of instances, rounded up: at least one, and never all of them before the last step, so that a single
instance is changed only by the last step. Where a route splits traffic, the share is of traffic, and the instances
follow. Each step checks every instance that runs the new version, not only its own batch.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.core.strategy.batches import approval_before, batch_failure, finish_batch, step_at, update_batch, verify_batch
from app.core.strategy.model import Decision, Done, Observed, Phase, Progress, Strategy, Update

_DIGITS = 9
"""Decimal places: 0.07 of 100 instances are 7, and not 8 because 0.07 * 100 is 7.000000000000001."""


def target(share: float, total: int, *, split: bool = False) -> int:
    """Return how many of `total` instances a share means; `split`: a route splits the traffic."""
    if share >= 1:
        return total
    count = max(1, math.ceil(round(share * total, _DIGITS)))
    return min(count, total if split else max(0, total - 1))


def sizes(strategy: Strategy, total: int, *, split: bool = False) -> tuple[tuple[int, int], ...]:
    """Return the batches as (step, number of instances). A step without instances is a batch too."""
    batches: list[tuple[int, int]] = []
    updated = 0
    for index, step in enumerate(strategy.steps):
        goal = max(updated, target(ratio(strategy, index), total, split=split))
        batches += [(index, size) for size in _parts(goal - updated, step.batch_size)]
        updated = goal
    return tuple(batches)


def ratio(strategy: Strategy, index: int) -> float:
    """Return the share of the new version once a step is done; the last step always reaches 1."""
    return strategy.steps[index].canary_ratio if index < len(strategy.steps) - 1 else 1.0


def _parts(count: int, size: int) -> list[int]:
    size = size or count
    return [min(size, count - begun) for begun in range(0, count, size)] if count else [0]


def decide(
    strategy: Strategy, instances: Sequence[str], progress: Progress, observed: Observed, now: datetime
) -> Decision:
    """Decide what comes next for `instances`, given the stored progress and what was observed since.

    Total: any observation in any phase gives a decision, and every path ends in Done or Fail. The weight only rises.
    """
    if progress.phase is Phase.IDLE:
        return _next_batch(strategy, instances, progress)
    failed = batch_failure(progress, observed, progress.touched)
    if failed:
        return failed
    if progress.phase is Phase.UPDATING:
        updated = update_batch(progress, observed)
        if not isinstance(updated, Progress):
            return updated
        progress = replace(updated, traffic=weight(strategy, updated))
    interval = step_at(strategy, progress.step_index).batch_interval
    decision = verify_batch(progress, observed, now, interval, progress.touched)
    return decision or _next_batch(strategy, instances, finish_batch(progress))


def weight(strategy: Strategy, progress: Progress) -> float | None:
    """Return the new version's share of traffic with the current batch, None where traffic is not split.

    It rises with the last batch of a step, once every instance that shall carry it is there.
    """
    if progress.traffic is None or not progress.batch:
        return progress.traffic
    share = ratio(strategy, progress.step_index)
    complete = len(progress.touched) >= target(share, progress.total, split=True)
    return max(progress.traffic, share) if complete else progress.traffic


def _next_batch(strategy: Strategy, instances: Sequence[str], progress: Progress) -> Decision:
    total, split = len(instances), progress.traffic is not None
    index = _next_step(strategy, progress, total)
    batches = progress.batch + 1 if progress.promoted else len(sizes(strategy, total, split=split))
    progress = replace(progress, batches=max(batches, progress.batch), total=total)
    if index >= len(strategy.steps):
        return Done(replace(progress, batches=progress.batch))
    approval = approval_before(strategy, progress, index)
    if approval:
        return approval
    gap = max(0, target(ratio(strategy, index), total, split=split) - len(progress.healthy))
    size = gap if progress.promoted else min(gap, strategy.steps[index].batch_size or gap)
    current = tuple([name for name in instances if name not in progress.healthy][:size])
    batch = progress.batch + 1
    batches = max(progress.batches, batch)
    begun = replace(progress, phase=Phase.UPDATING, step_index=index, batch=batch, batches=batches, current=current)
    return Update(begun, current)


def _next_step(strategy: Strategy, progress: Progress, total: int) -> int:
    """Return the step of the next batch: the present one until its share is reached, then the next."""
    last = len(strategy.steps) - 1
    if not progress.batch:
        return last if progress.promoted else 0
    index = min(progress.step_index, last)
    if len(progress.healthy) < target(ratio(strategy, index), total, split=progress.traffic is not None):
        return last if progress.promoted else index
    return last if progress.promoted and index < last else index + 1
