"""Renewing leases while the event loop is held up: from a thread, on a connection of its own.

What commands print, and whatever else holds the event loop up for a while, must not cost other attempts their leases:
their commands would be killed half way, and begun again elsewhere. A loop that gives no sign of life for
STALLED_SECONDS hangs for good, so its leases run out then, as those of a dead worker do. A worker that is frozen as a
whole, or cut off from the database, renews nothing from here either.
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
"""How long the event loop may give no sign of life before its leases are let go."""

Held = Callable[[], Collection[str]]
"""Returns the ids of the tasks in hand. It is called from the thread."""
Extend = Callable[[Collection[str], float], None]
"""Takes note that the leases of tasks end at a time of the monotonic clock. It is called from the thread."""


class LeaseRenewalThread:
    """Renews the leases of a worker's tasks whenever the event loop is late to do so."""

    def __init__(self, runtime: Runtime, worker: str, held: Held, extend: Extend) -> None:
        self._runtime = runtime
        self._worker = worker
        self._held = held
        self._extend = extend
        self._pause = runtime.lease_seconds / 5
        self._stop = threading.Event()
        self._seen = self._renewed = time.monotonic()

    def hear(self, *, renewed: bool) -> None:
        """Take note that the event loop lives, and whether it has just renewed the leases itself."""
        self._seen = time.monotonic()
        if renewed:
            self._renewed = self._seen

    @contextmanager
    def standing_by(self) -> Iterator[None]:
        """Watch the event loop from a thread while the block runs."""
        own = LeaseConnection()
        thread = threading.Thread(target=self._watch, args=(own,), name="leases", daemon=True)
        self._stop.clear()
        self.hear(renewed=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(self._pause)

    def _watch(self, own: LeaseConnection) -> None:
        with asyncio.Runner() as runner:
            while not self._stop.wait(self._pause / 2):
                now = time.monotonic()
                if now - self._renewed >= 1.5 * self._pause and now - self._seen < STALLED_SECONDS:
                    runner.run(self._renew(own))
            runner.run(own.close())

    async def _renew(self, own: LeaseConnection) -> None:
        ids = self._held()
        if not ids:
            return
        begun = time.monotonic()
        until = self._runtime.clock.now() + timedelta(seconds=self._runtime.lease_seconds)
        try:
            async with asyncio.timeout(2 * self._pause):
                ours = await own.renew(self._worker, list(ids), until, self._pause)
        except UNAVAILABLE as error:
            logger.warning(
                "the leases could not be renewed beside a late event loop: %s", error or type(error).__name__
            )
            return
        except Exception:
            logger.exception("the leases could not be renewed beside a late event loop")
            return
        self._renewed = begun
        self._extend(ours, begun + self._runtime.lease_seconds)
