"""When an instance counts as healthy or as failed: results of probes in a row against two thresholds."""

from dataclasses import dataclass
from enum import StrEnum

from app.core.application import HealthCheck


class Verdict(StrEnum):
    """What the probes so far say."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Streak:
    """How many probes in a row succeeded or failed; one of the two is zero."""

    successes: int = 0
    failures: int = 0


def judge(check: HealthCheck, streak: Streak, ok: bool) -> tuple[Streak, Verdict]:
    """Return the streak after one more probe, and the verdict it gives."""
    if ok:
        streak = Streak(successes=streak.successes + 1)
        return streak, Verdict.HEALTHY if streak.successes >= check.success_threshold else Verdict.UNDECIDED
    streak = Streak(failures=streak.failures + 1)
    return streak, Verdict.UNHEALTHY if streak.failures >= check.failure_threshold else Verdict.UNDECIDED
