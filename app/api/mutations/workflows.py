"""Editing the graph of a deployment."""

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


@strawberry.type(description="The deployment and its graph, or why the edit was refused.")
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
        description="Replace the whole graph, as an editor saves it. For DEPLOYER on the deployment.",
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
        description="Change a task that has not started. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def update_task(self, info: Info, input: UpdateTaskInput) -> WorkflowPayload:
        return await _edit(info, input, input.order())

    @strawberry.mutation(
        description=(
            "Remove a task that has not started. What waited for it waits for what it waited for, so that nothing "
            "starts earlier than it would have. For DEPLOYER on the deployment."
        ),
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def remove_task(self, info: Info, input: EditTaskInput) -> WorkflowPayload:
        return await _edit(info, input, input.removal())

    @strawberry.mutation(
        description="Move a task up or down in the list; edges stay. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def move_task(self, info: Info, input: MoveTaskInput) -> WorkflowPayload:
        return await _edit(info, input, input.order())

    @strawberry.mutation(
        description="Let a task wait for another. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def connect_tasks(self, info: Info, input: ConnectTasksInput) -> WorkflowPayload:
        return await _edit(info, input, input.connection())

    @strawberry.mutation(
        description="Let a task wait for another no longer. For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def disconnect_tasks(self, info: Info, input: ConnectTasksInput) -> WorkflowPayload:
        return await _edit(info, input, input.disconnection())

    @strawberry.mutation(
        description="Keep where tasks are drawn, in any state of the deployment; it makes no revision. "
        "For DEPLOYER on the deployment.",
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def set_task_positions(self, info: Info, input: SetTaskPositionsInput) -> WorkflowPayload:
        (id_,) = await perform(info, input, workflows.set_positions, input.layout())
        return await _payload(info, id_)

    @strawberry.mutation(
        description=(
            "Bring the graph of an earlier revision back, as a new revision. Refused where a task that has started "
            "is not the same in it. For DEPLOYER on the deployment."
        ),
        extensions=[MutationGuard(Role.DEPLOYER, WorkflowPayload)],
    )
    async def restore_workflow(self, info: Info, input: RestoreWorkflowInput) -> WorkflowPayload:
        (id_,) = await perform(info, input, workflows.restore, input.order())
        return await _payload(info, id_)
