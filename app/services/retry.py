"""Retrying while the database is away: a restart of PostgreSQL ends neither a feed nor an attempt."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_fixed, wait_random

from app.store.database import UNAVAILABLE

T = TypeVar("T")
logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.3
JITTER_SECONDS = 0.1
"""Added at random, so that thousands of feeds do not all come back at once."""


def _log(error: BaseException) -> None:
    logger.warning("the database is away, trying again: %s", str(error) or type(error).__name__)


def _log_outcome(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    if error is not None:
        _log(error)


_policy = AsyncRetrying(
    retry=retry_if_exception_type(UNAVAILABLE),
    wait=wait_fixed(RETRY_SECONDS) + wait_random(0, JITTER_SECONDS),
    before_sleep=_log_outcome,
)


async def retry_while_away(work: Callable[[], Awaitable[T]]) -> T:
    """Return what `work` returns. While the database is away, call it again every `RETRY_SECONDS`.

    The connection may break after the work was committed, so `work` must find out itself whether it was. The second
    call comes at once. There is no limit; cancel to stop waiting: an attempt is cancelled when its lease expires.
    """
    try:
        # The policy makes garbage and takes 70 µs a call, so calls that succeed go without it.
        return await work()
    except UNAVAILABLE as error:
        _log(error)

    async def repeat() -> T:  # tenacity awaits coroutine functions only, and many callers pass a lambda
        return await work()

    return await _policy.copy()(repeat)
