"""The root field that reads the audit log."""

import strawberry

from app.api.context import Info
from app.api.inputs.audit import AuditFilterInput
from app.api.pages import audit_page
from app.api.permissions import Guard
from app.api.queries.nodes import find_node
from app.api.scalars import Cursor
from app.api.types.audit import AuditEntry
from app.api.types.common import Connection, PageArguments
from app.core.audit import AuditFilter
from app.core.roles import Role
from app.services.use_cases import forbidden


@strawberry.type
class AuditQueries:
    @strawberry.field(
        description="The audit log: who changed what, newest first. For ADMIN on everything.",
        extensions=[Guard(Role.ADMIN)],
    )
    async def audit_log(
        self,
        info: Info,
        first: int | None = 50,
        after: Cursor | None = None,
        filter: AuditFilterInput | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[AuditEntry]:
        if not info.context.viewer.allows(Role.ADMIN):
            raise forbidden(Role.ADMIN)
        core_filter = filter.filter() if filter else AuditFilter()
        return await audit_page(PageArguments(first, after, last, before), core_filter, find_node)
