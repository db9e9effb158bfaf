"""Following the logs of all tasks of a deployment, in the one order in which they were stored."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from app.core.deployment import ENDED
from app.core.logs import LogFilter, TaskLogLine, batch_size
from app.services.feeds.events import TAIL_SECONDS
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.store import deployment_logs as store
from app.store import deployments as deployment_store
from app.store import tasks as task_store

BATCH = 1000


@dataclass(frozen=True, slots=True)
class DeploymentLines:
    """Some lines in order; `position` is the one behind them and behind all that the filter left out.

    Without lines it says that all is quiet, or that nothing passed the filter.
    """

    lines: Sequence[TaskLogLine]
    position: int
    caught_up: bool


async def follow(runtime: Runtime, deployment_id: str, after: int, wanted: LogFilter) -> AsyncIterator[DeploymentLines]:
    """Yield every wanted line behind a position, and end once the deployment has ended and all are delivered.

    The first batch comes at once, with or without lines; later ones without lines while nothing is printed.
    """
    async with runtime.bus.listen(store.topic(deployment_id)) as listener:
        position = after
        while True:
            found = await retry_while_away(partial(_page, deployment_id, wanted, position))
            position = found.position
            for part in _portions(found):
                yield part
            if not found.caught_up:
                continue
            if await retry_while_away(partial(_over, deployment_id, position)):
                return
            await listener.get(TAIL_SECONDS)


async def _page(deployment_id: str, wanted: LogFilter, position: int) -> DeploymentLines:
    """Return the next wanted lines among as many as can be looked through at once."""
    most = store.CHUNKS if wanted.open else store.CHUNKS_FILTERED
    chunks = await store.chunks(deployment_id, position, most)
    reach = BATCH if wanted.open else wanted.reach
    within: list[store.Chunk] = []
    for chunk in chunks:
        if within and chunk.position - position > reach:
            break
        within.append(chunk)
    if not within:
        return DeploymentLines((), position, True)
    lines = await store.lines(within, position, wanted, BATCH)
    reached = lines[-1].position if len(lines) == BATCH else within[-1].position
    return DeploymentLines(lines, reached, len(chunks) < most and reached == chunks[-1].position)


def _portions(found: DeploymentLines) -> Iterator[DeploymentLines]:
    """Yield lines in messages of a bearable size; the last one stands for all that was looked through."""
    left = found.lines
    while (count := batch_size([each.line for each in left])) < len(left):
        yield DeploymentLines(left[:count], left[count - 1].position, False)
        left = left[count:]
    yield DeploymentLines(left, found.position, found.caught_up)


async def _over(deployment_id: str, position: int) -> bool:
    """Tell whether a deployment has ended, no attempt goes on, and nothing of its log is left."""
    deployment = (await deployment_store.by_ids([deployment_id])).get(deployment_id)
    if deployment is None:
        return True
    if deployment.status not in ENDED:
        return False
    busy = await task_store.any_active(deployment_id)
    return not busy and await store.head(deployment_id) <= position
