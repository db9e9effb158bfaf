"""The last result of a metric check, shown beside its batch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.application import MetricCheck


@dataclass(frozen=True, slots=True)
class MetricResult:
    """The result of a query: of several series, the value nearest to its bounds or furthest outside them.

    `value` is None where the query returned no data, or only values that are not numbers. A bound that is None is open.
    """

    name: str
    at: datetime
    value: float | None
    minimum: float | None
    maximum: float | None
    ok: bool


def metric_result(metric: MetricCheck, values: Sequence[float], at: datetime, *, ok: bool) -> MetricResult:
    """Return the result of a check from the values of its query."""
    low = -math.inf if metric.minimum is None else metric.minimum
    high = math.inf if metric.maximum is None else metric.maximum
    finite = [value for value in values if math.isfinite(value)]
    closest = min(finite, key=lambda value: min(value - low, high - value), default=None)
    return MetricResult(metric.name, at, closest, metric.minimum, metric.maximum, ok)
