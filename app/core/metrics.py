"""The last result of a metric check, as it is shown beside the batch that it was made for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.application import MetricCheck


@dataclass(frozen=True, slots=True)
class MetricResult:
    """What a query gave: of several series the value that is nearest to its bounds, or furthest beyond them.

    `value` is None where the query gave no data, or nothing that is a number. Bounds that are None are open.
    """

    name: str
    at: datetime
    value: float | None
    minimum: float | None
    maximum: float | None
    ok: bool


def metric_result(metric: MetricCheck, values: Sequence[float], at: datetime, *, ok: bool) -> MetricResult:
    """Return the result of a check from the values that its query gave."""
    low = -math.inf if metric.minimum is None else metric.minimum
    high = math.inf if metric.maximum is None else metric.maximum
    finite = [value for value in values if math.isfinite(value)]
    value = min(finite, key=lambda each: min(each - low, high - each), default=None)
    return MetricResult(metric.name, at, value, metric.minimum, metric.maximum, ok)
