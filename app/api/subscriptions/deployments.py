"""Live feeds of a deployment's events, and of the deployments that change."""

from collections.abc import AsyncGenerator

import strawberry

from app.api.context import Info
from app.api.inputs.deployments import DeploymentFilterInput
from app.api.loaders import may_see
from app.api.permissions import Guard, require_role
from app.api.scalars import Cursor, decode_number_cursor, encode_cursor
from app.api.subscriptions.common import advance, renew_and_check
from app.api.types.deployments import Deployment
from app.api.types.events import EVENT, DeploymentEventBatch, event_of
from app.core.deployment import DeploymentFilter
from app.core.errors import not_found
from app.core.roles import Role
from app.services.feeds import deployments, events
from app.services.retry import retry_while_away


@strawberry.type
class DeploymentSubscriptions:
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

    @strawberry.subscription(
        description="The latest state of each deployment that matches the filter, each time it changes: at most four "
        "times a second, and always up to the last change. A deployment whose status stops matching is sent once "
        "more. For VIEWER on anything; deployments that you may not see are left out.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployments_changed(
        self, info: Info, filter: DeploymentFilterInput | None = None
    ) -> AsyncGenerator[Deployment, None]:
        core_filter = (filter or DeploymentFilterInput()).narrow(DeploymentFilter())
        listed_ids: set[str] = set()
        async for changed in deployments.follow(info.context.runtime):
            await retry_while_away(info.context.reauthenticate)
            require_role(info.context, Role.VIEWER)
            for deployment in changed:
                matches = core_filter.admits(deployment)
                if (matches or deployment.id in listed_ids) and may_see(info.context.viewer, deployment):
                    (listed_ids.add if matches else listed_ids.discard)(deployment.id)
                    yield Deployment.of(deployment)
