"""The values of strategies: what each one is given, and what it may decide.

A strategy is one total function, `decide(strategy, instances, progress, observed, now)`. It returns what to do next and
what to store before doing it. The engine stores, acts, observes and calls it again. After a crash at any point, calling
it again with the stored progress may repeat work but leaves none out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.core.metrics import MetricResult
from app.core.moved_workload import MovedWorkload


class StrategyKind(StrEnum):
    """The kinds of strategies."""

    ROLLING = "ROLLING"
    CANARY = "CANARY"
    BLUE_GREEN = "BLUE_GREEN"


@dataclass(frozen=True, slots=True)
class StrategyStep:
    """One step.

    ROLLING: `batch_size` instances at a time (0: all at once). CANARY: `canary_ratio` (above 0, up to 1) is the share
    of the new version once the step is done, reached `batch_size` instances at a time. BLUE_GREEN: the last step is the
    switch; earlier ones watch the set that does not serve yet. `batch_interval` is how many seconds a batch, or the
    set, is watched. With `require_approval` people must approve the step before it begins.
    """

    batch_size: int = 0
    batch_interval: int = 0
    auto_rollback: bool = True
    require_approval: bool = False
    canary_ratio: float = 0.0


@dataclass(frozen=True, slots=True)
class Strategy:
    """A kind and its steps, at least one."""

    kind: StrategyKind = StrategyKind.ROLLING
    steps: tuple[StrategyStep, ...] = (StrategyStep(),)


class Phase(StrEnum):
    """The phase of the current batch. UNDOING: the rollout is being rolled back."""

    IDLE = "IDLE"
    UPDATING = "UPDATING"
    CHECKING = "CHECKING"
    WATCHING = "WATCHING"
    VERIFYING = "VERIFYING"
    SWITCHING = "SWITCHING"
    RETIRING = "RETIRING"
    UNDOING = "UNDOING"


@dataclass(frozen=True, slots=True)
class Progress:
    """The stored progress of a deploy task.

    `healthy` holds the instances of finished batches, `current` those of the current batch (both in order). `batch`
    counts batches from 1 (0: none begun), `batches` is their planned number, `total` that of all instances. `resume_at`
    is set while a batch is watched. `asked` is the step (from 0) that waits for approval, `approved` the last approved
    one (-1: none). `promoted` tells that a person wants all remaining batches at once, without watching.

    `traffic` (0 to 1) is the share of traffic given to the new version where traffic is split apart from instances;
    None where each updated instance takes its share by itself. `color` names the set of the new version, `old_color`
    the one that served before; None where sets have no names. `switched` tells that traffic was, or may have been,
    switched between two sets, `retired` the same of ending the old one. `again` tells that the current batch already
    ran the new version before it was begun again. `moved` is the record of a workload that is moved as a whole, None
    where there is none. `metrics` are the last results of the checks of the current batch.
    """

    phase: Phase = Phase.IDLE
    step_index: int = 0
    batch: int = 0
    batches: int = 0
    total: int = 0
    healthy: tuple[str, ...] = ()
    current: tuple[str, ...] = ()
    resume_at: datetime | None = None
    promoted: bool = False
    asked: int | None = None
    approved: int = -1
    traffic: float | None = None
    color: str | None = None
    old_color: str | None = None
    switched: bool = False
    retired: bool = False
    again: bool = False
    moved: MovedWorkload | None = None
    metrics: tuple[MetricResult, ...] = ()

    @property
    def updated(self) -> tuple[str, ...]:
        """The instances that run the new version. A batch that is updated again keeps counting."""
        only_healthy = self.phase in (Phase.IDLE, Phase.UNDOING) or (self.phase is Phase.UPDATING and not self.again)
        return self.healthy if only_healthy else self.healthy + self.current

    @property
    def touched(self) -> tuple[str, ...]:
        """The instances that were changed, or may have been."""
        return self.healthy + self.current

    @property
    def weight(self) -> float:
        """The share of traffic, or of instances, on the new version, 0 to 1."""
        if self.traffic is not None:
            return self.traffic
        return min(1.0, len(self.updated) / self.total) if self.total else 0.0

    @property
    def done(self) -> float:
        """The share of the work that is done, 0 to 1: of instances, or of batches where traffic is split."""
        if self.traffic is None:
            return len(self.healthy) / self.total if self.total else 0.0
        finished = self.batch if self.phase is Phase.IDLE else max(0, self.batch - 1)
        return finished / self.batches if self.batches else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The desired state of a workload; applying the same shape again changes nothing.

    `updated` of `total` replicas run the new version; `weight` (0 to 1) is its share of the traffic, where a route can
    split it. BLUE_GREEN: `switched` tells that the second set serves. CANARY and BLUE_GREEN: `finished` tells that the
    rollout is over, and all of the old version is removed. `watch_seconds` is how long each replica must have been
    ready to count.
    """

    kind: StrategyKind
    updated: int
    total: int
    weight: float
    switched: bool = False
    finished: bool = False
    watch_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Observed:
    """What this worker has observed of the current batch. `failed` maps an instance to its fault.

    `fault` is a fault of the batch as a whole. `switched` and `retired` tell that traffic was switched to the new set,
    and that the old one was ended. `metrics` are the last results of the metric checks.
    """

    updated: frozenset[str] = frozenset()
    healthy: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None
    switched: bool = False
    retired: bool = False
    metrics: tuple[MetricResult, ...] = ()

    def faults(self, instances: Sequence[str]) -> str | None:
        """Return the faults of these instances and of the batch in one text, None where there are none."""
        faults = [f"{name}: {self.failed[name]}" for name in instances if name in self.failed]
        return "; ".join([*faults, *([self.fault] if self.fault is not None else [])]) or None


@dataclass(frozen=True, slots=True)
class Update:
    """Update these instances to the new version; none, where a step only changes the share of traffic."""

    progress: Progress
    instances: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """Check whether these instances are healthy."""

    progress: Progress
    instances: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """Give all traffic to the new set at once."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Retire:
    """End the set that served before."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back at `until`."""

    progress: Progress
    until: datetime


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask people to approve the step `progress.asked` before it begins."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Done:
    """Every instance runs the new version and is healthy."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Fail:
    """The current batch failed."""

    progress: Progress
    reason: str


Decision = Update | Check | Switch | Retire | Wait | Ask | Done | Fail
