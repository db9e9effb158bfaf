"""Following the logs of all tasks of a deployment, in the one order in which they were stored."""

from collections.abc import AsyncGenerator, Sequence
from functools import partial

from app.core.deployment import ENDED
from app.core.logs import LogFilter, TaskLogLine
from app.services.feeds.tail import Feed, FeedPage, split_lines, tail
from app.services.runtime import Runtime
from app.store import deployment_logs as store
from app.store import deployments as deployment_store
from app.store import tasks as task_store

MAX_LINES = 1000
"""Lines that are read at once."""


def follow(
    runtime: Runtime, deployment_id: str, after: int, log_filter: LogFilter
) -> AsyncGenerator[FeedPage[TaskLogLine], None]:
    """Yield every line behind the position `after` that passes a filter.

    Returns once the deployment has ended and every line was yielded. A page without lines may stand for lines that the
    filter left out.
    """
    feed = Feed(
        store.topic(deployment_id),
        partial(_read_pages, deployment_id, log_filter),
        partial(_is_over, deployment_id),
    )
    return tail(runtime.bus, feed, after)


async def _read_pages(deployment_id: str, log_filter: LogFilter, position: int) -> Sequence[FeedPage[TaskLogLine]]:
    page = await _read_page(deployment_id, log_filter, position)
    return split_lines(page, lambda entry: entry.line, lambda entry: entry.position)


async def _read_page(deployment_id: str, log_filter: LogFilter, position: int) -> FeedPage[TaskLogLine]:
    """Return the next lines that pass, among as many chunks as one statement may search."""
    max_chunks = store.CHUNKS if log_filter.open else store.CHUNKS_FILTERED
    chunks = await store.chunks(deployment_id, position, max_chunks)
    searched = _within_reach(chunks, position, MAX_LINES if log_filter.open else log_filter.reach)
    if not searched:
        return FeedPage((), position, True)
    lines = await store.lines(searched, position, log_filter, MAX_LINES)
    reached = lines[-1].position if len(lines) == MAX_LINES else searched[-1].position
    return FeedPage(lines, reached, len(chunks) < max_chunks and reached == chunks[-1].position)


def _within_reach(chunks: Sequence[store.Chunk], position: int, reach: int) -> Sequence[store.Chunk]:
    """Return the first chunk, and those behind it that end within `reach` lines of a position."""
    count = sum(chunk.position - position <= reach for chunk in chunks)
    return chunks[: max(count, 1)]


async def _is_over(deployment_id: str, position: int) -> bool:
    """Return whether a deployment has ended, or is gone, and no line will be behind a position."""
    deployment = (await deployment_store.by_ids([deployment_id])).get(deployment_id)
    if deployment is None:
        return True
    if deployment.status not in ENDED:
        return False
    active = await task_store.any_active(deployment_id)
    return not active and await store.head(deployment_id) <= position
