"""Jobs of deployments."""

from typing import Any

from app.ports import JobFunction
from app.services.engine import JOB
from app.services.hands import Hands


def jobs(hands: Hands) -> dict[str, JobFunction]:
    """Return the jobs that a worker does, by name."""
    return {JOB: work_on(hands)}


def work_on(hands: Hands) -> JobFunction:
    """Return the job that offers a deployment to the worker. It ends at once: what it finds is not the queue's."""

    async def job(_: dict[Any, Any], deployment_id: str) -> None:
        hands.offer(deployment_id)

    return job
