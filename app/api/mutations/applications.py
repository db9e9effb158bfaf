"""Root fields that change applications."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.applications import CreateApplicationInput, UpdateApplicationInput
from app.api.inputs.common import ByIdInput
from app.api.mutations.run import load_changed, perform
from app.api.permissions import MutationGuard
from app.api.types.applications import Application
from app.core.roles import Role
from app.services import applications


@strawberry.type(description="The application, or the errors.")
class ApplicationPayload:
    application: Application | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ApplicationMutations:
    @strawberry.mutation(
        description="Create an application. For DEPLOYER on everything.",
        extensions=[MutationGuard(Role.DEPLOYER, ApplicationPayload)],
    )
    async def create_application(self, info: Info, input: CreateApplicationInput) -> ApplicationPayload:
        (id_,) = await perform(info, input, applications.create, input.draft())
        return ApplicationPayload(application=await load_changed(info, "Application", id_))

    @strawberry.mutation(
        description="Update an application. Existing deployments keep the definition that they were created with. For "
        "DEPLOYER on it. Changes of its workload, service and httpRoute take ADMIN on it.",
        extensions=[MutationGuard(Role.DEPLOYER, ApplicationPayload)],
    )
    async def update_application(self, info: Info, input: UpdateApplicationInput) -> ApplicationPayload:
        (id_,) = await perform(info, input, applications.update, input.changes())
        return ApplicationPayload(application=await load_changed(info, "Application", id_))

    @strawberry.mutation(
        description="Archive an application. It stays readable but cannot be deployed. For DEPLOYER on it.",
        extensions=[MutationGuard(Role.DEPLOYER, ApplicationPayload)],
    )
    async def archive_application(self, info: Info, input: ByIdInput) -> ApplicationPayload:
        (id_,) = await perform(info, input, applications.archive, str(input.id))
        return ApplicationPayload(application=await load_changed(info, "Application", id_))

    @strawberry.mutation(
        description="Unarchive an application, so that it can be deployed again. For DEPLOYER on it.",
        extensions=[MutationGuard(Role.DEPLOYER, ApplicationPayload)],
    )
    async def unarchive_application(self, info: Info, input: ByIdInput) -> ApplicationPayload:
        (id_,) = await perform(info, input, applications.unarchive, str(input.id))
        return ApplicationPayload(application=await load_changed(info, "Application", id_))
