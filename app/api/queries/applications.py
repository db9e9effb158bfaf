"""Root fields that read applications."""

import strawberry

from app.api.context import Info
from app.api.inputs.lookups import ApplicationBy, named
from app.api.pages import application_page, named_application
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.applications import Application
from app.api.types.common import Asked, Connection
from app.core.roles import Role


@strawberry.type
class ApplicationQueries:
    @strawberry.field(
        description="One application, by exactly one of id, name and by; null: there is none. For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def application(
        self,
        info: Info,
        id: strawberry.ID | None = None,
        name: str | None = None,
        by: ApplicationBy | None = None,
    ) -> Application | None:
        return await named_application(info, *named(id, name, by))

    @strawberry.field(
        description="Applications that are not archived, by name. For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def applications(
        self,
        info: Info,
        first: int | None = 50,
        after: Cursor | None = None,
        contains: str | None = None,
        archived: bool | None = False,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Application]:
        return await application_page(Asked(first, after, last, before), contains, archived)
