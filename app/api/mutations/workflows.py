"""Root fields that edit the graph of a deployment."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.workflows import (
    AddTaskInput,
    ConnectTasksInput,
    EditTaskInput,
    MoveTaskInput,
    RestoreWorkflowInput,
    SetTaskPositionsInput,
    UpdateTaskInput,
    UpdateWorkflowInput,
)
from app.api.mutations.run import Input, load_changed, perform
from app.api.permissions import MutationGuard
from app.api.types.deployments import Deployment
from app.api.types.workflows import Workflow
from app.core.roles import Role
from app.services import workflows
from app.services.workflows import EditOrder


@strawberry.type(description="The deployment and its workflow, or the errors.")
class WorkflowPayload:
    deployment: Deployment | None = None
    workflow: Workflow | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


async def _payload(info: Info, id_: str) -> WorkflowPayload:
    deployment: Deployment = await load_changed(info, "Deployment", id_)
    return WorkflowPayload(deployment=deployment, workflow=Workflow.of(deployment.value))


async def _edit(info: Info, input: Input, order: EditOrder) -> WorkflowPayload:
    (id_,) = await perform(info, input, workflows.edit, order)
    return await _payload(info, id_)


@strawberry.type
class WorkflowMutations:
    @strawberry.mutation(
        description="Replace the whole graph. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def update_workflow(self, info: Info, input: UpdateWorkflowInput) -> WorkflowPayload:
        return await _edit(info, input, input.order())

    @strawberry.mutation(
        description="Add a task at the end of the list. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def add_task(self, info: Info, input: AddTaskInput) -> WorkflowPayload:
        return await _edit(info, input, input.order())

    @strawberry.mutation(
        description="Update a task that has not started. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def update_task(self, info: Info, input: UpdateTaskInput) -> WorkflowPayload:
        return await _edit(info, input, input.order())

    @strawberry.mutation(
        description="Remove a task that has not started. The tasks that waited for it then wait for its blockers "
        "instead. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def remove_task(self, info: Info, input: EditTaskInput) -> WorkflowPayload:
        return await _edit(info, input, input.removal())

    @strawberry.mutation(
        description="Move a task up or down in the list. The edges stay as they are. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def move_task(self, info: Info, input: MoveTaskInput) -> WorkflowPayload:
        return await _edit(info, input, input.order())

    @strawberry.mutation(
        description="Add an edge, so that one task waits for another. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def connect_tasks(self, info: Info, input: ConnectTasksInput) -> WorkflowPayload:
        return await _edit(info, input, input.connection())

    @strawberry.mutation(
        description="Remove an edge, so that one task no longer waits for another. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def disconnect_tasks(self, info: Info, input: ConnectTasksInput) -> WorkflowPayload:
        return await _edit(info, input, input.disconnection())

    @strawberry.mutation(
        description="Set the positions of tasks in the editor. This works in every state of the deployment and makes "
        "no revision. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def set_task_positions(self, info: Info, input: SetTaskPositionsInput) -> WorkflowPayload:
        (id_,) = await perform(info, input, workflows.set_positions, input.layout())
        return await _payload(info, id_)

    @strawberry.mutation(
        description="Restore the graph of an earlier revision as a new revision. Refused if a task that has started "
        "differs in it. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def restore_workflow(self, info: Info, input: RestoreWorkflowInput) -> WorkflowPayload:
        (id_,) = await perform(info, input, workflows.restore, input.order())
        return await _payload(info, id_)
