"""How a deploy task changes its instances: what every strategy is given and what it may decide.

A strategy is one total function, `decide(strategy, instances, progress, observed, now)`: it says what to do next and
what to store before doing it. The engine stores, acts, observes and asks again; after a crash anywhere between, asking
again with what was stored gives work that may be repeated and leaves none out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.core.metrics import MetricResult
from app.core.moved_workload import MovedWorkload


class StrategyKind(StrEnum):
    """The strategies that there are."""

    ROLLING = "ROLLING"
    CANARY = "CANARY"
    BLUE_GREEN = "BLUE_GREEN"


@dataclass(frozen=True, slots=True)
class StrategyStep:
    """One step.

    ROLLING: `batch_size` instances at a time (0: all at once). CANARY: `canary_ratio` (above 0, up to 1) is the share
    that the new version has once the step is done, brought `batch_size` instances at a time. BLUE_GREEN: the last step
    is the switch, those before it watch the set that does not serve yet. `batch_interval` is how many seconds a batch,
    or the set, is watched. With `require_approval` people are asked before the step.
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
    """What is being done with the batch in hand. UNDOING: the rollout is being taken back."""

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
    """How far a deploy task has come: the stored half of a decision.

    `healthy` holds the instances of finished batches, `current` those of the batch in hand (both in order), `batch`
    counts batches from 1 (0: none begun), `batches` how many there will be, `total` all instances. `resume_at` is set
    while a batch is watched. `asked` is the step (from 0) for which people are being asked, `approved` the last one
    that they approved (-1: none). `promoted` tells that a person asked for all that is left at once, without watching.

    `traffic` (0 to 1) is the share of traffic that the new version was given, where it is steered apart from the
    instances; None where an instance that is updated takes its share by itself. `color` names the set that the new
    version is brought to, `old_color` the one that served before; None where sets have no names. `switched` tells that
    traffic was, or may have been, switched between two sets, `retired` the same of ending the old one. `again` tells
    that the batch in hand carried the new version before it was begun again. `moved` is what was done to a workload
    that is moved as a whole; None where there is none, or nothing was done. `metrics` are the last results of the
    checks of the batch in hand.
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
        """The instances that carry the new version; while a batch is brought again it keeps what it carried."""
        without = self.phase in (Phase.IDLE, Phase.UNDOING) or (self.phase is Phase.UPDATING and not self.again)
        return self.healthy if without else self.healthy + self.current

    @property
    def touched(self) -> tuple[str, ...]:
        """The instances that were changed, or may have been."""
        return self.healthy + self.current

    @property
    def weight(self) -> float:
        """The share of traffic or of instances on the new version, 0 to 1."""
        if self.traffic is not None:
            return self.traffic
        return min(1.0, len(self.updated) / self.total) if self.total else 0.0

    @property
    def done(self) -> float:
        """The share of the work that is done, 0 to 1: of instances, or of batches where they are not all alike."""
        if self.traffic is None:
            return len(self.healthy) / self.total if self.total else 0.0
        finished = self.batch if self.phase is Phase.IDLE else max(0, self.batch - 1)
        return finished / self.batches if self.batches else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a workload shall look: the same shape asked for again changes nothing.

    `updated` of `total` replicas carry the new version; `weight` (0 to 1) is its share of the traffic, where a route
    can split it. BLUE_GREEN: `switched` tells that the second set serves, CANARY and BLUE_GREEN: `finished` that the
    rollout is over, and nothing of the old version is kept any more. `watch_seconds` is how long each replica must
    have been ready to count.
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
    """What was seen of the batch in hand by whoever drives it now. `failed` maps an instance to what went wrong.

    `fault` is what went wrong with all of it. `switched` and `retired` tell that traffic was switched to the new set,
    and that the old one was ended. `metrics` are the last results of the checks of metrics.
    """

    updated: frozenset[str] = frozenset()
    healthy: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None
    switched: bool = False
    retired: bool = False
    metrics: tuple[MetricResult, ...] = ()

    def faults(self, instances: Sequence[str]) -> str | None:
        """Return what went wrong with any of these instances, or with all of it; None where nothing did."""
        told = [f"{name}: {self.failed[name]}" for name in instances if name in self.failed]
        return "; ".join([*told, *([self.fault] if self.fault is not None else [])]) or None


@dataclass(frozen=True, slots=True)
class Update:
    """Bring the new version to these instances; to none, where a step only changes the share of traffic."""

    progress: Progress
    instances: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """Find out whether these instances are healthy."""

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
    """People are to approve the step `progress.asked` before it begins."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Done:
    """Every instance carries the new version and is healthy."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Fail:
    """The batch in hand failed."""

    progress: Progress
    reason: str


Decision = Update | Check | Switch | Retire | Wait | Ask | Done | Fail
