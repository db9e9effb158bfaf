"""The definitions that a deployment was created with, one for each application."""

import strawberry

from app.api.context import Info
from app.api.types.applications import Application
from app.api.types.commands import CommandStep, command_step
from app.api.types.deploy_targets import DeployTarget, deploy_target
from app.api.types.health_checks import HealthCheck, health_check
from app.api.types.references import require
from app.core.command_visibility import CommandVisibility
from app.core.deployment import Definition, definition_of, differing_parts


@strawberry.type(
    description="An application as it was defined when the deployment was created. This is what runs, even if the "
    "application changes later."
)
class DeploymentDefinition:
    value: strawberry.Private[Definition]
    environment_id: strawberry.Private[str]
    repository_url: str | None
    image: str | None = strawberry.field(
        description="The image of the application in the deployed version. Null if it has none."
    )
    build: CommandStep | None = strawberry.field(
        description="The command of the build task. Null if there was no build task."
    )
    test: CommandStep | None = strawberry.field(
        description="The command of the test task. Null if there was no test task."
    )
    deploy: DeployTarget
    health_check: HealthCheck | None

    @classmethod
    def of(cls, definition: Definition, environment_id: str, visibility: CommandVisibility) -> "DeploymentDefinition":
        return cls(
            value=definition,
            environment_id=environment_id,
            repository_url=definition.repository_url,
            image=definition.image,
            build=command_step(definition.build, visibility),
            test=command_step(definition.test, visibility),
            deploy=deploy_target(definition, visibility),
            health_check=health_check(definition.health_check, visibility),
        )

    @strawberry.field
    async def application(self, info: Info) -> Application:
        return await require(info, "Application", self.value.application_id)

    @strawberry.field(
        description="The names of the parts that differ from what runs in the environment now: repositoryUrl, "
        "build, test, deploy, healthCheck. If nothing runs, all parts that are set."
    )
    async def differs_from_running(self, info: Info) -> list[str]:
        running = await info.context.loaders.running_in.load(self.environment_id)
        return list(differing_parts(self.value, running.get(self.value.application_id)))

    @strawberry.field(description="The names of the parts that differ from the current definition of the application.")
    async def differs_from_current(self, info: Info) -> list[str]:
        current = await info.context.loaders.application.load(self.value.application_id)
        if current is None:
            return []
        return list(differing_parts(self.value, definition_of(current, self.value.image)))
