"""Versions and their artifacts."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.context import Info
from app.api.scalars import Cursor
from app.api.types.access import Actor, load_actor
from app.api.types.applications import Application
from app.api.types.common import Connection, Node, PageArguments
from app.api.types.connections import OF_VERSION
from app.api.types.references import require, wrap
from app.core import version as core

if TYPE_CHECKING:
    from app.api.types.deployments import Deployment


@strawberry.type(description="The artifact of one application in a version.")
class Artifact:
    value: strawberry.Private[core.Artifact]
    image: str | None = strawberry.field(description="The container image reference. Null if there is none.")

    @strawberry.field
    async def application(self, info: Info) -> Application:
        return await require(info, "Application", self.value.application_id)


@strawberry.type(description="A version of one or more applications that are deployed together.")
class Version(Node):
    value: strawberry.Private[core.Version]
    name: str
    commit: str | None
    artifacts: list[Artifact]
    created_at: datetime

    @classmethod
    def of(cls, version: core.Version) -> "Version":
        return cls(
            value=version,
            id=strawberry.ID(version.id),
            name=version.name,
            commit=version.commit,
            artifacts=[Artifact(value=artifact, image=artifact.image) for artifact in version.artifacts],
            created_at=version.created_at,
        )

    @strawberry.field
    async def created_by(self, info: Info) -> Actor:
        return await load_actor(info, self.value.created_by)

    @strawberry.field(description="The deployments of the version that you may see, newest first.")
    async def deployments(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Annotated["Deployment", strawberry.lazy("app.api.types.deployments")]]:
        arguments = PageArguments(first, after, last, before)
        return await OF_VERSION.page(info, self.id, partial(wrap, info, "Deployment"), arguments)
