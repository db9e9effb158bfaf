"""Applications."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.context import Info
from app.api.scalars import Cursor
from app.api.types.commands import CommandStep, command_step
from app.api.types.common import Connection, Node, PageArguments
from app.api.types.connections import OF_APPLICATION, VERSIONS
from app.api.types.deploy_targets import DeployTarget, deploy_target
from app.api.types.health_checks import HealthCheck, health_check
from app.api.types.references import wrap
from app.core import application as core
from app.core.command_visibility import CommandVisibility, of_application

if TYPE_CHECKING:
    from app.api.types.deployments import Deployment
    from app.api.types.environments import Release
    from app.api.types.versions import Version


@strawberry.type(description="A program that can be built, tested and deployed.")
class Application(Node):
    name: str = strawberry.field(description="The unique name, a DNS label.")
    description: str
    repository_url: str | None
    value: strawberry.Private[core.Application]
    archived_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, application: core.Application) -> "Application":
        return cls(
            id=strawberry.ID(application.id),
            name=application.name,
            description=application.description,
            repository_url=application.repository_url,
            value=application,
            archived_at=application.archived_at,
            created_at=application.created_at,
        )

    @strawberry.field(description="The command of the build task. Null if there is no build task.")
    def build(self, info: Info) -> CommandStep | None:
        return command_step(self.value.build, self._visibility(info))

    @strawberry.field(description="The command of the test task. Null if there is no test task.")
    def test(self, info: Info) -> CommandStep | None:
        return command_step(self.value.test, self._visibility(info))

    @strawberry.field
    def deploy(self, info: Info) -> DeployTarget:
        return deploy_target(self.value, self._visibility(info))

    @strawberry.field
    def health_check(self, info: Info) -> HealthCheck | None:
        return health_check(self.value.health_check, self._visibility(info))

    def _visibility(self, info: Info) -> CommandVisibility:
        return of_application(info.context.viewer, self.id)

    @strawberry.field(description="The version that runs now in each environment that you may see.")
    async def releases(self, info: Info) -> list[Annotated["Release", strawberry.lazy("app.api.types.environments")]]:
        return [wrap(info, "Release", release) for release in await info.context.loaders.releases_of.load(self.id)]

    @strawberry.field(description="The deployments of the application that you may see, newest first.")
    async def deployments(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Annotated["Deployment", strawberry.lazy("app.api.types.deployments")]]:
        arguments = PageArguments(first, after, last, before)
        return await OF_APPLICATION.page(info, self.id, partial(wrap, info, "Deployment"), arguments)

    @strawberry.field(description="The versions that contain the application, newest first.")
    async def versions(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Annotated["Version", strawberry.lazy("app.api.types.versions")]]:
        arguments = PageArguments(first, after, last, before)
        return await VERSIONS.page(info, self.id, partial(wrap, info, "Version"), arguments)
