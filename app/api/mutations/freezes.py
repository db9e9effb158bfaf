"""Keeping freeze windows."""

import strawberry

from app.api.context import Info
from app.api.inputs.common import ByIdInput
from app.api.inputs.freezes import CreateFreezeWindowInput
from app.api.mutations.environments import EnvironmentPayload
from app.api.mutations.run import changed, perform
from app.api.permissions import Answers
from app.api.types.references import find
from app.core.roles import Role
from app.services import freezes


@strawberry.type
class FreezeMutations:
    @strawberry.mutation(
        description="Let no deployment of an environment start for some time; what runs goes on. For ADMIN on it.",
        extensions=[Answers(Role.ADMIN, EnvironmentPayload)],
    )
    async def create_freeze_window(self, info: Info, input: CreateFreezeWindowInput) -> EnvironmentPayload:
        id_, *made = await perform(info, input, freezes.create, input.draft())
        window = await find(info, "FreezeWindow", made[0]) if made else None
        return EnvironmentPayload(environment=await changed(info, "Environment", id_), freeze_window=window)

    @strawberry.mutation(
        description="Delete a freeze window; what it holds up starts. For ADMIN on its environment.",
        extensions=[Answers(Role.ADMIN, EnvironmentPayload)],
    )
    async def delete_freeze_window(self, info: Info, input: ByIdInput) -> EnvironmentPayload:
        (id_,) = await perform(info, input, freezes.delete, str(input.id))
        environment = await changed(info, "Environment", id_)
        return EnvironmentPayload(environment=environment, deleted_freeze_window_id=input.id)
