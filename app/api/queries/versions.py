"""Root fields that read versions."""

import strawberry

from app.api.context import Info
from app.api.pages import version_page
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.common import Connection, PageArguments
from app.api.types.versions import Version
from app.core.roles import Role
from app.core.version import VersionFilter


@strawberry.type
class VersionQueries:
    @strawberry.field(
        description="A version by its id. Null if it does not exist. For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def version(self, info: Info, id: strawberry.ID) -> Version | None:
        version = await info.context.loaders.version.load(id)
        return Version.of(version) if version else None

    @strawberry.field(
        description="The versions, newest first. For VIEWER on anything.", extensions=[Guard(Role.VIEWER)]
    )
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
        filter = VersionFilter(contains=contains, application_id=application_id, commit=commit)
        return await version_page(PageArguments(first, after, last, before), filter)
