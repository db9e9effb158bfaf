"""Root fields that read environments."""

import strawberry

from app.api.context import Info
from app.api.inputs.lookups import EnvironmentBy, id_or_name
from app.api.pages import all_environments, environment_page, find_environment
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.common import Connection, PageArguments
from app.api.types.environments import Environment
from app.core.roles import Role


@strawberry.type
class EnvironmentQueries:
    @strawberry.field(
        description="An environment. Give exactly one of id, name and by. Null if it does not exist. For VIEWER on "
        "anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def environment(
        self,
        info: Info,
        id: strawberry.ID | None = None,
        name: str | None = None,
        by: EnvironmentBy | None = None,
    ) -> Environment | None:
        return await find_environment(info, *id_or_name(id, name, by))

    @strawberry.field(
        description="All environments, in promotion order. For VIEWER on anything.", extensions=[Guard(Role.VIEWER)]
    )
    async def environments(self) -> list[Environment]:
        return await all_environments()

    @strawberry.field(
        description="The environments, in promotion order. For VIEWER on anything.", extensions=[Guard(Role.VIEWER)]
    )
    async def environments_connection(
        self,
        info: Info,
        first: int | None = 50,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Environment]:
        return await environment_page(PageArguments(first, after, last, before))
