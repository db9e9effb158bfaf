"""How a deploy task changes its instances: what every strategy is given and what it may decide.

A strategy is one total function, `decide(strategy, instances, progress, observed, now)`: it says what to do next and
what to store before doing it. The engine stores, acts, observes and asks again; after a crash anywhere between, asking
again with what was stored gives work that may be repeated and leaves none out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class StrategyKind(StrEnum):
    """The strategies that there are."""

    ROLLING = "ROLLING"


@dataclass(frozen=True, slots=True)
class StrategyStep:
    """One step. `batch_size` 0 means all at once; `batch_interval` is how many seconds a batch is watched.

    With `require_approval` people are asked before the step.
    """

    batch_size: int = 0
    batch_interval: int = 0
    auto_rollback: bool = True
    require_approval: bool = False


@dataclass(frozen=True, slots=True)
class Strategy:
    """A kind and its steps, at least one."""

    kind: StrategyKind = StrategyKind.ROLLING
    steps: tuple[StrategyStep, ...] = (StrategyStep(),)


class Phase(StrEnum):
    """What is being done with the batch in hand."""

    IDLE = "IDLE"
    UPDATING = "UPDATING"
    CHECKING = "CHECKING"
    WATCHING = "WATCHING"
    VERIFYING = "VERIFYING"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a deploy task has come: the stored half of a decision.

    `healthy` holds the instances of finished batches, `current` those of the batch in hand (both in order), `batch`
    counts batches from 1 (0: none begun), `batches` how many there will be, `total` all instances. `resume_at` is set
    while a batch is watched. `asked` is the step (from 0) for which people are being asked, `approved` the last one
    that they approved (-1: none). `promoted` tells that a person asked for all that is left at once, without watching.
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

    @property
    def updated(self) -> tuple[str, ...]:
        """The instances that carry the new version."""
        behind = self.current if self.phase not in (Phase.IDLE, Phase.UPDATING) else ()
        return self.healthy + behind

    @property
    def touched(self) -> tuple[str, ...]:
        """The instances that were changed, or may have been."""
        return self.healthy + self.current

    @property
    def weight(self) -> float:
        """The share of instances on the new version, 0 to 1."""
        return len(self.updated) / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of the batch in hand by whoever drives it now. `failed` maps an instance to what went wrong."""

    updated: frozenset[str] = frozenset()
    healthy: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """Bring the new version to these instances."""

    progress: Progress
    instances: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """Find out whether these instances are healthy."""

    progress: Progress
    instances: tuple[str, ...]


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


Decision = Update | Check | Wait | Ask | Done | Fail
