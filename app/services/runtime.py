"""The bundle of everything a use case may use, opened once per process by the wiring."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.environment import OperatorKind
from app.core.freeze import Calendar
from app.ports import Bus, Chance, Clock, JobQueue, Operator, Probe, RolloutOperator, RunOperator, WorkspaceCleaner


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Ports, and the few figures that use cases need. `operators` is empty where no tasks are run."""

    clock: Clock
    chance: Chance
    bus: Bus
    queue: JobQueue
    probe: Probe
    calendar: Calendar
    operators: Mapping[OperatorKind, Operator]
    rollouts: Mapping[OperatorKind, RolloutOperator] = field(default_factory=dict)
    """Operators that move workloads as a whole; every other one is told instance by instance."""
    runs: Mapping[OperatorKind, RunOperator] = field(default_factory=dict)
    """Operators whose runs outlive their workers."""
    workspaces: WorkspaceCleaner | None = None
    """The folders of this machine, None where no commands are run."""
    lease_seconds: float = 15.0
    log_bytes: int = 500 * 1024 * 1024
    """How much of the log of a task is kept."""
    alive_seconds: float = 15.0
    """How long ago a worker may have been seen last to count as alive."""
