"""Root fields that change applications."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.applications import CreateApplicationInput, UpdateApplicationInput
from app.api.inputs.common import ByIdInput
from app.api.mutations.run import changed, perform
from app.api.permissions import Answers
from app.api.types.applications import Application
from app.core.roles import Role
from app.services import applications


@strawberry.type(description="The application, or why it was refused.")
class ApplicationPayload:
    application: Application | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ApplicationMutations:
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
