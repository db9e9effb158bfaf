"""A circuit breaker for Redis: callers never wait for long, as everything in Redis may be lost.

Retry libraries are of no use here: while Redis is away the breaker has to return at once instead of trying again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

logger = logging.getLogger(__name__)
ANSWER_SECONDS = 2.0
"""How long Redis may take to answer."""
HALF_OPEN_SECONDS = 0.1
"""The same after a timeout, until it answers again."""
OPEN_SECONDS = 1.0
"""Seconds without sending after a timeout: readers find everything in the database."""
AWAY = (RedisError, OSError, asyncio.TimeoutError)


class CircuitBreaker:
    """Limits calls to Redis. A timeout opens it: calls are skipped for a while, then have less time."""

    def __init__(self) -> None:
        self._open_until = 0.0
        self._is_half_open = False

    @property
    def is_open(self) -> bool:
        """Whether calls are skipped now."""
        return asyncio.get_running_loop().time() < self._open_until

    @asynccontextmanager
    async def limit(self, consequence: str) -> AsyncIterator[None]:
        """Run the block with a time limit. Where Redis is away, log the `consequence` and raise nothing."""
        try:
            async with asyncio.timeout(HALF_OPEN_SECONDS if self._is_half_open else ANSWER_SECONDS):
                yield
            self._is_half_open = False
        except AWAY as error:
            if isinstance(error, TimeoutError | RedisTimeoutError):
                self._is_half_open = True
                self._open_until = asyncio.get_running_loop().time() + OPEN_SECONDS
            logger.warning("Redis is away, %s: %s", consequence, error or "no answer")
