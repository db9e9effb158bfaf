"""Root fields that change versions."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.versions import CreateVersionInput
from app.api.mutations.run import load_changed, perform
from app.api.permissions import MutationGuard
from app.api.types.versions import Version
from app.core.roles import Role
from app.services import versions


@strawberry.type(description="The version, or the errors.")
class VersionPayload:
    version: Version | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class VersionMutations:
    @strawberry.mutation(
        description="Create a version. If the same version exists, it is returned. A name is unique for each "
        "application. For DEPLOYER on each of its applications, in any environment.",
        extensions=[MutationGuard(Role.DEPLOYER, VersionPayload)],
    )
    async def create_version(self, info: Info, input: CreateVersionInput) -> VersionPayload:
        (id_,) = await perform(info, input, versions.create, input.draft())
        return VersionPayload(version=await load_changed(info, "Version", id_))
