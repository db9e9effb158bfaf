"""What people write about deployments, without the secrets of their tasks."""

from collections.abc import Sequence

from app.core.masking import Masker
from app.store import tasks as task_store


async def masker_for(deployment_ids: Sequence[str], text: str) -> Masker:
    """Return what hides the secrets of these deployments' tasks that stand in a text."""
    found = await task_store.variables_in(deployment_ids, text) if deployment_ids and text else []
    return Masker.of(*({name: value} for name, value in found))


async def mask_secrets(deployment_id: str, text: str) -> str:
    """Return a reason or comment as it may be kept and shown."""
    return (await masker_for([deployment_id], text)).mask(text)
