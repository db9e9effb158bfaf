"""When an instance counts as healthy or failed: consecutive results of probes against two thresholds.

A metric is judged the same way, except that a query may be inconclusive: no data is neither success nor failure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import quote, urlsplit, urlunsplit

from app.core.application import HealthCheck, MetricCheck


class Verdict(StrEnum):
    """The verdict of the probes so far."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Streak:
    """The number of consecutive successes or failures; one of the two is zero."""

    successes: int = 0
    failures: int = 0


def judge(check: HealthCheck, streak: Streak, ok: bool) -> tuple[Streak, Verdict]:
    """Return the streak and the verdict after one more probe."""
    if ok:
        streak = Streak(successes=streak.successes + 1)
        return streak, Verdict.HEALTHY if streak.successes >= check.success_threshold else Verdict.UNDECIDED
    streak = Streak(failures=streak.failures + 1)
    return streak, Verdict.UNHEALTHY if streak.failures >= check.failure_threshold else Verdict.UNDECIDED


class Finding(StrEnum):
    """The finding of one query of a metric."""

    WITHIN = "WITHIN"
    OUTSIDE = "OUTSIDE"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class MetricStreak:
    """Consecutive queries within or outside the bounds; `unknown` counts inconclusive ones since then."""

    successes: int = 0
    failures: int = 0
    unknown: int = 0


def fill_query(metric: MetricCheck, *, version: str, color: str) -> str:
    """Return the query with `{version}` and `{color}` filled in, escaped for a quoted string."""
    for name, value in (("{version}", version), ("{color}", color)):
        metric = replace(metric, query=metric.query.replace(name, value.replace("\\", "\\\\").replace('"', '\\"')))
    return metric.query


def probe_url(url: str, *, instance: str, version: str, color: str, service: str) -> str:
    """Return the URL of a probe with its placeholders filled in, quoted for a URL."""
    values = {"{instance}": quote(instance, safe=":.[]"), "{version}": quote(version, safe="")}
    for name, value in (values | {"{color}": color, "{service}": service}).items():
        url = url.replace(name, value)
    return url


def redirect_to_service(url: str, service: str, to: str, namespace: str) -> str:
    """Return a URL whose host, if it is `service` in that namespace, is replaced by the Service `to`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    names = (service, f"{service}.{namespace}", f"{service}.{namespace}.svc")
    if host not in names and not host.startswith(f"{names[-1]}."):
        return url
    user, at, host_port = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{to}{host_port[len(service) :]}"))


def finding_of(metric: MetricCheck, values: Sequence[float]) -> Finding:
    """Return whether all values lie within the bounds. No values, or a NaN, are inconclusive."""
    if not values or any(math.isnan(value) for value in values):
        return Finding.INCONCLUSIVE
    low = -math.inf if metric.minimum is None else metric.minimum
    high = math.inf if metric.maximum is None else metric.maximum
    return Finding.WITHIN if all(low <= value <= high for value in values) else Finding.OUTSIDE


def describe_values(metric: MetricCheck, values: Sequence[float]) -> str:
    """Return values and bounds in words; of many values, the least and the greatest."""
    span = f"{values[0]:.6g}" if len(values) == 1 else f"{min(values):.6g} to {max(values):.6g}"
    low = "" if metric.minimum is None else f"at least {metric.minimum:.6g}"
    high = "" if metric.maximum is None else f"at most {metric.maximum:.6g}"
    return f"{span}, {' and '.join(filter(None, [low, high])) or 'any value'}"


def judge_metric(check: HealthCheck, streak: MetricStreak, finding: Finding) -> tuple[MetricStreak, Verdict]:
    """Return the streak and the verdict after one more query.

    An inconclusive query leaves the streak unchanged; `failure_threshold` of them in a row fail the check.
    """
    match finding:
        case Finding.WITHIN:
            streak = MetricStreak(successes=streak.successes + 1)
            healthy = streak.successes >= check.success_threshold
            return streak, Verdict.HEALTHY if healthy else Verdict.UNDECIDED
        case Finding.OUTSIDE:
            streak = MetricStreak(failures=streak.failures + 1)
        case Finding.INCONCLUSIVE:
            streak = replace(streak, unknown=streak.unknown + 1)
    limit = check.failure_threshold
    unhealthy = streak.failures >= limit or streak.unknown >= limit
    return streak, Verdict.UNHEALTHY if unhealthy else Verdict.UNDECIDED
