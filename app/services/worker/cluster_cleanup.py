"""Clearing up: what has ended in a cluster fills its quotas until it is removed."""

from collections.abc import Sequence

from app.core.attempt import Ending, Outcome
from app.ports import Run
from app.services.runtime import Runtime
from app.services.worker.turn import Finished


async def clear_up(runtime: Runtime, settled: Sequence[Finished]) -> None:
    """Remove the runs of attempts of which it is stored what came of them. Nobody goes on with these any more."""
    for each in settled:
        environment, task = each.assignment.context.environment, each.assignment.task
        operator, connection = runtime.runs.get(environment.operator), environment.kubernetes
        is_over = isinstance(each.result, Outcome) and each.result.ending in (Ending.SUCCEEDED, Ending.FAILED)
        if operator and connection and each.run and is_over:
            await operator.end_run(connection, Run(task.deployment_id, task.id, each.run, None))
