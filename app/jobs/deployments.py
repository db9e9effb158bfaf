"""Jobs of deployments."""

from typing import Any

from app.ports import JobFunction
from app.services.engine.admission import ADMISSION_JOB
from app.services.engine.work_queue import WORK_JOB
from app.services.runtime import Runtime
from app.services.worker.sweep import start_waiting_deployments
from app.services.worker.worker import Worker


def jobs(runtime: Runtime, worker: Worker) -> dict[str, JobFunction]:
    """Return the jobs of a worker, by name."""
    return {WORK_JOB: offer_deployment(worker), ADMISSION_JOB: admit_waiting(runtime)}


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
        await start_waiting_deployments(runtime, environment_id)

    return job
