"""Finding out whether instances are healthy: probes at intervals until the core gives a verdict."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core import health
from app.core.application import HealthCheck
from app.core.attempt import Ending, Outcome
from app.core.environment import OperatorKind
from app.core.health import Streak, Verdict, judge
from app.core.retry import MAX_LOSSES
from app.core.task import Task
from app.ports import Instruction, LogSink, ProbeResult
from app.services.execution.executions import Executions
from app.services.execution.instructions import InstructionContext, RolloutPosition, instruct
from app.services.execution.log_writer import LogWriter
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose health is asked for, and where what is found is logged."""

    runtime: Runtime
    setting: InstructionContext
    task: Task
    log: LogWriter
    executions: Executions


async def check_instances(patient: Patient, places: Sequence[RolloutPosition]) -> dict[str, str]:
    """Check instances side by side. Return what is wrong with those that are not healthy, by instance."""
    definition = patient.setting.definition(patient.task)
    check = definition.health_check if definition else None
    if check is None or (check.command is None and check.http_url is None):
        return {}
    found = await asyncio.gather(*(_until_decided(patient, check, place) for place in places))
    return {place.instance: fault for place, fault in zip(places, found, strict=True) if fault is not None}


async def _until_decided(patient: Patient, check: HealthCheck, place: RolloutPosition) -> str | None:
    streak, sink = Streak(), patient.log.sink()
    while True:
        result = await _probe(patient, check, place, sink)
        streak, verdict = judge(check, streak, result.ok)
        said = "healthy" if result.ok else "WARN: not healthy"
        by = f" by Service {place.service}" if place.service else ""
        await patient.log.say(f"{said}: {place.instance}{by} ({result.detail})")
        if verdict is Verdict.HEALTHY:
            return None
        if verdict is Verdict.UNHEALTHY:
            return f"not healthy, {streak.failures} times in a row: {result.detail}"
        await asyncio.sleep(check.interval_seconds)


def _address(patient: Patient, url: str, place: RolloutPosition) -> str:
    """Return where to ask: the Service of a set of its own also where the address names the application's."""
    setting = patient.setting
    asked = health.probe_url(
        url,
        instance=place.instance,
        version=setting.version.name,
        color=place.color or "",
        service=place.service or "",
    )
    definition, reach = setting.definition(patient.task), setting.environment.kubernetes
    own = definition.kubernetes.service if definition and definition.kubernetes else None
    if own is None or place.service in (None, own) or reach is None:
        return asked
    return health.redirect_to_service(asked, own, str(place.service), reach.namespace)


async def _probe(patient: Patient, check: HealthCheck, place: RolloutPosition, sink: LogSink) -> ProbeResult:
    runtime, setting = patient.runtime, patient.setting
    if setting.environment.operator is OperatorKind.SIMULATED:
        return ProbeResult(True, "simulated")
    if check.http_url:
        url = _address(patient, check.http_url, place)
        here = setting.environment.operator is not OperatorKind.KUBERNETES
        return await runtime.probe.get(url, check.expect_status, check.timeout_seconds, loopback=here)
    instruction = instruct(setting, patient.task, check.command, place)
    if setting.environment.operator is OperatorKind.KUBERNETES:
        outcome = await _run_in_cluster(patient, replace(instruction, answer_seconds=check.timeout_seconds), place)
        return ProbeResult(outcome.ending is Ending.SUCCEEDED, outcome.message or "exit status 0")
    operator = runtime.operators[setting.environment.operator]
    try:
        async with asyncio.timeout(check.timeout_seconds):
            outcome = await patient.executions.run(operator, instruction, sink)
    except TimeoutError:
        return ProbeResult(False, f"no answer within {check.timeout_seconds} s")
    return ProbeResult(outcome.ending is Ending.SUCCEEDED, outcome.message or "exit status 0")


async def _run_in_cluster(patient: Patient, instruction: Instruction, place: RolloutPosition) -> Outcome:
    """Run the command of a check, whose limit counts from when it runs: a pod may take long to begin.

    What the cluster itself ended says nothing of health, and is asked again.
    """
    operator, sink = patient.runtime.operators[OperatorKind.KUBERNETES], patient.log.sink()
    for _ in range(MAX_LOSSES):
        outcome = await patient.executions.run(operator, instruction, sink)
        if outcome.ending is not Ending.LOST:
            return outcome
        await patient.log.say(f"WARN: asking {place.instance} again: {outcome.message}")
    return await patient.executions.run(operator, instruction, sink)
