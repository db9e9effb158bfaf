"""Canary: steps with a rising share of the new version, each found healthy and watched before the next one begins.

The share is of instances, rounded up: at least one, and never all of them before the last step, so that one instance
alone is not changed before it. Where traffic is split apart from the instances it is of traffic, and the instances
follow. All that carries the new version is checked in each step, not only what came with it.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.core.strategy.batches import approval_before, batch_failure, finish_batch, step_at, update_batch, verify_batch
from app.core.strategy.model import Decision, Done, Observed, Phase, Progress, Strategy, Update

_DIGITS = 9
"""Behind the point: 0.07 of 100 instances are 7, and not 8 because 0.07 * 100 is 7.000000000000001."""


def target(share: float, total: int, *, split: bool = False) -> int:
    """Return how many of `total` instances carry the new version at a share; `split`: traffic is steered apart."""
    if share >= 1:
        return total
    wanted = max(1, math.ceil(round(share * total, _DIGITS)))
    return min(wanted, total if split else max(0, total - 1))


def sizes(strategy: Strategy, total: int, *, split: bool = False) -> tuple[tuple[int, int], ...]:
    """Return the batches: the step of each, and how many instances it takes. A step that takes none is a batch too."""
    result: list[tuple[int, int]] = []
    brought = 0
    for index, step in enumerate(strategy.steps):
        goal = max(brought, target(ratio(strategy, index), total, split=split))
        result += [(index, size) for size in _parts(goal - brought, step.batch_size)]
        brought = goal
    return tuple(result)


def ratio(strategy: Strategy, index: int) -> float:
    """Return the share that the new version has once a step is done; nothing is left out by the last one."""
    return strategy.steps[index].canary_ratio if index < len(strategy.steps) - 1 else 1.0


def _parts(count: int, size: int) -> list[int]:
    size = size or count
    return [min(size, count - begun) for begun in range(0, count, size)] if count else [0]


def decide(
    strategy: Strategy, instances: Sequence[str], progress: Progress, observed: Observed, now: datetime
) -> Decision:
    """Say what to do next with `instances`, given what was stored and what was seen since.

    Total: any observation in any phase gives a decision, and every road ends in Done or Fail. The weight only rises.
    """
    if progress.phase is Phase.IDLE:
        return _next_batch(strategy, instances, progress)
    failed = batch_failure(progress, observed, progress.touched)
    if failed:
        return failed
    if progress.phase is Phase.UPDATING:
        brought = update_batch(progress, observed)
        if not isinstance(brought, Progress):
            return brought
        progress = replace(brought, traffic=weight(strategy, brought))
    interval = step_at(strategy, progress.step_index).batch_interval
    decision = verify_batch(progress, observed, now, interval, progress.touched)
    return decision or _next_batch(strategy, instances, finish_batch(progress))


def weight(strategy: Strategy, progress: Progress) -> float | None:
    """Return the share of traffic that a step gives with the batch in hand, None where it is not split.

    It grows with the last batch of a step, when all the instances are there that shall carry it.
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
    question = approval_before(strategy, progress, index)
    if question:
        return question
    gap = max(0, target(ratio(strategy, index), total, split=split) - len(progress.healthy))
    size = gap if progress.promoted else min(gap, strategy.steps[index].batch_size or gap)
    current = tuple([name for name in instances if name not in progress.healthy][:size])
    batch = progress.batch + 1
    batches = max(progress.batches, batch)
    begun = replace(progress, phase=Phase.UPDATING, step_index=index, batch=batch, batches=batches, current=current)
    return Update(begun, current)


def _next_step(strategy: Strategy, progress: Progress, total: int) -> int:
    """Return the step of the next batch: the one in force until its share is reached; past the last: none."""
    last = len(strategy.steps) - 1
    if not progress.batch:
        return last if progress.promoted else 0
    index = min(progress.step_index, last)
    if len(progress.healthy) < target(ratio(strategy, index), total, split=progress.traffic is not None):
        return last if progress.promoted else index
    return last if progress.promoted and index < last else index + 1
