"""When an instance counts as healthy or as failed: results of probes in a row against two thresholds.

A metric is judged the same way, except that a query can also tell nothing: no data is neither success nor failure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import quote, urlsplit, urlunsplit

from app.core.application import HealthCheck, MetricCheck


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


class Finding(StrEnum):
    """What one query of a metric says."""

    WITHIN = "WITHIN"
    OUTSIDE = "OUTSIDE"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class MetricStreak:
    """How many queries in a row were within or outside; `unknown` counts those since that told nothing."""

    successes: int = 0
    failures: int = 0
    unknown: int = 0


def fill_query(metric: MetricCheck, *, version: str, color: str) -> str:
    """Return the query with `{version}` and `{color}` filled in, as the inside of a quoted string takes them."""
    for name, value in (("{version}", version), ("{color}", color)):
        metric = replace(metric, query=metric.query.replace(name, value.replace("\\", "\\\\").replace('"', '\\"')))
    return metric.query


def probe_url(url: str, *, instance: str, version: str, color: str, service: str) -> str:
    """Return the address of a probe with its places filled in, quoted as a part of an address takes them."""
    values = {"{instance}": quote(instance, safe=":.[]"), "{version}": quote(version, safe="")}
    for name, value in (values | {"{color}": color, "{service}": service}).items():
        url = url.replace(name, value)
    return url


def redirect_to_service(url: str, service: str, to: str, namespace: str) -> str:
    """Return an address that asks the Service `to` where it named another one of that namespace by its cluster name."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    names = (service, f"{service}.{namespace}", f"{service}.{namespace}.svc")
    if host not in names and not host.startswith(f"{names[-1]}."):
        return url
    user, at, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{to}{place[len(service) :]}"))


def finding_of(metric: MetricCheck, values: Sequence[float]) -> Finding:
    """Say what values tell: every one must lie within the bounds. None, or one that is no number, tells nothing."""
    if not values or any(math.isnan(value) for value in values):
        return Finding.INCONCLUSIVE
    low = -math.inf if metric.minimum is None else metric.minimum
    high = math.inf if metric.maximum is None else metric.maximum
    return Finding.WITHIN if all(low <= value <= high for value in values) else Finding.OUTSIDE


def describe_values(metric: MetricCheck, values: Sequence[float]) -> str:
    """Return values and bounds in words: of many values those that matter, the least and the greatest."""
    seen = f"{values[0]:.6g}" if len(values) == 1 else f"{min(values):.6g} to {max(values):.6g}"
    low = "" if metric.minimum is None else f"at least {metric.minimum:.6g}"
    high = "" if metric.maximum is None else f"at most {metric.maximum:.6g}"
    return f"{seen}, {' and '.join(filter(None, [low, high])) or 'any value'}"


def judge_metric(check: HealthCheck, streak: MetricStreak, finding: Finding) -> tuple[MetricStreak, Verdict]:
    """Return the streak after one more query, and the verdict it gives.

    What tells nothing leaves the streak as it is; it fails only when that goes on for as long as failures may.
    """
    match finding:
        case Finding.WITHIN:
            streak = MetricStreak(successes=streak.successes + 1)
            good = streak.successes >= check.success_threshold
            return streak, Verdict.HEALTHY if good else Verdict.UNDECIDED
        case Finding.OUTSIDE:
            streak = MetricStreak(failures=streak.failures + 1)
        case Finding.INCONCLUSIVE:
            streak = replace(streak, unknown=streak.unknown + 1)
    limit = check.failure_threshold
    bad = streak.failures >= limit or streak.unknown >= limit
    return streak, Verdict.UNHEALTHY if bad else Verdict.UNDECIDED
