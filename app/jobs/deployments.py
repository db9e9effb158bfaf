"""Jobs of deployments."""

from typing import Any

from app.ports import JobFunction
from app.services.engine.tick import ADMISSION_JOB, JOB
from app.services.runtime import Runtime
from app.services.worker.sweep import look_at_queue
from app.services.worker.worker import Worker


def jobs(runtime: Runtime, hands: Worker) -> dict[str, JobFunction]:
    """Return the jobs that a worker does, by name."""
    return {JOB: work_on(hands), ADMISSION_JOB: start_waiting(runtime)}


def work_on(hands: Worker) -> JobFunction:
    """Return the job that offers a deployment to the worker. It ends at once: what it finds is not the queue's."""

    async def job(_: dict[Any, Any], deployment_id: str) -> None:
        hands.offer(deployment_id)

    return job


def start_waiting(runtime: Runtime) -> JobFunction:
    """Return the job that starts what waits in an environment and may start now."""

    async def job(_: dict[Any, Any], environment_id: str) -> None:
        await look_at_queue(runtime, environment_id)

    return job
