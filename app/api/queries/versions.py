"""Root fields that read versions."""

import strawberry

from app.api.context import Info
from app.api.pages import version_page
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.common import Asked, Connection
from app.api.types.versions import Version
from app.core.roles import Role
from app.core.version import VersionFilter


@strawberry.type
class VersionQueries:
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
