"""Root fields that create and delete freeze windows."""

import strawberry

from app.api.context import Info
from app.api.inputs.common import ByIdInput
from app.api.inputs.freezes import CreateFreezeWindowInput
from app.api.mutations.environments import EnvironmentPayload
from app.api.mutations.run import load_changed, perform
from app.api.permissions import MutationGuard
from app.api.types.references import find
from app.core.roles import Role
from app.services import freezes


@strawberry.type
class FreezeMutations:
    @strawberry.mutation(
        description="Create a freeze window. While it is active, no deployment to the environment starts; running "
        "deployments continue. For ADMIN on the environment.",
        extensions=[MutationGuard(Role.ADMIN, EnvironmentPayload)],
    )
    async def create_freeze_window(self, info: Info, input: CreateFreezeWindowInput) -> EnvironmentPayload:
        id_, *window_ids = await perform(info, input, freezes.create, input.draft())
        window = await find(info, "FreezeWindow", window_ids[0]) if window_ids else None
        return EnvironmentPayload(environment=await load_changed(info, "Environment", id_), freeze_window=window)

    @strawberry.mutation(
        description="Delete a freeze window. Deployments that waited for its end can start. For ADMIN on the "
        "environment.",
        extensions=[MutationGuard(Role.ADMIN, EnvironmentPayload)],
    )
    async def delete_freeze_window(self, info: Info, input: ByIdInput) -> EnvironmentPayload:
        (id_,) = await perform(info, input, freezes.delete, str(input.id))
        environment = await load_changed(info, "Environment", id_)
        return EnvironmentPayload(environment=environment, deleted_freeze_window_id=input.id)
