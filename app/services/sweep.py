"""The sweep: finds what a crash between a commit and what follows it left undone, and what time has made due."""

import asyncio
import logging

from app.core.attempt import Ending, Outcome
from app.services.engine import admit, advance
from app.services.execution import lose
from app.services.runtime import Runtime
from app.store import deployments as deployment_store
from app.store import tasks as task_store

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0


async def sweep(runtime: Runtime) -> None:
    """Settle expired leases, tick every deployment that is under way, and start those that may start."""
    for deployment_id, task_id, attempt in await task_store.expired(runtime.clock.now()):
        logger.warning("the lease of attempt %d of %s ran out", attempt, task_id)
        outcome = Outcome(Ending.LOST, "its worker gave no sign of life")
        await lose(runtime, deployment_id, task_id, attempt, outcome)
    for deployment_id in await deployment_store.unsettled():
        await advance(runtime, deployment_id)
    for environment_id in await deployment_store.environments_waiting():
        await admit(runtime, environment_id)


async def sweep_forever(runtime: Runtime) -> None:
    """Sweep again and again, until cancelled. A sweep that fails is logged; the next one starts afresh."""
    while True:
        try:
            await sweep(runtime)
        except Exception:
            logger.exception("a sweep failed; trying again")
        await asyncio.sleep(SWEEP_SECONDS)
