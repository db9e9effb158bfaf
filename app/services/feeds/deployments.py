"""Following which deployments change, each in its latest state."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

from app.core.deployment import Deployment
from app.services.feeds.changes import gather_changes
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.store import deployments as store
from app.store.event_feed import CHANGES

OVERLAP = timedelta(seconds=60)
"""How far back the database is asked: a transaction may be committed long after its `updated_at`."""


async def follow(runtime: Runtime) -> AsyncIterator[list[Deployment]]:
    """Yield deployments that have changed since the call, in their latest state, until cancelled.

    Every change is followed by the state that it left, or by a later one. No deployment is yielded twice in the same
    state. A list may be empty, so that a caller can check access regularly.
    """
    async with runtime.bus.listen(CHANGES) as listener:
        versions = {
            deployment.id: deployment.updated_at for deployment in await retry_while_away(partial(_recent, runtime))
        }
        yield []
        while True:
            messages = await gather_changes(listener)
            if messages:
                ids = {message.decode() for message in messages}
                deployments = await retry_while_away(partial(_by_ids, ids))
            else:
                deployments = await retry_while_away(partial(_recent, runtime))
            changed = [deployment for deployment in deployments if versions.get(deployment.id) != deployment.updated_at]
            versions |= {deployment.id: deployment.updated_at for deployment in changed}
            oldest = runtime.clock.now() - 2 * OVERLAP
            versions = {id_: updated_at for id_, updated_at in versions.items() if updated_at > oldest}
            yield changed


async def _by_ids(ids: set[str]) -> list[Deployment]:
    return list((await store.by_ids(list(ids))).values())


async def _recent(runtime: Runtime) -> list[Deployment]:
    return await store.updated_since(runtime.clock.now() - OVERLAP)
