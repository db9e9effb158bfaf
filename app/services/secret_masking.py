"""Masking the secrets of tasks in texts that people write about deployments."""

from collections.abc import Sequence

from app.core.masking import Masker
from app.store import tasks as task_store


async def masker_for(deployment_ids: Sequence[str], text: str) -> Masker:
    """Return a masker of those secrets of the deployments' tasks that a text contains."""
    variables = await task_store.variables_in(deployment_ids, text) if deployment_ids and text else []
    return Masker.of(*({name: value} for name, value in variables))


async def mask_secrets(deployment_id: str, text: str) -> str:
    """Return a reason or comment about a deployment with its secrets masked."""
    return (await masker_for([deployment_id], text)).mask(text)
