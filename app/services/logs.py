"""Reading and following a task's log: the same way as events are followed, by the numbers of the lines."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from app.core.deployment import ENDED as DEPLOYMENT_ENDED
from app.core.logs import LogFilter, LogLine, LogPart
from app.core.task import ENDED
from app.ports import Listener
from app.services.feed import TAIL_SECONDS
from app.services.patience import patiently
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
            stored, lines = await patiently(partial(_page, task_id, wanted, position))
            caught_up = len(lines) < BATCH
            position = max(stored if caught_up else 0, lines[-1].number if lines else position, position)
            yield Lines(lines, position, caught_up)
            if not caught_up:
                continue
            if await patiently(partial(_over, task_id, position)):
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


async def _page(task_id: str, wanted: LogFilter, position: int) -> tuple[int, list[LogLine]]:
    """Return the number of the last line, read first, and the next wanted lines."""
    last = await task_store.last_log(task_id)
    return last, (await store.pages([task_id], wanted, LogPart(limit=BATCH, after=position)))[task_id]


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
