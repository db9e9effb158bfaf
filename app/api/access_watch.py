"""Whose live feeds are open: their access is looked up again every second, by one query for all of them.

A token that was revoked or ran out, or a grant that changed, is noticed by every feed within that second, also by one
to which nothing happens.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.core.access import Principal
from app.services.access import authenticate, authenticate_all
from app.services.runtime import Runtime

logger = logging.getLogger(__name__)

CHECK_SECONDS = 1.0


@dataclass(slots=True)
class _Entry:
    principal: Principal | None
    told: set[Callable[[Principal | None], None]] = field(default_factory=set)


class Watch:
    """The tokens of the feeds that are open in this process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._entries: dict[str, _Entry] = {}
        self._checking: asyncio.Task[None] | None = None

    async def principal(self, secret: str) -> Principal | None:
        """Return who comes with a token: what is known where it is watched, else what the database says."""
        entry = self._entries.get(secret)
        return entry.principal if entry else await authenticate(self._runtime, secret)

    @contextmanager
    def watching(
        self, secret: str, principal: Principal | None, tell: Callable[[Principal | None], None]
    ) -> Iterator[None]:
        """While entered, `tell` who comes with a token whenever that has changed; None: nobody any more."""
        entry = self._entries.setdefault(secret, _Entry(principal))
        entry.told.add(tell)
        if self._checking is None:
            self._checking = asyncio.create_task(self._check_forever(), name="access of feeds")
        if entry.principal != principal:
            tell(entry.principal)
        try:
            yield
        finally:
            entry.told.discard(tell)
            if not entry.told:
                self._entries.pop(secret, None)
            if not self._entries and self._checking is not None:
                self._checking.cancel()
                self._checking = None

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self._check()
            except Exception as error:
                logger.warning("the access of feeds could not be looked up, trying again: %s", error)

    async def _check(self) -> None:
        entries = dict(self._entries)
        found = await authenticate_all(self._runtime, list(entries))
        for secret, entry in entries.items():
            principal = found.get(secret)
            if principal != entry.principal:
                entry.principal = principal
                for tell in tuple(entry.told):
                    tell(principal)
