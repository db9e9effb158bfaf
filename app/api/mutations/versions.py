"""Root fields that change versions."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.versions import CreateVersionInput
from app.api.mutations.run import changed, perform
from app.api.permissions import Answers
from app.api.types.versions import Version
from app.core.roles import Role
from app.services import versions


@strawberry.type(description="The version, or why it was refused.")
class VersionPayload:
    version: Version | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class VersionMutations:
    @strawberry.mutation(
        description="Create a version, or return the same one where it is there: a name is given once for an "
        "application. For DEPLOYER on each of its applications, in any environment.",
        extensions=[Answers(Role.DEPLOYER, VersionPayload)],
    )
    async def create_version(self, info: Info, input: CreateVersionInput) -> VersionPayload:
        (id_,) = await perform(info, input, versions.create, input.draft())
        return VersionPayload(version=await changed(info, "Version", id_))
