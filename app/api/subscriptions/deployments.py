"""The live feed of changed deployments."""

from collections.abc import AsyncGenerator

import strawberry

from app.api.context import Info
from app.api.inputs.deployments import DeploymentFilterInput
from app.api.loaders import may_see
from app.api.permissions import Guard, require_role
from app.api.types.deployments import Deployment
from app.core.deployment import DeploymentFilter
from app.core.roles import Role
from app.services.feeds import deployments
from app.services.retry import retry_while_away


@strawberry.type
class DeploymentSubscriptions:
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
