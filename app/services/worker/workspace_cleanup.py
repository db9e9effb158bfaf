"""Workspaces: the folders in which commands of a deployment worked, removed some days after its end.

Until then whoever retries it goes on with what was built there; afterwards a retry finds its folder empty. They are
put aside while the deployment is held, so that none of them goes on there in that moment.
"""

import asyncio
import logging
from datetime import timedelta

from app.core.deployment import ENDED
from app.ports import WorkspaceCleaner
from app.services.runtime import Runtime
from app.store import deployments as deployment_store
from app.store.database import UNAVAILABLE
from app.store.unit_of_work import unit

logger = logging.getLogger(__name__)

LOOK_SECONDS = 3600.0
"""How often it is looked for workspaces that are over."""


async def remove_old_workspaces(runtime: Runtime, keeper: WorkspaceCleaner, kept: timedelta) -> list[str]:
    """Remove the workspaces of deployments that ended so long ago, or are no more; return their ids."""
    before = runtime.clock.now() - kept
    gone = []
    for deployment_id in await asyncio.to_thread(keeper.idle_workspaces, before):
        async with unit(runtime):
            held = await deployment_store.locked(deployment_id)
            ended = held.deployment.completed_at if held and held.deployment.status in ENDED else None
            if (held is None or (ended and ended < before)) and keeper.move_to_trash(deployment_id):
                gone.append(deployment_id)
    await asyncio.to_thread(keeper.empty_trash)
    return gone


async def clean_up_forever(runtime: Runtime, keeper: WorkspaceCleaner, kept: timedelta) -> None:
    """Look again and again, until cancelled. What fails is logged."""
    while True:
        try:
            if gone := await remove_old_workspaces(runtime, keeper, kept):
                logger.info("removed the workspaces of %d deployments that are over", len(gone))
        except UNAVAILABLE as error:
            logger.warning("the database is away, looking for workspaces later: %s", error or type(error).__name__)
        except Exception:
            logger.exception("looking for workspaces failed; trying again")
        await asyncio.sleep(LOOK_SECONDS)
