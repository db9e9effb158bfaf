"""The live feed of a deployment's events."""

from collections.abc import AsyncGenerator

import strawberry

from app.api.context import Info
from app.api.permissions import Guard
from app.api.scalars import Cursor, decode_number_cursor, encode_cursor
from app.api.subscriptions.common import advance, renew_and_check
from app.api.types.events import EVENT, DeploymentEventBatch, event_of
from app.core.errors import not_found
from app.core.roles import Role
from app.services.feeds import events


@strawberry.type
class EventSubscriptions:
    @strawberry.subscription(
        description="Every event of a deployment after the cursor `after`, then live, in order, exactly once. Without "
        "`after` the feed starts at the first event. It completes after the last event of an ended deployment. "
        "For VIEWER on the deployment.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployment_events(
        self, info: Info, id: strawberry.ID, after: Cursor | None = None
    ) -> AsyncGenerator[DeploymentEventBatch, None]:
        position = decode_number_cursor(EVENT, after, "after") or 0
        deployment = await info.context.loaders.deployment.load(id)
        if deployment is None:
            raise not_found("deployment", id, ("id",))
        is_first = True
        async for batch in events.follow(info.context.runtime, id, position):
            await renew_and_check(info, deployment)
            if not batch.items and not is_first:
                continue
            is_first = False
            yield DeploymentEventBatch(
                events=[event_of(event) for event in batch.items],
                cursor=advance(info, encode_cursor(EVENT, batch.position)),
                caught_up=batch.caught_up,
            )
