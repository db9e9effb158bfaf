"""Root fields that create and control deployments."""

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


@strawberry.type(description="The new deployments, one for each environment, or the errors.")
class CreateDeploymentPayload:
    deployments: list[Deployment] = strawberry.field(default_factory=list)
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="The deployment, or the errors.")
class DeploymentPayload:
    deployment: Deployment | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class DeploymentMutations:
    @strawberry.mutation(
        description="Create a deployment in each environment, or in none if one is refused. For DEPLOYER on each "
        "environment and all applications.",
        extensions=[MutationGuard(Role.DEPLOYER, CreateDeploymentPayload)],
    )
    async def create_deployment(self, info: Info, input: CreateDeploymentInput) -> CreateDeploymentPayload:
        ids = await perform(info, input, deployments.create, input.request())
        return CreateDeploymentPayload(deployments=[await load_changed(info, "Deployment", id_) for id_ in ids])

    @strawberry.mutation(
        description="Start a deployment that was created with autoStart: false. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def start_deployment(self, info: Info, input: ByIdInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.start, str(input.id))
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description="Pause a deployment: no new tasks start, and running tasks continue. A paused deployment in the "
        "queue does not hold up others. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def pause_deployment(self, info: Info, input: ByIdInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.pause, str(input.id))
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description="Resume a paused deployment. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def resume_deployment(self, info: Info, input: ByIdInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.resume, str(input.id))
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description="Cancel a deployment. If tasks are running, it ends when they have ended; otherwise it ends at "
        "once. A deployment that is rolling back stops in the middle and fails. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def cancel_deployment(self, info: Info, input: ReasonInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.cancel, input.reasoned())
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description="Retry a failed deployment. It resumes with the tasks that failed or never ran. For DEPLOYER on "
        "the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def retry_deployment(self, info: Info, input: ByIdInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.retry, str(input.id))
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))

    @strawberry.mutation(
        description="Roll back a deployment. For a successful deployment, this creates and returns a new deployment "
        "of the previous version. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def rollback_deployment(self, info: Info, input: ReasonInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, deployments.roll_back, input.reasoned())
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))
