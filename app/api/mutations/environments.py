"""Root fields that change environments."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.environments import CreateEnvironmentInput, UpdateEnvironmentInput
from app.api.mutations.run import load_changed, perform
from app.api.permissions import MutationGuard
from app.api.types.environments import Environment
from app.api.types.freezes import FreezeWindow
from app.core.roles import Role
from app.services import environments


@strawberry.type(description="The environment, or the errors.")
class EnvironmentPayload:
    environment: Environment | None = None
    freeze_window: FreezeWindow | None = strawberry.field(
        default=None,
        description="The freeze window that was created. Null if the mutation creates none, or was refused.",
    )
    deleted_freeze_window_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the freeze window that was deleted. Null if the mutation deletes none, or was refused.",
    )
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EnvironmentMutations:
    @strawberry.mutation(
        description="Create an environment. For ADMIN on everything.",
        extensions=[MutationGuard(Role.ADMIN, EnvironmentPayload)],
    )
    async def create_environment(self, info: Info, input: CreateEnvironmentInput) -> EnvironmentPayload:
        (id_,) = await perform(info, input, environments.create, input.draft())
        return EnvironmentPayload(environment=await load_changed(info, "Environment", id_))

    @strawberry.mutation(
        description="Update an environment. For ADMIN on it. Changes of its pools or of its cluster take ADMIN on "
        "everything.",
        extensions=[MutationGuard(Role.ADMIN, EnvironmentPayload)],
    )
    async def update_environment(self, info: Info, input: UpdateEnvironmentInput) -> EnvironmentPayload:
        (id_,) = await perform(info, input, environments.update, input.changes())
        return EnvironmentPayload(environment=await load_changed(info, "Environment", id_))
