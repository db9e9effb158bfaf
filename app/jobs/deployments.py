"""Jobs of deployments."""

from typing import Any

from app.ports import JobFunction
from app.services.engine import advance
from app.services.runtime import Runtime


def advance_deployment(runtime: Runtime) -> JobFunction:
    """Return the job that ticks a deployment when a timer is due."""

    async def job(_: dict[Any, Any], deployment_id: str) -> None:
        await advance(runtime, deployment_id)

    return job
