"""Following a deployment's events: replay from the database, then what the bus brings, in order, exactly once.

The numbers decide. A message is used when it follows what was delivered; when it does not, or nothing came for a
while, the database is asked.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from app.core.deployment import ENDED
from app.core.events import DeploymentStatusChanged, Event
from app.ports import Listener
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.store import deployments as deployment_store
from app.store import event_feed as store

BATCH = 500
TAIL_SECONDS = 1.5
"""How often the database is asked although nothing came: the longest that a lost message can delay a feed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some events in order. `number` is the position behind them; `caught_up` tells that nothing newer was stored.

    One without events says that all is quiet, so that whoever follows can see after what else may have changed.
    """

    events: Sequence[Event]
    number: int
    caught_up: bool


async def follow(runtime: Runtime, deployment_id: str, after: int) -> AsyncIterator[Batch]:
    """Yield every event behind the number `after`, and end once the deployment has ended and all are delivered.

    The first batch comes at once, with or without events; later ones without events while nothing happens.
    """
    async with runtime.bus.listen(store.topic(deployment_id)) as listener:
        position = after
        while True:
            events = await retry_while_away(partial(_page, deployment_id, position))
            caught_up = len(events) < BATCH
            if events:
                position = events[-1].number
            yield Batch(events, position, caught_up)
            if not caught_up:
                continue
            if await retry_while_away(partial(_over, deployment_id, position)):
                return
            async for fresh in _fresh(listener, position):
                position = fresh[-1].number
                yield Batch(fresh, position, True)
                if any(_ends(event) for event in fresh) and await retry_while_away(
                    partial(_over, deployment_id, position)
                ):
                    return


async def _fresh(listener: Listener, position: int) -> AsyncIterator[Sequence[Event]]:
    """Yield what the bus brings while it follows `position` without a gap; end when the database must be asked."""
    while messages := await listener.get(TAIL_SECONDS):
        found = [event for message in messages for event in store.decode(message) if event.number > position]
        if not found:
            continue
        if [event.number for event in found] != list(range(position + 1, position + 1 + len(found))):
            return
        position = found[-1].number
        yield found


async def _page(deployment_id: str, position: int) -> Sequence[Event]:
    return (await store.pages([deployment_id], position, BATCH))[deployment_id]


def _ends(event: Event) -> bool:
    return isinstance(event.body, DeploymentStatusChanged) and event.body.to in ENDED


async def _over(deployment_id: str, position: int) -> bool:
    deployment = (await deployment_store.by_ids([deployment_id])).get(deployment_id)
    return deployment is None or (deployment.status in ENDED and deployment.last_event <= position)
