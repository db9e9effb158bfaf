"""The sweep: finds what a crash between a commit and what follows it left undone, and what time has made due."""

import asyncio
import logging
from collections.abc import Awaitable
from datetime import timedelta

from app.core.attempt import Ending, Outcome
from app.services.engine.admission import admit, advance
from app.services.runtime import Runtime
from app.services.worker.turn import settle_lost_attempt
from app.store import admission as admission_store
from app.store import sweep as store
from app.store import workers
from app.store.database import UNAVAILABLE

logger = logging.getLogger(__name__)

LEASE_CHECK_SECONDS = 1.0
"""How often each worker looks for leases that ran out: what it adds to the time in which a dead worker is noticed."""
SWEEP_SECONDS = 5.0
"""How often everything else is looked at, by one worker of all."""
FORGET_AFTER = timedelta(days=1)
"""How long a worker that vanished without leaving is remembered."""


async def sweep(runtime: Runtime) -> None:
    """Settle expired leases, tick every deployment that is under way, and start those that may start."""
    await settle_expired_leases(runtime)
    await advance_all(runtime)


async def settle_expired_leases(runtime: Runtime) -> None:
    """Settle the attempts whose lease ran out."""
    for deployment_id, task_id, attempt in await store.expired_leases(runtime.clock.now()):
        logger.warning("the lease of attempt %d of %s ran out", attempt, task_id)
        outcome = Outcome(Ending.LOST, "its worker gave no sign of life")
        await _try(settle_lost_attempt(runtime, deployment_id, task_id, attempt, outcome), deployment_id)


async def advance_all(runtime: Runtime) -> None:
    """Tick every deployment that is under way, and start those that may start."""
    for deployment_id in await store.active_deployments():
        await _try(advance(runtime, deployment_id), deployment_id)
    for environment_id in await admission_store.environments_waiting():
        await _try(admit(runtime, environment_id), environment_id)
    await workers.delete_before(runtime.clock.now() - FORGET_AFTER)


async def start_waiting_deployments(runtime: Runtime, environment_id: str) -> None:
    """Start what waits in an environment and may start; while the database is away that waits for the next sweep."""
    try:
        await admit(runtime, environment_id)
    except UNAVAILABLE as error:
        logger.warning("the database is away, what waits starts later: %s", error or type(error).__name__)


async def _try(work: Awaitable[None], id_: str) -> None:
    """Do a part of a sweep; what is wrong with one deployment keeps no other waiting."""
    try:
        await work
    except UNAVAILABLE:
        raise
    except Exception:
        logger.exception("the sweep failed for %s", id_)


async def sweep_forever(runtime: Runtime) -> None:
    """Sweep again and again, until cancelled. A sweep that fails is logged; the next one starts afresh."""
    while True:
        try:
            await settle_expired_leases(runtime)
            now = runtime.clock.now()
            if await store.claim(now, now - timedelta(seconds=SWEEP_SECONDS)):
                await advance_all(runtime)
        except UNAVAILABLE as error:
            logger.warning("the database is away, sweeping again later: %s", error or type(error).__name__)
        except Exception:
            logger.exception("a sweep failed; trying again")
        await asyncio.sleep(LEASE_CHECK_SECONDS)
