"""Sockets whose clients are not authenticated yet: few of each address, and few in all.

Where there are too many, the one that has waited longest without a message is closed. Thousands of clients that
reconnect at once are safe: each has sent a message, or has connected within the last second.
"""

import asyncio
import time
from collections import Counter
from typing import Protocol

MAX_PER_ADDRESS = 100
"""Sockets of one address that may be silent for longer than `GRACE_SECONDS`."""
MAX_TOTAL = 1000
BURST = 10
"""Beyond this many times a limit a new socket is refused, so a burst may exceed the limit itself."""
GRACE_SECONDS = 1.0


class UnauthenticatedSocket(Protocol):
    """A socket whose client is not authenticated yet."""

    @property
    def silent(self) -> bool:
        """Whether the client has sent nothing."""
        ...

    async def evict(self) -> None:
        """Close it, to make room for others."""
        ...


class UnauthenticatedSockets:
    """The unauthenticated sockets of one process, with their addresses and the times of their connections."""

    def __init__(self) -> None:
        self._waiting: dict[UnauthenticatedSocket, tuple[str, float]] = {}
        self._counts: Counter[str] = Counter()
        self._evictions: set[asyncio.Task[None]] = set()

    def add(self, address: str | None, socket: UnauthenticatedSocket) -> bool:
        """Count a socket until `remove`. Return False where there is no room for it."""
        key = address or ""
        if self._counts[key] >= BURST * MAX_PER_ADDRESS or len(self._waiting) >= BURST * MAX_TOTAL:
            return False
        self._make_room(key)
        self._waiting[socket] = key, time.monotonic()
        self._counts[key] += 1
        return True

    def remove(self, socket: UnauthenticatedSocket) -> None:
        """Stop counting a socket; a second call changes nothing."""
        entry = self._waiting.pop(socket, None)
        if entry is not None:
            address = entry[0]
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]

    def _make_room(self, address: str) -> None:
        if self._counts[address] >= MAX_PER_ADDRESS:
            self._evict_oldest(address)
        elif len(self._waiting) >= MAX_TOTAL:
            self._evict_oldest(None)

    def _evict_oldest(self, address: str | None) -> None:
        """Close the oldest socket that was silent for `GRACE_SECONDS`, of one address or of all."""
        latest = time.monotonic() - GRACE_SECONDS
        for socket, (socket_address, connected_at) in self._waiting.items():
            if connected_at > latest:
                return
            if address in (None, socket_address) and socket.silent:
                self.remove(socket)
                eviction = asyncio.get_running_loop().create_task(socket.evict())
                self._evictions.add(eviction)
                eviction.add_done_callback(self._evictions.discard)
                return
