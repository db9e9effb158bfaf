"""The bundle of everything that use cases and workers need, opened once per process by the wiring."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.environment import OperatorKind
from app.core.freeze import Calendar
from app.ports import Bus, Chance, Clock, JobQueue, Operator, Probe, RolloutOperator, RunOperator, WorkspaceCleaner


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Ports and settings of the services. `operators` is empty in a process that runs no tasks."""

    clock: Clock
    chance: Chance
    bus: Bus
    queue: JobQueue
    probe: Probe
    calendar: Calendar
    operators: Mapping[OperatorKind, Operator]
    rollouts: Mapping[OperatorKind, RolloutOperator] = field(default_factory=dict)
    """Operators that roll out a workload as a whole; the others are called for each instance."""
    runs: Mapping[OperatorKind, RunOperator] = field(default_factory=dict)
    """Operators whose runs outlive their workers."""
    workspaces: WorkspaceCleaner | None = None
    """Keeper of the workspace folders of this machine; None where no commands run."""
    lease_seconds: float = 15.0
    log_bytes: int = 500 * 1024 * 1024
    """Maximum size of a task's stored log."""
    alive_seconds: float = 15.0
    """Time since its last heartbeat after which a worker counts as dead."""
