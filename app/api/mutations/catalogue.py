"""Changing applications, environments and versions."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.catalogue import (
    CreateApplicationInput,
    CreateEnvironmentInput,
    CreateVersionInput,
    UpdateApplicationInput,
    UpdateEnvironmentInput,
)
from app.api.inputs.common import ByIdInput
from app.api.mutations.run import changed, perform
from app.api.permissions import Answers
from app.api.types.applications import Application
from app.api.types.environments import Environment
from app.api.types.freezes import FreezeWindow
from app.api.types.versions import Version
from app.core.roles import Role
from app.services import applications, environments, versions


@strawberry.type(description="The application, or why it was refused.")
class ApplicationPayload:
    application: Application | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="The environment, or why it was refused.")
class EnvironmentPayload:
    environment: Environment | None = None
    freeze_window: FreezeWindow | None = strawberry.field(
        default=None, description="The window that was created; null: the mutation creates none, or was refused."
    )
    deleted_freeze_window_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the window that was deleted; null: the mutation deletes none."
    )
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="The version, or why it was refused.")
class VersionPayload:
    version: Version | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class CatalogueMutations:
    @strawberry.mutation(
        description="Create an application. For DEPLOYER on everything.",
        extensions=[Answers(Role.DEPLOYER, ApplicationPayload)],
    )
    async def create_application(self, info: Info, input: CreateApplicationInput) -> ApplicationPayload:
        (id_,) = await perform(info, input, applications.create, input.draft())
        return ApplicationPayload(application=await changed(info, "Application", id_))

    @strawberry.mutation(
        description="Change an application. Deployments keep what they were made with. For DEPLOYER on it; its "
        "workload, service and httpRoute for ADMIN on it.",
        extensions=[Answers(Role.DEPLOYER, ApplicationPayload)],
    )
    async def update_application(self, info: Info, input: UpdateApplicationInput) -> ApplicationPayload:
        (id_,) = await perform(info, input, applications.update, input.changes())
        return ApplicationPayload(application=await changed(info, "Application", id_))

    @strawberry.mutation(
        description="Archive an application: it stays readable and is deployed no more. For DEPLOYER on it.",
        extensions=[Answers(Role.DEPLOYER, ApplicationPayload)],
    )
    async def archive_application(self, info: Info, input: ByIdInput) -> ApplicationPayload:
        (id_,) = await perform(info, input, applications.archive, str(input.id))
        return ApplicationPayload(application=await changed(info, "Application", id_))

    @strawberry.mutation(
        description="Bring an archived application back: it can be deployed again. For DEPLOYER on it.",
        extensions=[Answers(Role.DEPLOYER, ApplicationPayload)],
    )
    async def unarchive_application(self, info: Info, input: ByIdInput) -> ApplicationPayload:
        (id_,) = await perform(info, input, applications.unarchive, str(input.id))
        return ApplicationPayload(application=await changed(info, "Application", id_))

    @strawberry.mutation(
        description="Create an environment. For ADMIN on everything.",
        extensions=[Answers(Role.ADMIN, EnvironmentPayload)],
    )
    async def create_environment(self, info: Info, input: CreateEnvironmentInput) -> EnvironmentPayload:
        (id_,) = await perform(info, input, environments.create, input.draft())
        return EnvironmentPayload(environment=await changed(info, "Environment", id_))

    @strawberry.mutation(
        description="Change an environment. For ADMIN on it; which pool serves it and which cluster it reaches, for "
        "ADMIN on everything.",
        extensions=[Answers(Role.ADMIN, EnvironmentPayload)],
    )
    async def update_environment(self, info: Info, input: UpdateEnvironmentInput) -> EnvironmentPayload:
        (id_,) = await perform(info, input, environments.update, input.changes())
        return EnvironmentPayload(environment=await changed(info, "Environment", id_))

    @strawberry.mutation(
        description="Create a version, or return the same one where it is there: a name is given once for an "
        "application. For DEPLOYER on each of its applications, in any environment.",
        extensions=[Answers(Role.DEPLOYER, VersionPayload)],
    )
    async def create_version(self, info: Info, input: CreateVersionInput) -> VersionPayload:
        (id_,) = await perform(info, input, versions.create, input.draft())
        return VersionPayload(version=await changed(info, "Version", id_))
