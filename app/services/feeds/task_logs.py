"""Reading and following a task's log: the same way as events are followed, by the numbers of the lines."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from app.core.deployment import ENDED as DEPLOYMENT_ENDED
from app.core.logs import LogFilter, LogLine, LogRange, batch_size
from app.core.task import ENDED
from app.ports import Listener
from app.services.feeds.events import TAIL_SECONDS
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.store import deployments as deployment_store
from app.store import logs as store
from app.store import tasks as task_store

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines in order; `number` is the position behind them and behind all that the filter left out.

    Without lines it says that all is quiet, or that nothing passed the filter.
    """

    lines: Sequence[LogLine]
    number: int
    caught_up: bool


async def follow(runtime: Runtime, task_id: str, after: int, wanted: LogFilter) -> AsyncIterator[Lines]:
    """Yield every wanted line behind the number `after`, and end once the task has ended and all are delivered.

    The first batch comes at once, with or without lines; later ones without lines while nothing is printed.
    """
    async with runtime.bus.listen(store.topic(task_id)) as listener:
        position = after
        while True:
            found = await retry_while_away(partial(_page, task_id, wanted, position))
            position = found.number
            for part in _portions(found):
                yield part
            if not found.caught_up:
                continue
            if await retry_while_away(partial(_over, task_id, position)):
                return
            async for fresh in _fresh(listener, position):
                position = fresh[-1].number
                if passed := [line for line in fresh if wanted.admits(line)]:
                    yield Lines(passed, position, True)


async def _fresh(listener: Listener, position: int) -> AsyncIterator[Sequence[LogLine]]:
    """Yield what the bus brings while it follows `position` without a gap; end when the database must be asked.

    A message without lines says that the task has ended.
    """
    while messages := await listener.get(TAIL_SECONDS):
        batches = [store.decode(message) for message in messages]
        found = [line for batch in batches for line in batch if line.number > position]
        if found:
            if found[0].number != position + 1 or found[-1].number != position + len(found):
                return
            position = found[-1].number
            yield found
        if not all(batches):
            return


async def _page(task_id: str, wanted: LogFilter, position: int) -> Lines:
    """Return the next wanted lines among as many as can be looked through at once."""
    last = await task_store.last_log(task_id)
    part = LogRange(limit=BATCH, after=position)
    if not wanted.open:
        part = part.within(wanted.reach, last)
    lines = (await store.pages([task_id], wanted, part))[task_id]
    if len(lines) == BATCH:
        return Lines(lines, lines[-1].number, False)
    reached = last if part.before is None else part.before - 1
    return Lines(lines, max(reached, lines[-1].number if lines else position, position), part.before is None)


def _portions(found: Lines) -> Iterator[Lines]:
    """Yield lines in messages of a bearable size; the last one stands for all that was looked through."""
    left = found.lines
    while (count := batch_size(left)) < len(left):
        yield Lines(left[:count], left[count - 1].number, False)
        left = left[count:]
    yield Lines(left, found.number, found.caught_up)


async def _over(task_id: str, position: int) -> bool:
    """Tell whether a task has ended, or never will begin, and nothing of its log is left."""
    task = (await task_store.by_ids([task_id])).get(task_id)
    if task is None:
        return True
    if task.activity is not None or task.last_log > position:
        return False
    if task.status in ENDED:
        return True
    deployment = (await deployment_store.by_ids([task.deployment_id])).get(task.deployment_id)
    return deployment is None or deployment.status in DEPLOYMENT_ENDED
