"""What waits for the viewer."""

import strawberry

from app.api.context import Info
from app.api.permissions import Guard
from app.api.scalars import Cursor, cursor
from app.api.types.approvals import Approval
from app.api.types.common import Connection, Shown, connection, window
from app.core.errors import Role
from app.services import approvals

INBOX = "approvals"


@strawberry.type
class ApprovalQueries:
    @strawberry.field(
        description="What waits for you: pending approvals that you may give and have not, the oldest first. "
        "For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def my_approvals(
        self, info: Info, first: int | None = 50, after: Cursor | None = None
    ) -> Connection[Approval]:
        part = window(INBOX, first=first, after=after, default=50)
        waiting = await approvals.inbox(info.context.viewer, info.context.runtime.clock.now())
        rest = [one for one in waiting if part.after is None or one.id > part.after]
        found, before, behind = part.cut(rest[: part.limit])

        async def count() -> int:
            return len(waiting)

        cursors = [cursor(INBOX, one.id) for one in found]
        return connection(Shown([Approval.of(one) for one in found], cursors, before, behind), count)
