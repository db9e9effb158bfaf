"""Root fields that read applications."""

import strawberry

from app.api.context import Info
from app.api.inputs.lookups import ApplicationBy, id_or_name
from app.api.pages import application_page, find_application
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.applications import Application
from app.api.types.common import Connection, PageArguments
from app.core.roles import Role


@strawberry.type
class ApplicationQueries:
    @strawberry.field(
        description="An application. Give exactly one of id, name and by. Null if it does not exist. For VIEWER on "
        "anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def application(
        self,
        info: Info,
        id: strawberry.ID | None = None,
        name: str | None = None,
        by: ApplicationBy | None = None,
    ) -> Application | None:
        return await find_application(info, *id_or_name(id, name, by))

    @strawberry.field(
        description="The applications that are not archived, by name. For VIEWER on anything.",
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
        return await application_page(PageArguments(first, after, last, before), contains, archived)
