"""Closes the coroutines of fields that are not awaited after another field failed or the caller left.

When a field fails, or an operation is cancelled, graphql-core cancels the fields beside it. A coroutine that has not
started is then dropped, with the coroutines passed to it as arguments: Python warns of each.
"""

import asyncio
from asyncio import Future, Task, ensure_future, gather
from collections.abc import Awaitable, Iterable
from inspect import CORO_CREATED, getcoroutinestate, iscoroutine
from typing import Any

from graphql.execution import executor


def close_unstarted(values: Iterable[Any]) -> None:
    """Close the coroutines among values that have not started, and those in their arguments."""
    for value in values:
        if iscoroutine(value) and getcoroutinestate(value) == CORO_CREATED:
            _close_arguments(value)
            value.close()
        elif isinstance(value, dict):
            close_unstarted(value.values())
        elif isinstance(value, list):
            close_unstarted(value)


def _close_arguments(coroutine: Any) -> None:
    frame = coroutine.cr_frame
    if frame is not None and getcoroutinestate(coroutine) == CORO_CREATED:
        close_unstarted(frame.f_locals.values())


class _FieldTask(Task[Any]):
    """The task of a field. One that is cancelled before it has started closes its coroutine's arguments."""

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel it."""
        _close_arguments(self.get_coro())
        return super().cancel(msg)


async def gather_fields(*awaitables: Awaitable[Any]) -> list[Any]:
    """Await all, or until the first fails: then cancel the others and raise its error."""
    loop = asyncio.get_running_loop()
    futures: list[Future[Any]] = [
        _FieldTask(awaitable, loop=loop) if iscoroutine(awaitable) else ensure_future(awaitable)
        for awaitable in awaitables
    ]
    try:
        return await gather(*futures)
    except Exception:
        for future in futures:
            future.cancel()
        await gather(*futures, return_exceptions=True)
        raise


executor.gather_with_cancel = gather_fields  # type: ignore[attr-defined]
"""graphql-core awaits the fields of an object, and the items of a list, by this function of its module."""
