"""Queue jobs about deployments."""

from typing import Any

from app.ports import JobFunction
from app.services.engine.admission import ADMISSION_JOB
from app.services.engine.work_queue import WORK_JOB
from app.services.runtime import Runtime
from app.services.worker.sweep import start_waiting_deployments
from app.services.worker.worker import Worker


def jobs(runtime: Runtime, worker: Worker) -> dict[str, JobFunction]:
    """Return the jobs that a worker does, by name."""
    return {WORK_JOB: work_on(worker), ADMISSION_JOB: start_waiting(runtime)}


def work_on(worker: Worker) -> JobFunction:
    """Return the job that offers a deployment to the worker. It ends at once; attempts run elsewhere."""

    async def job(_: dict[Any, Any], deployment_id: str) -> None:
        worker.offer(deployment_id)

    return job


def start_waiting(runtime: Runtime) -> JobFunction:
    """Return the job that starts waiting deployments of an environment."""

    async def job(_: dict[Any, Any], environment_id: str) -> None:
        await start_waiting_deployments(runtime, environment_id)

    return job
