"""Waiting for changes that lists show: lists need the latest state, not each step on the way."""

import asyncio
from collections.abc import Sequence

from app.ports import Listener
from app.services.feeds.tail import POLL_SECONDS

GATHER_SECONDS = 0.25
"""How long changes are gathered: a list is at most so late, and gets four updates a second."""


async def gather_changes(listener: Listener) -> Sequence[bytes] | None:
    """Wait for a message, and return it with those of the next `GATHER_SECONDS`.

    Returns none after `POLL_SECONDS` without a message, and None when the bus dropped some. Either way the database
    has to be asked what has changed.
    """
    messages = await listener.get(POLL_SECONDS)
    if not messages:
        return messages
    await asyncio.sleep(GATHER_SECONDS)
    more = await listener.get(0)
    return None if more is None else (*messages, *more)
