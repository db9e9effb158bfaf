"""What a run says at its end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.faults.checks import Violation, lost_for_good
from tests.chaos.faults.fleet import Fleet
from tests.chaos.faults.observe import REFUSALS, Seen


@dataclass(slots=True)
class Report:
    """All that came of a run."""

    seed: int
    folder: Path
    faults: dict[str, int] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    repeated: int = 0
    drained: float = 0.0
    hit: dict[int, list[tuple[float, str]]] = field(default_factory=dict)

    def take(self, fleet: Fleet) -> None:
        """Take the history of the processes over."""
        self.hit, self.notes = fleet.hit, fleet.notes
        self.violations += [Violation("hung process", "fleet", text) for text in fleet.hung]

    def text(self) -> str:
        """Return the summary, and every violation."""
        return "\n".join([*self._table(), *self._list()])

    def _table(self) -> Iterator[str]:
        attempts = [attempt for deployment in self.seen for task in deployment.tasks for attempt in task.attempts]
        tasks = [task for one in self.seen for task in one.tasks]
        statuses = Counter(one.status for one in self.seen)
        lost = [
            attempt
            for one in self.seen
            if not REFUSALS.intersection(asked.status for asked in one.approvals)
            for task in one.tasks
            for attempt in task.attempts
            if attempt.status == "CANCELLED"
        ]
        recoveries = sorted(self._recoveries())
        rows = [("seed", str(self.seed)), ("faults", str(sum(self.faults.values())))]
        rows += [(f"  {name}", str(count)) for name, count in sorted(self.faults.items())]
        rows += [("deployments", ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())))]
        rows += [
            ("approvals", _counts(f"{asked.subject} {asked.status}" for one in self.seen for asked in one.approvals)),
            ("tasks", str(len(tasks))),
            ("attempts", f"{len(attempts)}: {_counts(attempt.status for attempt in attempts)}"),
            ("lost attempts", str(len(lost))),
            ("  without a fault of their worker", str(sum(attempt.worker_pid not in self.hit for attempt in lost))),
            (
                "tasks given up as lost too often",
                str(sum(task.status == "FAILED" and lost_for_good(task) for task in tasks)),
            ),
            ("recovery after SIGKILL", _spread(recoveries)),
            ("all ended, after the last fault", f"{self.drained:.1f} s"),
            ("requests sent again", str(self.repeated)),
            ("processes that ended by themselves", str(len(self.notes))),
            ("violations", f"{len(self.violations)}: {_counts(one.kind for one in self.violations)}"),
        ]
        width = max(len(name) for name, _ in rows)
        yield from (f"{name:<{width}}  {value}" for name, value in rows)

    def _recoveries(self) -> Iterator[float]:
        """Yield the seconds from a worker's SIGKILL to the next attempt of each task that it held."""
        for task in (task for deployment in self.seen for task in deployment.tasks):
            for earlier, later in zip(task.attempts, task.attempts[1:], strict=False):
                kills = [at for at, how in self.hit.get(earlier.worker_pid, []) if how == "SIGKILL"]
                for at in kills:
                    if earlier.status == "CANCELLED" and earlier.started_at <= at <= later.started_at:
                        yield later.started_at - at

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
