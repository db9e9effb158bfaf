"""The protocol of a rollout executor, which carries out what a strategy decides."""

from dataclasses import dataclass
from typing import Protocol

from app.core.attempt import Outcome
from app.core.moved_workload import MovedWorkload
from app.core.strategy.model import Observed, Progress
from app.core.strategy.rollback import RollbackStep


@dataclass(frozen=True, slots=True)
class RolloutSize:
    """The instances of a rollout, in order, and whether a route splits traffic apart from them."""

    instances: tuple[str, ...]
    split: bool = False


class RolloutExecutor(Protocol):
    """Carries out the decisions of a strategy, instance by instance or on a workload as a whole.

    Faults are part of what it observes. Every call may be repeated, after a crash at any point.
    """

    @property
    def moved(self) -> MovedWorkload | None:
        """The record of a workload that is moved as a whole, stored with the progress."""
        ...

    @property
    def poll_seconds(self) -> float | None:
        """How often `observe` is called while a batch is watched; None: never."""
        ...

    async def measure(self) -> RolloutSize:
        """Return the instances of the rollout."""
        ...

    async def incompatibility(self) -> str | None:
        """Return why the strategy cannot work here, before any change; None where it can."""
        ...

    async def observe(self, progress: Progress, observed: Observed) -> Observed:
        """Observe the batch that is being watched."""
        ...

    async def update(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Update instances to the new version."""
        ...

    async def check(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Check the health of instances."""
        ...

    async def check_serving(self, color: str | None) -> str | None:
        """Check the health of the set that serves, which has that color. Return its faults."""
        ...

    async def switch(self, progress: Progress, observed: Observed) -> Observed:
        """Switch all traffic to the new set."""
        ...

    async def retire(self, progress: Progress, observed: Observed) -> Observed:
        """End the old set."""
        ...

    async def finish(self, progress: Progress) -> str | None:
        """Remove all that the rollout created for itself. Return the fault, if any."""
        ...

    def success_message(self, progress: Progress) -> str:
        """Return the log line of a rollout that is done."""
        ...

    def why_no_rollback(self) -> str | None:
        """Return why a rollback is impossible, None where it is possible."""
        ...

    async def roll_back_step(self, step: RollbackStep) -> Outcome:
        """Carry out one step of a rollback."""
        ...
