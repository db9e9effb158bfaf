"""Yields of large operations to the event loop, and a limit on concurrent large operations."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

TURN_SECONDS = 0.01
"""How long executions may run until the event loop looks at its sockets again."""
MAX_RESUMED = 100
"""Waiting executions that go on in the next turn."""
MAX_PER_ACTOR = 2
"""Large operations of one actor that run at the same time."""
MAX_WAITING = 20


class CooperativeScheduler:
    """The turns of one event loop: all that runs between two looks at its sockets is one turn."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started: float | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    def start_turn(self) -> None:
        """Note that work has started, unless it has in this turn."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._started = loop, None
            self._waiting.clear()
        if self._started is None:
            self._started = time.monotonic()
            loop.call_soon(self._end_turn)

    @property
    def is_turn_over(self) -> bool:
        """Whether this turn has taken its time."""
        started = self._started
        if started is None:
            self.start_turn()
            return False
        return time.monotonic() - started > TURN_SECONDS

    async def wait_for_turn(self) -> None:
        """Wait for a turn that has time left."""
        self.start_turn()
        while self.is_turn_over:
            resumed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(resumed)
            await resumed

    def _end_turn(self) -> None:
        self._started = None
        for _ in range(min(MAX_RESUMED, len(self._waiting))):
            resumed = self._waiting.popleft()
            if not resumed.done():
                resumed.set_result(None)
        if self._waiting:
            self.start_turn()


scheduler = CooperativeScheduler()
"""The scheduler of this process, which has one event loop."""


class TooManyOperationsError(Exception):
    """An actor already has the maximum of running and waiting operations."""


class ConcurrencyLimit:
    """A limit on the running operations of each actor.

    Further ones wait, only for those of the same actor.
    """

    def __init__(self, per_actor: int = MAX_PER_ACTOR, waiting: int = MAX_WAITING) -> None:
        self._per_actor = per_actor
        self._max_entered = per_actor + waiting
        self._semaphores: dict[str, asyncio.Semaphore] = {}
        self._entered: Counter[str] = Counter()

    @asynccontextmanager
    async def slot(self, actor_id: str) -> AsyncIterator[None]:
        """Wait for a slot, and hold it for the block. Raises TooManyOperationsError."""
        if self._entered[actor_id] >= self._max_entered:
            raise TooManyOperationsError
        self._entered[actor_id] += 1
        semaphore = self._semaphores.setdefault(actor_id, asyncio.Semaphore(self._per_actor))
        try:
            async with semaphore:
                yield
        finally:
            self._entered[actor_id] -= 1
            if not self._entered[actor_id]:
                del self._entered[actor_id]
                self._semaphores.pop(actor_id, None)
