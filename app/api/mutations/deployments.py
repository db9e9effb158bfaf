"""Creating and steering deployments."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.common import ByIdInput, ReasonInput
from app.api.inputs.deployments import CreateDeploymentInput
from app.api.mutations.run import load_changed, perform
from app.api.permissions import MutationGuard
from app.api.types.deployments import Deployment
from app.core.roles import Role
from app.services import deployments


@strawberry.type(description="The deployments, one per environment, or why all were refused.")
class CreateDeploymentPayload:
    deployments: list[Deployment] = strawberry.field(default_factory=list)
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="The deployment, or why it was refused.")
class DeploymentPayload:
    deployment: Deployment | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class DeploymentMutations:
    @strawberry.mutation(
        description="Create a deployment in each environment, or none at all. For DEPLOYER on each environment "
        "and all the applications.",
        extensions=[MutationGuard(Role.DEPLOYER, CreateDeploymentPayload)],
    )
    async def create_deployment(self, info: Info, input: CreateDeploymentInput) -> CreateDeploymentPayload:
        ids = await perform(info, input, deployments.create, input.request())
        return CreateDeploymentPayload(deployments=[await load_changed(info, "Deployment", id_) for id_ in ids])

    @strawberry.mutation(
        description="Start a deployment that was made without starting. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def start_deployment(self, info: Info, input: ByIdInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.start, str(input.id))
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description="Keep tasks from starting; those that run go on. While it waits, others pass it. For DEPLOYER "
        "on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def pause_deployment(self, info: Info, input: ByIdInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.pause, str(input.id))
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description="Let a paused deployment go on. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def resume_deployment(self, info: Info, input: ByIdInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.resume, str(input.id))
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description=(
            "Cancel a deployment: at once where nothing runs, else when what runs has ended. One that rolls back stops "
            "half way, and has failed. For DEPLOYER on the deployment."
        ),
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def cancel_deployment(self, info: Info, input: ReasonInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.cancel, input.reasoned())
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description="Go on with a failed deployment from what failed or never ran. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def retry_deployment(self, info: Info, input: ByIdInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.retry, str(input.id))
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description=(
            "Take a deployment's applications back. Of a successful one: answers with the new deployment of the "
            "version before. For DEPLOYER on the deployment."
        ),
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def rollback_deployment(self, info: Info, input: ReasonInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.roll_back, input.reasoned())
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))
