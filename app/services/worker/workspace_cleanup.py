"""Removes workspaces some days after the end of their deployment.

A workspace is the folder in which commands of a deployment work. Until then a retry goes on with what was built there;
later retries find an empty folder. Workspaces are set aside while the deployment is locked, so that no retry begins to
use them at that moment.
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

INTERVAL_SECONDS = 3600.0
"""How often a worker looks for old workspaces."""


async def remove_old_workspaces(runtime: Runtime, cleaner: WorkspaceCleaner, retention: timedelta) -> list[str]:
    """Remove workspaces whose deployment ended before the retention or does not exist; return the ids."""
    before = runtime.clock.now() - retention
    removed = []
    for deployment_id in await asyncio.to_thread(cleaner.idle_workspaces, before):
        async with unit(runtime):
            row = await deployment_store.locked(deployment_id)
            ended = row.deployment.completed_at if row and row.deployment.status in ENDED else None
            if (row is None or (ended and ended < before)) and cleaner.move_to_trash(deployment_id):
                removed.append(deployment_id)
    await asyncio.to_thread(cleaner.empty_trash)
    return removed


async def clean_up_forever(runtime: Runtime, cleaner: WorkspaceCleaner, retention: timedelta) -> None:
    """Remove old workspaces repeatedly, until cancelled. Failures are logged."""
    while True:
        try:
            if removed := await remove_old_workspaces(runtime, cleaner, retention):
                logger.info("removed the workspaces of %d ended deployments", len(removed))
        except UNAVAILABLE as error:
            logger.warning(
                "the database is unavailable, looking for workspaces later: %s", error or type(error).__name__
            )
        except Exception:
            logger.exception("looking for workspaces failed; trying again")
        await asyncio.sleep(INTERVAL_SECONDS)
