"""Renews leases while the event loop is held up, from a thread with its own database connection.

Work that holds the event loop up for a while must not cost other attempts their leases: their commands would be killed
halfway, and started again elsewhere. An event loop that stands still for STALLED_SECONDS hangs for good, so its leases
expire, as those of a dead worker do. A worker that is frozen as a whole, or cut off from the database, cannot renew
leases from this thread either.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

from app.services.runtime import Runtime
from app.store.database import UNAVAILABLE
from app.store.leases import LeaseConnection

logger = logging.getLogger(__name__)

STALLED_SECONDS = 60.0
"""How long the event loop may stand still before its leases are left to expire."""

LeasedTasks = Callable[[], Collection[str]]
"""Returns the ids of the leased tasks. It is called from the thread."""
Extend = Callable[[Collection[str], float], None]
"""Records that the leases of tasks end at a time of the monotonic clock. It is called from the thread."""


class LeaseRenewalThread:
    """Renews the leases of a worker's tasks whenever the event loop is late to do so."""

    def __init__(self, runtime: Runtime, worker: str, leased_tasks: LeasedTasks, extend: Extend) -> None:
        self._runtime = runtime
        self._worker = worker
        self._leased_tasks = leased_tasks
        self._extend = extend
        self._interval = runtime.lease_seconds / 5
        self._stop = threading.Event()
        self._alive_at = self._renewed_at = time.monotonic()

    def report_alive(self, *, renewed: bool) -> None:
        """Record that the event loop runs, and whether it has just renewed the leases itself."""
        self._alive_at = time.monotonic()
        if renewed:
            self._renewed_at = self._alive_at

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch the event loop from a thread while the block runs."""
        connection = LeaseConnection()
        thread = threading.Thread(target=self._watch, args=(connection,), name="leases", daemon=True)
        self._stop.clear()
        self.report_alive(renewed=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(self._interval)

    def _watch(self, connection: LeaseConnection) -> None:
        with asyncio.Runner() as runner:
            while not self._stop.wait(self._interval / 2):
                now = time.monotonic()
                if now - self._renewed_at >= 1.5 * self._interval and now - self._alive_at < STALLED_SECONDS:
                    runner.run(self._renew(connection))
            runner.run(connection.close())

    async def _renew(self, connection: LeaseConnection) -> None:
        ids = self._leased_tasks()
        if not ids:
            return
        started = time.monotonic()
        until = self._runtime.clock.now() + timedelta(seconds=self._runtime.lease_seconds)
        try:
            async with asyncio.timeout(2 * self._interval):
                renewed = await connection.renew(self._worker, list(ids), until, self._interval)
        except UNAVAILABLE as error:
            logger.warning(
                "the leases could not be renewed while the event loop is late: %s", error or type(error).__name__
            )
            return
        except Exception:
            logger.exception("the leases could not be renewed while the event loop is late")
            return
        self._renewed_at = started
        self._extend(renewed, started + self._runtime.lease_seconds)
