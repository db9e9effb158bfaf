"""Health checks of instances: probes at intervals until the core gives a verdict."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from app.core import health
from app.core.application import HealthCheck
from app.core.attempt import Ending, Outcome
from app.core.environment import OperatorKind
from app.core.health import Streak, Verdict, judge
from app.core.retry import MAX_LOSSES
from app.ports import Instruction, LogSink, ProbeResult
from app.services.execution.instructions import RolloutPosition, instruct
from app.services.execution.step_context import StepContext


async def check_instances(context: StepContext, positions: Sequence[RolloutPosition]) -> dict[str, str]:
    """Check instances concurrently. Return the faults of the unhealthy ones, by instance."""
    check = context.definition.health_check if context.definition else None
    if check is None or (check.command is None and check.http_url is None):
        return {}
    faults = await asyncio.gather(*(_check_until_decided(context, check, position) for position in positions))
    return {position.instance: fault for position, fault in zip(positions, faults, strict=True) if fault is not None}


async def _check_until_decided(context: StepContext, check: HealthCheck, position: RolloutPosition) -> str | None:
    streak, sink = Streak(), context.log.sink()
    while True:
        result = await _probe(context, check, position, sink)
        streak, verdict = judge(check, streak, result.ok)
        state = "healthy" if result.ok else "WARN: not healthy"
        by = f" by Service {position.service}" if position.service else ""
        await context.log.say(f"{state}: {position.instance}{by} ({result.detail})")
        if verdict is Verdict.HEALTHY:
            return None
        if verdict is Verdict.UNHEALTHY:
            return f"not healthy, {streak.failures} times in a row: {result.detail}"
        await asyncio.sleep(check.interval_seconds)


def _probe_url(context: StepContext, url: str, position: RolloutPosition) -> str:
    """Return the URL of a probe. A set's own Service replaces the application's Service."""
    filled = health.probe_url(
        url,
        instance=position.instance,
        version=context.version.name,
        color=position.color or "",
        service=position.service or "",
    )
    definition, connection = context.definition, context.environment.kubernetes
    own_service = definition.kubernetes.service if definition and definition.kubernetes else None
    if own_service is None or position.service in (None, own_service) or connection is None:
        return filled
    return health.redirect_to_service(filled, own_service, str(position.service), connection.namespace)


async def _probe(context: StepContext, check: HealthCheck, position: RolloutPosition, sink: LogSink) -> ProbeResult:
    runtime = context.runtime
    if context.operator_kind is OperatorKind.SIMULATED:
        return ProbeResult(True, "simulated")
    if check.http_url:
        url = _probe_url(context, check.http_url, position)
        loopback = context.operator_kind is not OperatorKind.KUBERNETES
        return await runtime.probe.get(url, check.expect_status, check.timeout_seconds, loopback=loopback)
    instruction = instruct(context.instruction_context, context.task, check.command, position)
    if context.operator_kind is OperatorKind.KUBERNETES:
        instruction = replace(instruction, answer_seconds=check.timeout_seconds)
        return _probe_result(await _run_in_cluster(context, instruction, position))
    operator = runtime.operators[context.operator_kind]
    try:
        async with asyncio.timeout(check.timeout_seconds):
            return _probe_result(await context.executions.run(operator, instruction, sink))
    except TimeoutError:
        return ProbeResult(False, f"no answer within {check.timeout_seconds} s")


def _probe_result(outcome: Outcome) -> ProbeResult:
    return ProbeResult(outcome.ending is Ending.SUCCEEDED, outcome.message or "exit status 0")


async def _run_in_cluster(context: StepContext, instruction: Instruction, position: RolloutPosition) -> Outcome:
    """Run the command of a check. Its timeout counts from when it runs: a pod may take long to start.

    A command that the cluster itself ended says nothing about health, and is repeated.
    """
    operator, sink = context.runtime.operators[OperatorKind.KUBERNETES], context.log.sink()
    for _ in range(MAX_LOSSES):
        outcome = await context.executions.run(operator, instruction, sink)
        if outcome.ending is not Ending.LOST:
            return outcome
        await context.log.say(f"WARN: asking {position.instance} again: {outcome.message}")
    return await context.executions.run(operator, instruction, sink)
