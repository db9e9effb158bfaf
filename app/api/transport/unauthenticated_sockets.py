"""Sockets whose clients did not say yet who they are: few of each address, and few in all.

Of too many, the one goes that has waited the longest and has said nothing. Thousands that come back at once all have
said something, or have come just now.
"""

import asyncio
import time
from collections import Counter
from typing import Protocol

MAX_PER_ADDRESS = 100
"""Sockets of one address that may be silent for longer than `GRACE_SECONDS`."""
MAX_IN_ALL = 1000
MAX_SILENT = 10
"""So many times as many may come at about the same moment. Others are sent away."""
GRACE_SECONDS = 1.0


class UnauthenticatedSocket(Protocol):
    """A socket whose client did not say yet who they are."""

    @property
    def silent(self) -> bool:
        """Whether nothing came from it."""
        ...

    async def send_away(self) -> None:
        """Close it."""
        ...


class UnauthenticatedSockets:
    """The sockets of one process that were not initialised yet, by the address that they come from."""

    def __init__(self) -> None:
        self._waiting: dict[UnauthenticatedSocket, tuple[str, float]] = {}
        self._of: Counter[str] = Counter()
        self._leaving: set[asyncio.Task[None]] = set()

    def enter(self, address: str | None, socket: UnauthenticatedSocket) -> bool:
        """Count a socket until it is `known`, or has ended; False: there is no room for it."""
        key = address or ""
        if self._of[key] >= MAX_SILENT * MAX_PER_ADDRESS or len(self._waiting) >= MAX_SILENT * MAX_IN_ALL:
            return False
        self._make_room(key)
        self._waiting[socket] = key, time.monotonic()
        self._of[key] += 1
        return True

    def known(self, socket: UnauthenticatedSocket) -> None:
        """Count a socket no longer; again it changes nothing."""
        found = self._waiting.pop(socket, None)
        if found is not None:
            self._of[found[0]] -= 1
            if not self._of[found[0]]:
                del self._of[found[0]]

    def _make_room(self, key: str) -> None:
        if self._of[key] >= MAX_PER_ADDRESS:
            self._send_away(key)
        elif len(self._waiting) >= MAX_IN_ALL:
            self._send_away(None)

    def _send_away(self, key: str | None) -> None:
        """Send the first one away that has been silent for long enough, of an address or of all."""
        before = time.monotonic() - GRACE_SECONDS
        for socket, (address, since) in self._waiting.items():
            if since > before:
                return
            if key in (None, address) and socket.silent:
                self.known(socket)
                leaving = asyncio.get_running_loop().create_task(socket.send_away())
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
                return
