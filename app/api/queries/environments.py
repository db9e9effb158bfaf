"""Root fields that read environments."""

import strawberry

from app.api.context import Info
from app.api.inputs.lookups import EnvironmentBy, named
from app.api.pages import all_environments, environment_page, named_environment
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.common import Asked, Connection
from app.api.types.environments import Environment
from app.core.roles import Role


@strawberry.type
class EnvironmentQueries:
    @strawberry.field(
        description="One environment, by exactly one of id, name and by; null: there is none. For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def environment(
        self,
        info: Info,
        id: strawberry.ID | None = None,
        name: str | None = None,
        by: EnvironmentBy | None = None,
    ) -> Environment | None:
        return await named_environment(info, *named(id, name, by))

    @strawberry.field(
        description="All environments, in promotion order. For VIEWER on anything.", extensions=[Guard(Role.VIEWER)]
    )
    async def environments(self) -> list[Environment]:
        return await all_environments()

    @strawberry.field(
        description="Environments, in promotion order. For VIEWER on anything.", extensions=[Guard(Role.VIEWER)]
    )
    async def environments_connection(
        self,
        info: Info,
        first: int | None = 50,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Environment]:
        return await environment_page(Asked(first, after, last, before))
