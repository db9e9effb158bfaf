"""Fields that nobody waits for any more: what has not begun yet is ended with them.

When a field fails, or an operation is cancelled, graphql-core cancels the fields beside it. The coroutine of one that
has not begun is dropped, and with it others that it was given to wait for: Python then warns of each.
"""

import asyncio
from asyncio import Future, Task, ensure_future, gather
from collections.abc import Awaitable, Iterable
from inspect import CORO_CREATED, getcoroutinestate, iscoroutine
from typing import Any

from graphql.execution import executor


def end(values: Iterable[Any]) -> None:
    """End the coroutines among values that have not begun, and whatever these were given to wait for."""
    for value in values:
        if iscoroutine(value) and getcoroutinestate(value) == CORO_CREATED:
            end_given(value)
            value.close()
        elif isinstance(value, dict):
            end(value.values())
        elif isinstance(value, list):
            end(value)


def end_given(coroutine: Any) -> None:
    """End what a coroutine was given to wait for that has not begun."""
    frame = coroutine.cr_frame
    if frame is not None and getcoroutinestate(coroutine) == CORO_CREATED:
        end(frame.f_locals.values())


class _Field(Task[Any]):
    """A field that is waited for. One that is cancelled before it has begun takes what it was given with it."""

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel it."""
        end_given(self.get_coro())
        return super().cancel(msg)


async def gathered(*awaitables: Awaitable[Any]) -> list[Any]:
    """Wait for all, or for the first that fails: then cancel the others. Raises what that one raised."""
    loop = asyncio.get_running_loop()
    futures: list[Future[Any]] = [
        _Field(one, loop=loop) if iscoroutine(one) else ensure_future(one) for one in awaitables
    ]
    try:
        return await gather(*futures)
    except Exception:
        for future in futures:
            future.cancel()
        await gather(*futures, return_exceptions=True)
        raise


executor.gather_with_cancel = gathered  # type: ignore[attr-defined]
"""What graphql-core waits for the fields of an object with, and for the items of a list."""
