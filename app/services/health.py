"""Readiness of a process."""

import asyncio
import logging

from app.store.database import ping

logger = logging.getLogger(__name__)
ANSWER_SECONDS = 2.0
"""Time for the database to answer."""


async def is_ready() -> bool:
    """Tell whether the database answers in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await ping()
    except Exception as error:
        logger.warning("not ready: the database does not answer: %s: %s", type(error).__name__, error)
        return False
    return True
