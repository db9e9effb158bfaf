"""Removes finished runs from clusters: they fill quotas until they are removed."""

from collections.abc import Sequence

from app.core.attempt import Ending, Outcome
from app.ports import Run
from app.services.runtime import Runtime
from app.services.worker.turn import Finished


async def remove_finished_runs(runtime: Runtime, settled: Sequence[Finished]) -> None:
    """Remove the runs of settled attempts, which no later attempt continues."""
    for finished in settled:
        environment, task = finished.assignment.context.environment, finished.assignment.task
        operator, connection = runtime.runs.get(environment.operator), environment.kubernetes
        result = finished.result
        is_final = isinstance(result, Outcome) and result.ending in (Ending.SUCCEEDED, Ending.FAILED)
        if operator and connection and finished.run and is_final:
            await operator.end_run(connection, Run(task.deployment_id, task.id, finished.run, None))
