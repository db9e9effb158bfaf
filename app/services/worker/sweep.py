"""The sweep: repairs what a crash after a commit left undone, and handles what has become due."""

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
"""How often each worker looks for expired leases: the delay in noticing a dead worker."""
SWEEP_SECONDS = 5.0
"""How often one of all workers sweeps everything else."""
FORGET_AFTER = timedelta(days=1)
"""How long the heartbeat of a vanished worker is kept."""


async def sweep(runtime: Runtime) -> None:
    """Settle expired leases, tick every active deployment, and start waiting ones."""
    await settle_expired_leases(runtime)
    await advance_all(runtime)


async def settle_expired_leases(runtime: Runtime) -> None:
    """Settle the attempts whose lease has expired."""
    for deployment_id, task_id, attempt in await store.expired_leases(runtime.clock.now()):
        logger.warning("the lease of attempt %d of %s has expired", attempt, task_id)
        outcome = Outcome(Ending.LOST, "its worker stopped renewing its lease")
        await _log_failure(settle_lost_attempt(runtime, deployment_id, task_id, attempt, outcome), deployment_id)


async def advance_all(runtime: Runtime) -> None:
    """Tick every active deployment, and start waiting ones."""
    for deployment_id in await store.active_deployments():
        await _log_failure(advance(runtime, deployment_id), deployment_id)
    for environment_id in await admission_store.environments_waiting():
        await _log_failure(admit(runtime, environment_id), environment_id)
    await workers.delete_before(runtime.clock.now() - FORGET_AFTER)


async def start_waiting_deployments(runtime: Runtime, environment_id: str) -> None:
    """Start waiting deployments of an environment. Without the database, that is left to the next sweep."""
    try:
        await admit(runtime, environment_id)
    except UNAVAILABLE as error:
        logger.warning(
            "the database is unavailable, waiting deployments start later: %s", error or type(error).__name__
        )


async def _log_failure(work: Awaitable[None], id_: str) -> None:
    """Do one part of a sweep and log its failure, so that one deployment cannot stop the others."""
    try:
        await work
    except UNAVAILABLE:
        raise
    except Exception:
        logger.exception("the sweep failed for %s", id_)


async def sweep_forever(runtime: Runtime) -> None:
    """Sweep repeatedly, until cancelled. A failed sweep is logged and does not affect the next one."""
    while True:
        try:
            await settle_expired_leases(runtime)
            now = runtime.clock.now()
            if await store.claim(now, now - timedelta(seconds=SWEEP_SECONDS)):
                await advance_all(runtime)
        except UNAVAILABLE as error:
            logger.warning("the database is unavailable, sweeping again later: %s", error or type(error).__name__)
        except Exception:
            logger.exception("a sweep failed; trying again")
        await asyncio.sleep(LEASE_CHECK_SECONDS)
