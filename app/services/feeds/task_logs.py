"""Following a task's log, in order, exactly once: the numbers are those of its lines."""

from collections.abc import AsyncGenerator, Sequence
from functools import partial

from app.core.deployment import ENDED as DEPLOYMENT_ENDED
from app.core.logs import LogFilter, LogLine, LogRange
from app.core.task import ENDED
from app.services.feeds.tail import Feed, FeedPage, LivePage, items_behind, split_lines, tail
from app.services.runtime import Runtime
from app.store import deployments as deployment_store
from app.store import logs as store
from app.store import tasks as task_store

MAX_LINES = 1000
"""Lines that are read at once."""


def follow(
    runtime: Runtime, task_id: str, after: int, log_filter: LogFilter
) -> AsyncGenerator[FeedPage[LogLine], None]:
    """Yield every line behind the number `after` that passes a filter.

    Returns once the task has ended and every line was yielded. A page without lines may stand for lines that the filter
    left out.
    """
    feed = Feed(
        store.topic(task_id),
        partial(_read_pages, task_id, log_filter),
        partial(_is_over, task_id),
        decode_live=partial(_decode_live, log_filter),
    )
    return tail(runtime.bus, feed, after)


async def _read_pages(task_id: str, log_filter: LogFilter, position: int) -> Sequence[FeedPage[LogLine]]:
    page = await _read_page(task_id, log_filter, position)
    return split_lines(page, lambda line: line, lambda line: line.number)


async def _read_page(task_id: str, log_filter: LogFilter, position: int) -> FeedPage[LogLine]:
    """Return the next lines that pass, among as many lines as one statement may search."""
    last = await task_store.last_log(task_id)
    part = LogRange(limit=MAX_LINES, after=position)
    if not log_filter.open:
        part = part.within(log_filter.reach, last)
    lines = (await store.pages([task_id], log_filter, part))[task_id]
    if len(lines) == MAX_LINES:
        return FeedPage(lines, lines[-1].number, False)
    searched = last if part.before is None else part.before - 1
    return FeedPage(lines, max(searched, lines[-1].number if lines else position, position), part.before is None)


def _decode_live(log_filter: LogFilter, messages: Sequence[bytes], position: int) -> LivePage[LogLine] | None:
    """Return the lines that messages bring. A message without lines announces that the task has ended."""
    batches = [store.decode(message) for message in messages]
    lines = items_behind(position, [line for batch in batches for line in batch])
    if lines is None:
        return None
    passed = [line for line in lines if log_filter.admits(line)]
    return LivePage(passed, position + len(lines), True, may_end=not all(batches))


async def _is_over(task_id: str, position: int) -> bool:
    """Return whether a task has ended, or will never begin, and has no line behind a position."""
    task = (await task_store.by_ids([task_id])).get(task_id)
    if task is None:
        return True
    if task.activity is not None or task.last_log > position:
        return False
    if task.status in ENDED:
        return True
    deployment = (await deployment_store.by_ids([task.deployment_id])).get(task.deployment_id)
    return deployment is None or deployment.status in DEPLOYMENT_ENDED
