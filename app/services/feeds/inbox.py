"""Following the approvals that an actor may decide, each in its latest state."""

from collections.abc import AsyncIterator, Callable
from functools import partial

from app.core.access import Principal
from app.core.approval import Approval, ApprovalStatus
from app.core.deployment import Deployment
from app.services.approvals import all_pending, may_approve
from app.services.feeds.changes import gather_changes
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.store import approvals as store
from app.store import deployments as deployment_store

Version = tuple[ApprovalStatus, int]
"""What tells an approval from an earlier state of it: its status, and the number of its decisions."""
Entry = tuple[Approval, Deployment]


async def follow(runtime: Runtime, viewer: Callable[[], Principal]) -> AsyncIterator[list[Entry]]:
    """Yield what has entered an actor's inbox since the call, changed there or left it, until cancelled.

    Approvals that are in the inbox at the call are not yielded. No approval is yielded twice in the same state. A list
    may be empty, so that a caller can check access regularly. Messages of the bus only say when to read the inbox, so
    a lost message costs a delay. `viewer` returns the actor with the access that they have now.
    """
    async with runtime.bus.listen(store.CHANGES) as listener:
        entries = await retry_while_away(partial(_inbox, runtime, viewer()))
        versions = {approval.id: _version(approval) for approval, _ in entries}
        yield []
        while True:
            await gather_changes(listener)
            entries = await retry_while_away(partial(_inbox, runtime, viewer()))
            latest = {approval.id: _version(approval) for approval, _ in entries}
            gone = await retry_while_away(partial(_with_deployments, [id_ for id_ in versions if id_ not in latest]))
            changed = [entry for entry in entries if versions.get(entry[0].id) != _version(entry[0])]
            versions = latest
            yield [*gone, *changed]


def _version(approval: Approval) -> Version:
    return approval.status, len(approval.decisions)


async def _inbox(runtime: Runtime, principal: Principal) -> list[Entry]:
    now = runtime.clock.now()
    return [
        (approval, deployment) for approval, deployment in await all_pending() if may_approve(approval, principal, now)
    ]


async def _with_deployments(approval_ids: list[str]) -> list[Entry]:
    if not approval_ids:
        return []
    approvals = list((await store.by_ids(approval_ids)).values())
    deployments = await deployment_store.by_ids([approval.deployment_id for approval in approvals])
    return [(approval, deployments[approval.deployment_id]) for approval in approvals]
