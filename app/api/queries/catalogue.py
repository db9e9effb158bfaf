"""Reading applications, environments and versions."""

import strawberry

from app.api.context import Info
from app.api.inputs.lookups import ApplicationBy, EnvironmentBy, named
from app.api.pages import (
    all_environments,
    application_page,
    environment_page,
    named_application,
    named_environment,
    version_page,
)
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.applications import Application
from app.api.types.common import Asked, Connection
from app.api.types.environments import Environment
from app.api.types.versions import Version
from app.core.roles import Role
from app.core.version import VersionFilter


@strawberry.type
class CatalogueQueries:
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

    @strawberry.field(
        description="One version by its id; null: there is none. For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def version(self, info: Info, id: strawberry.ID) -> Version | None:
        found = await info.context.loaders.version.load(id)
        return Version.of(found) if found else None

    @strawberry.field(description="Versions, newest first. For VIEWER on anything.", extensions=[Guard(Role.VIEWER)])
    async def versions(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        contains: str | None = None,
        application_id: strawberry.ID | None = None,
        commit: str | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Version]:
        wanted = VersionFilter(contains=contains, application_id=application_id, commit=commit)
        return await version_page(Asked(first, after, last, before), wanted)
