"""The worker process: takes arq jobs, runs attempts under leases, and sweeps."""

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
    """Work for `pool` until SIGTERM or SIGINT; then give attempts time to end, and hand the others back.

    A second signal hands them back at once.
    """
    stop, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    raise_open_files()
    async with open_runtime(settings, operators=True) as (runtime, queue):
        await warn_if_audit_log_is_writable()
        worker = Worker(runtime, WorkerIdentity(worker_id(), pool), settings.worker.slots)
        arq = queue.worker(pool, jobs(runtime, worker), lambda: worker.has_room)
        taking_jobs = asyncio.create_task(arq.main(), name="jobs")
        loops = [
            taking_jobs,
            asyncio.create_task(worker.renew_leases(), name="leases"),
            asyncio.create_task(worker.listen_for_stops(), name="stops"),
            asyncio.create_task(worker.poll(), name="poll"),
            asyncio.create_task(sweep_forever(runtime), name="sweep"),
            asyncio.create_task(remove_orphans_forever(runtime, pool), name="orphans"),
            *_workspace_cleanup(runtime, settings.worker),
        ]
        logger.info("worker %s serves the pool “%s”", worker.identity.id, pool)
        stopping = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait([*loops, stopping], return_when=asyncio.FIRST_COMPLETED)
        grace_seconds = settings.worker.shutdown_seconds
        logger.info("worker %s stops; running attempts have %g s to end", worker.identity.id, grace_seconds)
        arq.stop()
        await worker.drain(grace_seconds, hurry)
        await asyncio.wait([taking_jobs])
        await _cancel([*loops, stopping])
        _raise_first_error(loops)


def _workspace_cleanup(runtime: Runtime, settings: WorkerSettings) -> Iterator[asyncio.Task[None]]:
    if runtime.workspaces is not None:
        retention = timedelta(days=settings.workspace_days)
        yield asyncio.create_task(clean_up_forever(runtime, runtime.workspaces, retention), name="workspaces")


async def _cancel(loops: Sequence[asyncio.Task[Any]]) -> None:
    for loop in loops:
        loop.cancel()
    await asyncio.wait(loops)


def _raise_first_error(loops: Sequence[asyncio.Task[None]]) -> None:
    """Raise the error of a loop that has ended although it should never end."""
    for loop in loops:
        if not loop.cancelled() and (error := loop.exception()):
            raise error
