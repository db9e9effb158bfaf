"""Following what waits for somebody: for lists, which show the latest state and need not see each step on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

from app.core.access import Principal
from app.core.approval import Approval, ApprovalStatus
from app.core.deployment import Deployment
from app.services.approvals import all_pending, may_approve
from app.services.feeds.deployments import PAUSE_SECONDS
from app.services.feeds.events import TAIL_SECONDS
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.store import approvals as store
from app.store import deployments as deployment_store

Version = tuple[ApprovalStatus, int]
"""What tells an approval from what it was before: where it stands, and how many have decided."""


async def follow(runtime: Runtime, viewer: Callable[[], Principal]) -> AsyncIterator[list[tuple[Approval, Deployment]]]:
    """Yield what has come into somebody's inbox since this began, changed there or left it, until cancelled.

    What waits when it begins is not told. Everything is told in its latest state, and nothing twice in the same; a list
    may be empty, so that whoever follows can see after what else may have changed. The bus only says when to look, so
    that a message that is lost delays and no more. `viewer` says who it is now.
    """
    async with runtime.bus.listen(store.CHANGES) as listener:
        mine = {one.id: _version(one) for one, _ in await retry_while_away(partial(_mine, runtime, viewer()))}
        yield []
        while True:
            if await listener.get(TAIL_SECONDS):
                await asyncio.sleep(PAUSE_SECONDS)
                await listener.get(0)
            now = await retry_while_away(partial(_mine, runtime, viewer()))
            found = {one.id: _version(one) for one, _ in now}
            left = await retry_while_away(partial(_with_deployments, [id_ for id_ in mine if id_ not in found]))
            fresh = [pair for pair in now if mine.get(pair[0].id) != _version(pair[0])]
            mine = found
            yield [*left, *fresh]


def _version(one: Approval) -> Version:
    return one.status, len(one.decisions)


async def _mine(runtime: Runtime, principal: Principal) -> list[tuple[Approval, Deployment]]:
    now = runtime.clock.now()
    return [(one, deployment) for one, deployment in await all_pending() if may_approve(one, principal, now)]


async def _with_deployments(ids: list[str]) -> list[tuple[Approval, Deployment]]:
    if not ids:
        return []
    approvals = list((await store.by_ids(ids)).values())
    deployments = await deployment_store.by_ids([one.deployment_id for one in approvals])
    return [(one, deployments[one.deployment_id]) for one in approvals]
