"""Jobs of tasks."""

from typing import Any

from app.ports import JobFunction
from app.services.hands import Hands


def run_task(hands: Hands) -> JobFunction:
    """Return the job that runs a task, and whatever is free behind it."""

    async def job(_: dict[Any, Any], task_id: str) -> None:
        await hands.run_task(task_id)

    return job
