"""Finding out whether an application's metrics are as they should be: queries at intervals until there is a verdict."""

import asyncio
from typing import NamedTuple

from app.core import health
from app.core.application import HealthCheck, MetricCheck
from app.core.environment import OperatorKind
from app.core.health import MetricStreak, Verdict
from app.core.metrics import MetricResult, metric_result
from app.services.execution.health_checks import Patient


class Checked(NamedTuple):
    """What is wrong with metrics, None where nothing is, and the last result of each."""

    fault: str | None
    results: tuple[MetricResult, ...] = ()


async def check_metrics(patient: Patient, color: str | None) -> Checked:
    """Check all metrics of an application side by side."""
    definition = patient.setting.definition(patient.task)
    check = definition.health_check if definition else None
    if check is None or patient.setting.environment.operator is OperatorKind.SIMULATED:
        return Checked(None)
    found = await asyncio.gather(*(_until_decided(patient, check, metric, color) for metric in check.metrics))
    return Checked("; ".join(fault for fault, _ in found if fault) or None, tuple(result for _, result in found))


async def _until_decided(
    patient: Patient, check: HealthCheck, metric: MetricCheck, color: str | None
) -> tuple[str | None, MetricResult]:
    probe, here = patient.runtime.probe, patient.setting.environment.operator is not OperatorKind.KUBERNETES
    query = health.fill_query(metric, version=patient.setting.version.name, color=color or "")
    streak = MetricStreak()
    while True:
        measured = await probe.measure(metric.prometheus_url, query, check.timeout_seconds, loopback=here)
        finding = health.finding_of(metric, measured.values)
        streak, verdict = health.judge_metric(check, streak, finding)
        said = (
            measured.detail
            if finding is health.Finding.INCONCLUSIVE
            else health.describe_values(metric, measured.values)
        )
        level = "" if finding is health.Finding.WITHIN else "WARN: "
        await patient.log.say(f"{level}metric {metric.name}: {finding.lower()} ({said})")
        ok = finding is health.Finding.WITHIN
        result = metric_result(metric, measured.values, patient.runtime.clock.now(), ok=ok)
        match verdict:
            case Verdict.HEALTHY:
                return None, result
            case Verdict.UNHEALTHY if finding is health.Finding.INCONCLUSIVE:
                return f"metric {metric.name} inconclusive, {streak.unknown} times in a row: {said}", result
            case Verdict.UNHEALTHY:
                return f"metric {metric.name} out of bounds, {streak.failures} times in a row: {said}", result
        await asyncio.sleep(check.interval_seconds)
