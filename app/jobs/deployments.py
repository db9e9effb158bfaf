"""Jobs of deployments."""

from typing import Any

from app.ports import JobFunction
from app.services.engine.tick import ADMISSION_JOB, JOB
from app.services.runtime import Runtime
from app.services.worker.sweep import look_at_queue
from app.services.worker.worker import Worker


def jobs(runtime: Runtime, worker: Worker) -> dict[str, JobFunction]:
    """Return the jobs of a worker, by name."""
    return {JOB: offer_deployment(worker), ADMISSION_JOB: admit_waiting(runtime)}


def offer_deployment(worker: Worker) -> JobFunction:
    """Return the job that offers a deployment to the worker.

    It ends at once; the worker claims tasks by itself.
    """

    async def job(_: dict[Any, Any], deployment_id: str) -> None:
        worker.offer(deployment_id)

    return job


def admit_waiting(runtime: Runtime) -> JobFunction:
    """Return the job that starts the waiting deployments of an environment that may start now."""

    async def job(_: dict[Any, Any], environment_id: str) -> None:
        await look_at_queue(runtime, environment_id)

    return job
