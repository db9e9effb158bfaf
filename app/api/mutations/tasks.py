"""Root fields that control tasks and their rollouts."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.common import ByIdInput, ReasonInput
from app.api.inputs.deployments import PromoteRolloutInput
from app.api.mutations.deployments import DeploymentPayload
from app.api.mutations.run import load_changed, perform
from app.api.permissions import MutationGuard
from app.api.types.tasks import Task
from app.core.roles import Role
from app.services import tasks


@strawberry.type(description="The task, or the errors.")
class TaskPayload:
    task: Task | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class TaskMutations:
    @strawberry.mutation(
        description="Retry one failed task of a deployment that is running or has failed. For DEPLOYER on the "
        "deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, TaskPayload)],
    )
    async def retry_task(self, info: Info, input: ByIdInput) -> TaskPayload:
        (id_,) = await perform(info, input, tasks.retry, str(input.id))
        return TaskPayload(task=await load_changed(info, "Task", id_))

    @strawberry.mutation(
        description="Skip a task that has not started or has failed. The tasks that wait for it proceed as if it had "
        "succeeded. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, TaskPayload)],
    )
    async def skip_task(self, info: Info, input: ReasonInput) -> TaskPayload:
        (id_,) = await perform(info, input, tasks.skip, input.reasoned())
        return TaskPayload(task=await load_changed(info, "Task", id_))

    @strawberry.mutation(
        description="Cancel a task. It counts as failed. If the task is running, it ends when its command has ended; "
        "otherwise it ends at once. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, TaskPayload)],
    )
    async def cancel_task(self, info: Info, input: ReasonInput) -> TaskPayload:
        (id_,) = await perform(info, input, tasks.cancel, input.reasoned())
        return TaskPayload(task=await load_changed(info, "Task", id_))

    @strawberry.mutation(
        description="Promote a rollout that observes a batch: end this wait, or skip all remaining waits. For "
        "DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, DeploymentPayload)],
    )
    async def promote_rollout(self, info: Info, input: PromoteRolloutInput) -> DeploymentPayload:
        (id_,) = await perform(info, input, tasks.promote, input.promotion())
        return DeploymentPayload(deployment=await load_changed(info, "Deployment", id_))
