"""Following which deployments change: for lists, which show the latest state and need not see each step on the way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

from app.core.deployment import Deployment
from app.services.feeds.events import TAIL_SECONDS
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.store import deployments as store
from app.store.event_feed import CHANGES

PAUSE_SECONDS = 0.25
"""How long changes are gathered: the most that a list is behind, and at most four updates of a deployment a second."""
OVERLAP = timedelta(seconds=60)
"""How far back the database is asked: a transaction may be committed long after the moment that it is dated."""


async def follow(runtime: Runtime) -> AsyncIterator[list[Deployment]]:
    """Yield deployments that have changed since this began, as they are now, until cancelled.

    Every change is followed by the state that it left, or by a later one. Nothing is yielded twice in the same state;
    a list may be empty, so that whoever follows can see after what else may have changed.
    """
    async with runtime.bus.listen(CHANGES) as listener:
        known = {one.id: one.updated_at for one in await retry_while_away(partial(_since, runtime))}
        yield []
        while True:
            messages = await listener.get(TAIL_SECONDS)
            if messages:
                await asyncio.sleep(PAUSE_SECONDS)
                more = await listener.get(0)
                messages = None if more is None else (*messages, *more)
            if messages:
                found = await retry_while_away(partial(_by_ids, {message.decode() for message in messages}))
            else:
                found = await retry_while_away(partial(_since, runtime))
            fresh = [one for one in found if known.get(one.id) != one.updated_at]
            known |= {one.id: one.updated_at for one in fresh}
            oldest = runtime.clock.now() - 2 * OVERLAP
            known = {id_: at for id_, at in known.items() if at > oldest}
            yield fresh


async def _by_ids(ids: set[str]) -> list[Deployment]:
    return list((await store.by_ids(list(ids))).values())


async def _since(runtime: Runtime) -> list[Deployment]:
    return await store.updated_since(runtime.clock.now() - OVERLAP)
