"""How long Boreas waits for Redis: all that it holds can be lost, so nobody is held up by one that does not answer."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

logger = logging.getLogger(__name__)
ANSWER_SECONDS = 2.0
"""How long Redis may take to accept what it is sent."""
DOUBT_SECONDS = 0.1
"""The same once it did not answer in time, until it does again."""
REST_SECONDS = 1.0
"""How long it is sent nothing after that: what is not told is found in the database."""
AWAY = (RedisError, OSError, asyncio.TimeoutError)


class CircuitBreaker:
    """Waits for Redis for a while, but not again and again: after an answer that was due it rests, then waits less."""

    def __init__(self) -> None:
        self._rests_until = 0.0
        self._doubts = False

    @property
    def rests(self) -> bool:
        """Whether nothing is to be sent for now."""
        return asyncio.get_running_loop().time() < self._rests_until

    @asynccontextmanager
    async def limited(self, lost: str) -> AsyncIterator[None]:
        """Run the block, for as long as Redis may take. Where it is away, say what is `lost` and raise nothing."""
        try:
            async with asyncio.timeout(DOUBT_SECONDS if self._doubts else ANSWER_SECONDS):
                yield
            self._doubts = False
        except AWAY as error:
            if isinstance(error, TimeoutError | RedisTimeoutError):
                self._doubts = True
                self._rests_until = asyncio.get_running_loop().time() + REST_SECONDS
            logger.warning("Redis is away, %s: %s", lost, error or "no answer")
