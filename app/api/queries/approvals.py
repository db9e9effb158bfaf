"""The root field that reads the viewer's pending approvals."""

import strawberry

from app.api.context import Info
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.approvals import Approval
from app.api.types.common import Connection, PageArguments, page_of_list
from app.core.roles import Role
from app.services import approvals

INBOX = "approvals"


@strawberry.type
class ApprovalQueries:
    @strawberry.field(
        description="The pending approvals that you may decide and have not decided, oldest first. For VIEWER on "
        "anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def my_approvals(
        self,
        info: Info,
        first: int | None = 50,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Approval]:
        window = PageArguments(first, after, last, before).window(INBOX, default=50)
        pending = await approvals.inbox(info.context.viewer, info.context.runtime.clock.now())
        return page_of_list(window, pending, lambda approval: approval.id, Approval.of)
