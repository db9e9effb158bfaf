"""Metric checks of an application: queries at intervals until the core gives a verdict."""

import asyncio
from typing import NamedTuple

from app.core import health
from app.core.application import HealthCheck, MetricCheck
from app.core.environment import OperatorKind
from app.core.health import MetricStreak, Verdict
from app.core.metrics import MetricResult, metric_result
from app.services.execution.step_context import StepContext


class MetricsChecked(NamedTuple):
    """The fault of metrics, None where there is none, and the last result of each."""

    fault: str | None
    results: tuple[MetricResult, ...] = ()


async def check_metrics(context: StepContext, color: str | None) -> MetricsChecked:
    """Check all metrics of an application concurrently."""
    check = context.definition.health_check if context.definition else None
    if check is None or context.operator_kind is OperatorKind.SIMULATED:
        return MetricsChecked(None)
    checks = await asyncio.gather(*(_check_until_decided(context, check, metric, color) for metric in check.metrics))
    faults = "; ".join(fault for fault, _ in checks if fault) or None
    return MetricsChecked(faults, tuple(result for _, result in checks))


async def _check_until_decided(
    context: StepContext, check: HealthCheck, metric: MetricCheck, color: str | None
) -> tuple[str | None, MetricResult]:
    probe, loopback = context.runtime.probe, context.operator_kind is not OperatorKind.KUBERNETES
    query = health.fill_query(metric, version=context.version.name, color=color or "")
    streak = MetricStreak()
    while True:
        measured = await probe.measure(metric.prometheus_url, query, check.timeout_seconds, loopback=loopback)
        finding = health.finding_of(metric, measured.values)
        streak, verdict = health.judge_metric(check, streak, finding)
        inconclusive, within = finding is health.Finding.INCONCLUSIVE, finding is health.Finding.WITHIN
        detail = measured.detail if inconclusive else health.describe_values(metric, measured.values)
        level = "" if within else "WARN: "
        await context.log.say(f"{level}metric {metric.name}: {finding.lower()} ({detail})")
        result = metric_result(metric, measured.values, context.runtime.clock.now(), ok=within)
        match verdict:
            case Verdict.HEALTHY:
                return None, result
            case Verdict.UNHEALTHY if inconclusive:
                return f"metric {metric.name} inconclusive, {streak.unknown} times in a row: {detail}", result
            case Verdict.UNHEALTHY:
                return f"metric {metric.name} out of bounds, {streak.failures} times in a row: {detail}", result
        await asyncio.sleep(check.interval_seconds)
