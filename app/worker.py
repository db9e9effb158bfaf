"""The worker process: arq jobs, beside them the attempts with their leases, and the sweep."""

import asyncio
import logging
import signal
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from app.gateways.operators.shell import raise_open_files
from app.jobs.deployments import jobs
from app.services.runtime import Runtime
from app.services.worker.orphan_cleanup import remove_orphans_forever
from app.services.worker.sweep import sweep_forever
from app.services.worker.turn import WorkerIdentity
from app.services.worker.worker import Worker
from app.services.worker.workspace_cleanup import clean_up_forever
from app.settings import Settings, WorkerSettings
from app.wiring import open_runtime, warn_if_audit_log_is_writable, worker_id

logger = logging.getLogger(__name__)


async def serve(settings: Settings, pool: str) -> None:
    """Work for `pool` until SIGTERM or SIGINT; then let what runs end for a while, and hand back what has not.

    A second signal worker back at once.
    """
    stop, hurry = asyncio.Event(), asyncio.Event()

    def obey() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, obey)
    raise_open_files()
    async with open_runtime(settings, operators=True) as (runtime, queue):
        await warn_if_audit_log_is_writable()
        worker = Worker(runtime, WorkerIdentity(worker_id(), pool), settings.worker.slots)
        arq = queue.worker(pool, jobs(runtime, worker), lambda: worker.has_room)
        taking = asyncio.create_task(arq.main(), name="jobs")
        loops = [
            taking,
            asyncio.create_task(worker.renew_leases(), name="leases"),
            asyncio.create_task(worker.listen_for_stops(), name="orders"),
            asyncio.create_task(worker.poll(), name="look"),
            asyncio.create_task(sweep_forever(runtime), name="sweep"),
            asyncio.create_task(remove_orphans_forever(runtime, pool), name="orphans"),
            *_tidying(runtime, settings.worker),
        ]
        logger.info("worker %s serves the pool “%s”", worker.identity.id, pool)
        stopping = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait([*loops, stopping], return_when=asyncio.FIRST_COMPLETED)
        patience = settings.worker.shutdown_seconds
        logger.info("worker %s stops; what runs has %g s to end", worker.identity.id, patience)
        arq.stop()
        await worker.drain(patience, hurry)
        await asyncio.wait([taking])
        await _end([*loops, stopping])
        _raise_first(loops)


def _tidying(runtime: Runtime, settings: WorkerSettings) -> Iterator[asyncio.Task[None]]:
    if runtime.workspaces is not None:
        kept = timedelta(days=settings.workspace_days)
        yield asyncio.create_task(clean_up_forever(runtime, runtime.workspaces, kept), name="workspaces")


async def _end(loops: Sequence[asyncio.Task[Any]]) -> None:
    for loop in loops:
        loop.cancel()
    await asyncio.wait(loops)


def _raise_first(loops: Sequence[asyncio.Task[None]]) -> None:
    """Let the error out that ended a loop which should never end."""
    for loop in loops:
        if not loop.cancelled() and (error := loop.exception()):
            raise error
