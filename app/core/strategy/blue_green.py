"""Blue and green: a second set is started and checked, then all traffic is switched to it at once.

The last step is the switch. Its approval comes before the switch, and the old set stays for its interval, so that
switching back is instant; then it is retired. Each earlier step watches the new set before it serves. With one step
alone the new set is started and checked before any approval. Each step is a batch, with at least one before the switch.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.core.strategy.batches import approval_before, batch_failure, finish_batch, update_batch, verify_batch
from app.core.strategy.model import Decision, Done, Observed, Phase, Progress, Retire, Strategy, Switch, Update

COLORS = ("blue", "green")


def other(color: str | None) -> str:
    """Return the color of the set that does not serve; the first color where none serves."""
    return COLORS[1] if color == COLORS[0] else COLORS[0]


def decide(
    strategy: Strategy, instances: Sequence[str], progress: Progress, observed: Observed, now: datetime
) -> Decision:
    """Decide what comes next for the set, given the stored progress and what was observed since.

    Total: any observation in any phase gives a decision, and every path ends in Done or Fail.
    """
    batches = max(2, len(strategy.steps))
    progress = replace(progress, batches=batches, total=len(instances), traffic=progress.traffic or 0.0)
    if progress.phase is Phase.IDLE:
        return _next_batch(strategy, instances, progress)
    failed = batch_failure(progress, observed, progress.touched)
    if failed:
        return failed
    if progress.phase is Phase.RETIRING:
        return Done(finish_batch(progress)) if observed.retired else Retire(progress)
    if progress.phase is Phase.UPDATING:
        updated = update_batch(progress, observed)
        if not isinstance(updated, Progress):
            return updated
        progress = updated
    if progress.phase is Phase.SWITCHING:
        if not observed.switched:
            return Switch(progress)
        progress = replace(progress, phase=Phase.CHECKING, traffic=1.0)
    decision = verify_batch(progress, observed, now, _interval(strategy, progress), progress.touched)
    return decision or _next_batch(strategy, instances, finish_batch(progress))


def _interval(strategy: Strategy, progress: Progress) -> int:
    """Return how long the current batch is watched. A single step's interval applies after the switch."""
    before_switch = progress.batch < progress.batches
    if before_switch and len(strategy.steps) == 1:
        return 0
    return strategy.steps[_step_index(strategy, progress.batch)].batch_interval


def _step_index(strategy: Strategy, batch: int) -> int:
    return min(max(batch, 1), len(strategy.steps)) - 1


def _next_batch(strategy: Strategy, instances: Sequence[str], progress: Progress) -> Decision:
    if progress.batch >= progress.batches:
        if progress.retired:
            return Done(progress)
        return Retire(replace(progress, phase=Phase.RETIRING, retired=True))
    batch = progress.batches if progress.promoted and progress.batch else progress.batch + 1
    index = _step_index(strategy, batch)
    if batch > 1 or len(strategy.steps) > 1:
        approval = approval_before(strategy, progress, index)
        if approval:
            return approval
    begun = replace(progress, batch=batch, step_index=index)
    if batch == progress.batches:
        return Switch(replace(begun, phase=Phase.SWITCHING, switched=True))
    if batch > 1:
        begun = replace(begun, phase=Phase.UPDATING, current=())
        return Update(begun, ())
    remaining = tuple(name for name in instances if name not in progress.healthy)
    return Update(replace(begun, phase=Phase.UPDATING, current=remaining), remaining)
