"""Taking turns: whoever has much to do lets others go first now and then, and nobody has too much under way."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

TURN_SECONDS = 0.01
"""How long executions may go on until whatever else has happened meanwhile is looked at."""
WOKEN = 100
"""How many of those who wait go on in the next turn."""
MAX_PER_ACTOR = 2
"""Heavy operations of one actor that are under way at the same time."""
MAX_WAITING = 20


class CooperativeScheduler:
    """The turns of one event loop: all that happens between two looks at its sockets is one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._since: float | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    def start_turn(self) -> None:
        """Note that work has begun, unless it had in this turn."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._since = loop, None
            self._waiting.clear()
        if self._since is None:
            self._since = time.monotonic()
            loop.call_soon(self._end)

    @property
    def is_turn_over(self) -> bool:
        """Whether this turn has taken long enough."""
        since = self._since
        if since is None:
            self.start_turn()
            return False
        return time.monotonic() - since > TURN_SECONDS

    async def wait_for_turn(self) -> None:
        """Wait for a turn that has time left."""
        self.start_turn()
        while self.is_turn_over:
            following: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(following)
            await following

    def _end(self) -> None:
        self._since = None
        for _ in range(min(WOKEN, len(self._waiting))):
            one = self._waiting.popleft()
            if not one.done():
                one.set_result(None)
        if self._waiting:
            self.start_turn()


scheduler = CooperativeScheduler()


class TooManyOperationsError(Exception):
    """An actor has as many operations under way and waiting as it may."""


class ConcurrencyLimit:
    """Operations under way, a few of each actor; the others of an actor wait for these, and for nobody else's."""

    def __init__(self, each: int = MAX_PER_ACTOR, waiting: int = MAX_WAITING) -> None:
        self._each = each
        self._most = each + waiting
        self._places: dict[str, asyncio.Semaphore] = {}
        self._inside: Counter[str] = Counter()

    @asynccontextmanager
    async def entered(self, actor_id: str) -> AsyncIterator[None]:
        """Wait for a place, and have it while entered. Raises CrowdedError."""
        if self._inside[actor_id] >= self._most:
            raise TooManyOperationsError
        self._inside[actor_id] += 1
        places = self._places.setdefault(actor_id, asyncio.Semaphore(self._each))
        try:
            async with places:
                yield
        finally:
            self._inside[actor_id] -= 1
            if not self._inside[actor_id]:
                del self._inside[actor_id]
                self._places.pop(actor_id, None)
