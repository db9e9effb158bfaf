"""Waiting for a database that is away: what must not be given up because PostgreSQL restarts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.store.database import UNAVAILABLE

T = TypeVar("T")
logger = logging.getLogger(__name__)

AGAIN_SECONDS = 0.3


async def retry_while_away(work: Callable[[], Awaitable[T]]) -> T:
    """Do `work` again and again until the database answers.

    The answer may be lost after the work was done, so it must see for itself whether it was. Who can not wait for ever
    cancels: an attempt is cancelled when its lease ends.
    """
    while True:
        try:
            return await work()
        except UNAVAILABLE as error:
            logger.warning("the database is away, trying again: %s", error or type(error).__name__)
        await asyncio.sleep(AGAIN_SECONDS)
