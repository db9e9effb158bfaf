"""The worker process: arq jobs, beside them the leases, and the sweep."""

import asyncio
import logging
import signal
from collections.abc import Sequence

from app.jobs.deployments import advance_deployment
from app.jobs.tasks import run_task
from app.services.execution import WorkerName
from app.services.hands import Hands
from app.services.sweep import sweep_forever
from app.settings import Settings
from app.wiring import opened, worker_id

logger = logging.getLogger(__name__)


async def serve(settings: Settings, pool: str) -> None:
    """Work for `pool` until SIGTERM or SIGINT, then hand back what is in hand."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with opened(settings, operators=True) as (runtime, queue):
        hands = Hands(runtime, WorkerName(worker_id(), pool))
        jobs = {"run_task": run_task(hands), "advance_deployment": advance_deployment(runtime)}
        arq = queue.worker(pool, jobs, settings.worker.slots)
        loops = [
            asyncio.create_task(hands.keep(), name="leases"),
            asyncio.create_task(hands.obey(), name="orders"),
            asyncio.create_task(sweep_forever(runtime), name="sweep"),
            asyncio.create_task(arq.main(), name="jobs"),
        ]
        logger.info("worker %s serves the pool “%s”", hands.worker.id, pool)
        stopping = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait([*loops, stopping], return_when=asyncio.FIRST_COMPLETED)
        logger.info("worker %s stops", hands.worker.id)
        await _end(loops[-1:])
        await hands.leave()
        await arq.drain()
        await _end(loops)
        stopping.cancel()
        _raise_first(loops)


async def _end(loops: Sequence[asyncio.Task[None]]) -> None:
    for loop in loops:
        loop.cancel()
    await asyncio.wait(loops)


def _raise_first(loops: Sequence[asyncio.Task[None]]) -> None:
    """Let the error out that ended a loop which should never end."""
    for loop in loops:
        if not loop.cancelled() and (error := loop.exception()):
            raise error
