"""The report at the end of a run."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.faults.checks import Violation, lost_for_good
from tests.chaos.faults.fleet import Fleet
from tests.chaos.faults.observe import REFUSALS, ObservedDeployment


@dataclass(slots=True)
class Report:
    """The result of a run."""

    seed: int
    folder: Path
    faults: dict[str, int] = field(default_factory=dict)
    deployments: list[ObservedDeployment] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    repeated: int = 0
    drained: float = 0.0
    faults_by_pid: dict[int, list[tuple[float, str]]] = field(default_factory=dict)

    def take(self, fleet: Fleet) -> None:
        """Take over the history of the processes."""
        self.faults_by_pid, self.notes = fleet.faults_by_pid, fleet.notes
        self.violations += [Violation("hung process", "fleet", text) for text in fleet.hung]

    def text(self) -> str:
        """Return the summary, and every violation."""
        return "\n".join([*self._table(), *self._list()])

    def _table(self) -> Iterator[str]:
        attempts = [
            attempt for deployment in self.deployments for task in deployment.tasks for attempt in task.attempts
        ]
        tasks = [task for deployment in self.deployments for task in deployment.tasks]
        statuses = Counter(deployment.status for deployment in self.deployments)
        lost_attempts = [
            attempt
            for deployment in self.deployments
            if not REFUSALS.intersection(approval.status for approval in deployment.approvals)
            for task in deployment.tasks
            for attempt in task.attempts
            if attempt.status == "CANCELLED"
        ]
        recoveries = sorted(self._recoveries())
        rows = [("seed", str(self.seed)), ("faults", str(sum(self.faults.values())))]
        rows += [(f"  {name}", str(count)) for name, count in sorted(self.faults.items())]
        rows += [("deployments", ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())))]
        rows += [
            (
                "approvals",
                _counts(
                    f"{approval.subject} {approval.status}"
                    for deployment in self.deployments
                    for approval in deployment.approvals
                ),
            ),
            ("tasks", str(len(tasks))),
            ("attempts", f"{len(attempts)}: {_counts(attempt.status for attempt in attempts)}"),
            ("lost attempts", str(len(lost_attempts))),
            (
                "  without a fault of their worker",
                str(sum(attempt.worker_pid not in self.faults_by_pid for attempt in lost_attempts)),
            ),
            (
                "tasks given up as lost too often",
                str(sum(task.status == "FAILED" and lost_for_good(task) for task in tasks)),
            ),
            ("recovery after SIGKILL", _spread(recoveries)),
            ("all ended, after the last fault", f"{self.drained:.1f} s"),
            ("requests sent again", str(self.repeated)),
            ("processes that ended by themselves", str(len(self.notes))),
            ("violations", f"{len(self.violations)}: {_counts(deployment.kind for deployment in self.violations)}"),
        ]
        width = max(len(name) for name, _ in rows)
        yield from (f"{name:<{width}}  {value}" for name, value in rows)

    def _recoveries(self) -> Iterator[float]:
        """Yield the seconds from a worker's SIGKILL to the next attempt of each task that it held."""
        for task in (task for deployment in self.deployments for task in deployment.tasks):
            for earlier, later in zip(task.attempts, task.attempts[1:], strict=False):
                kills = [time for time, fault in self.faults_by_pid.get(earlier.worker_pid, []) if fault == "SIGKILL"]
                for time in kills:
                    if earlier.status == "CANCELLED" and earlier.started_at <= time <= later.started_at:
                        yield later.started_at - time

    def _list(self) -> Iterator[str]:
        for note in self.notes[:20]:
            yield f"note: {note}"
        for violation in self.violations:
            yield str(violation)
        if self.violations:
            yield f"What the processes wrote is in {self.folder}"


def _counts(values: Iterator[str]) -> str:
    return ", ".join(f"{count} {value}" for value, count in sorted(Counter(values).items())) or "none"


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    return f"{len(seconds)} times, half within {seconds[len(seconds) // 2]:.1f} s, longest {seconds[-1]:.1f} s"
