"""The live feed of the approvals that wait for the viewer."""

from collections.abc import AsyncGenerator

import strawberry

from app.api.context import Info
from app.api.loaders import may_see
from app.api.permissions import Guard, require_role
from app.api.types.approvals import Approval
from app.core.roles import Role
from app.services.feeds import inbox
from app.services.retry import retry_while_away


@strawberry.type
class ApprovalSubscriptions:
    @strawberry.subscription(
        description="The latest state of each approval that enters `myApprovals`, changes there, or leaves it. "
        "Approvals that are already there are not sent: query `myApprovals` once this subscription has started. "
        "For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def my_approvals_changed(self, info: Info) -> AsyncGenerator[Approval, None]:
        async for changed in inbox.follow(info.context.runtime, lambda: info.context.viewer):
            await retry_while_away(info.context.reauthenticate)
            require_role(info.context, Role.VIEWER)
            for approval, deployment in changed:
                if may_see(info.context.viewer, deployment):
                    yield Approval.of(approval)
