"""The access of open feeds: checked again every second, by one query for all tokens.

Every feed learns within that second that its token was revoked or expired, or that a grant changed, also a feed in
which nothing happens.
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
OnChange = Callable[[Principal | None], None]
"""Called with the principal that a token has now, None once the token is not valid."""


@dataclass(slots=True)
class _Entry:
    principal: Principal | None
    listeners: set[OnChange] = field(default_factory=set)


class AccessWatch:
    """The tokens of the feeds that are open in this process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._entries: dict[str, _Entry] = {}
        self._checking: asyncio.Task[None] | None = None

    async def principal(self, secret: str) -> Principal | None:
        """Return the principal of a token: from memory where the token is watched, else from the database."""
        entry = self._entries.get(secret)
        return entry.principal if entry else await authenticate(self._runtime, secret)

    @contextmanager
    def watching(self, secret: str, principal: Principal | None, on_change: OnChange) -> Iterator[None]:
        """Call `on_change` for the block whenever the principal of a token changes."""
        entry = self._entries.setdefault(secret, _Entry(principal))
        entry.listeners.add(on_change)
        if self._checking is None:
            self._checking = asyncio.create_task(self._check_forever(), name="access of feeds")
        if entry.principal != principal:
            on_change(entry.principal)
        try:
            yield
        finally:
            entry.listeners.discard(on_change)
            if not entry.listeners:
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
                logger.warning("cannot check the access of open feeds, trying again: %s", error)

    async def _check(self) -> None:
        entries = dict(self._entries)
        principals = await authenticate_all(self._runtime, list(entries))
        for secret, entry in entries.items():
            principal = principals.get(secret)
            if principal != entry.principal:
                entry.principal = principal
                for on_change in tuple(entry.listeners):
                    on_change(principal)
