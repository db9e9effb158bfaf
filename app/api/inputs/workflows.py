"""Inputs about graphs of tasks: tasks, edits and positions."""

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

import strawberry

from app.api.execution.plain_inputs import plain_input
from app.api.inputs.commands import CommandStepInput, steps
from app.api.inputs.common import PathOf, mapping, mappings, without_unset
from app.api.scalars import JSON
from app.core import application, workflow
from app.core.columnar import columns_of, from_columns
from app.core.editing import Addition, Connection, Disconnection, Edit, Modification, Move, MoveDirection, Removal
from app.core.editing import Replacement as GraphReplacement
from app.core.texts import normalized
from app.services.workflows import EditOrder, Layout, RestoreOrder

WITHOUT_COMMAND = application.CommandStep(())
"""Has the limits of a task that has no command."""


@plain_input()
@strawberry.input(description="The position of a task in the editor.")
class PositionInput:
    x: float
    y: float

    def position(self) -> workflow.Position:
        """Return it as a core value."""
        return workflow.Position(self.x, self.y)


@plain_input(command=CommandStepInput, position=PositionInput)
@strawberry.input(description="A task of a graph.")
class WorkflowTaskInput:
    key: str
    name: str
    type: workflow.TaskType
    application_id: strawberry.ID | None = None
    block_by: list[str] | None = strawberry.field(
        default_factory=list, description="The keys of the tasks that this task waits for. Default: none."
    )
    require_confirm: bool | None = strawberry.field(
        default=False, description="Whether the task needs an approval before it starts. Default: false."
    )
    command: CommandStepInput | None = None
    payload: JSON | None = None
    timeout_seconds: int | None = strawberry.field(
        default=None, description="How many seconds one attempt may take. Default: the limit of the command."
    )
    max_attempts: int | None = strawberry.field(
        default=None,
        description="How many attempts the task gets, including the first. Default: the limit of the command.",
    )
    position: PositionInput | None = None

    def task(self, *path: str) -> workflow.WorkflowTask:
        """Return it as a core value. Raises Refused."""
        return _tasks([self], lambda _: path)[0]


def core_tasks(inputs: Sequence[WorkflowTaskInput], *path: str) -> tuple[workflow.WorkflowTask, ...]:
    """Return the tasks of the list at this path as core values. Raises Refused."""
    return tuple(_tasks(inputs, lambda index: (*path, str(index))))


def _tasks(inputs: Sequence[WorkflowTaskInput], path_of: PathOf) -> list[workflow.WorkflowTask]:
    """Return tasks as core values, column by column: there may be thousands. Raises Refused."""
    columns = columns_of(inputs, workflow.WorkflowTask.__dataclass_fields__)
    commands = {index: command for index, command in enumerate(columns["command"]) if command is not None}
    indexes = list(commands)
    command_steps = steps(list(commands.values()), lambda number: (*path_of(indexes[number]), "command"))
    step_of = dict(zip(indexes, command_steps, strict=True))
    limits = [step_of.get(index, WITHOUT_COMMAND) for index in range(len(inputs))]
    columns |= {
        "key": list(map(normalized, columns["key"])),
        "name": list(map(normalized, columns["name"])),
        "block_by": [tuple(map(normalized, keys or ())) for keys in columns["block_by"]],
        "require_confirm": list(map(bool, columns["require_confirm"])),
        "command": [step_of.get(index) for index in range(len(inputs))],
        "payload": mappings(columns["payload"], path_of, "payload"),
        "position": [position and position.position() for position in columns["position"]],
    }
    for name in ("timeout_seconds", "max_attempts"):
        defaults = map(attrgetter(name), limits)
        columns[name] = [
            default if value is None else value for value, default in zip(columns[name], defaults, strict=True)
        ]
    return from_columns(workflow.WorkflowTask, columns)


@plain_input(tasks=WorkflowTaskInput)
@strawberry.input(description="The whole new graph. Tasks are matched with the current ones by their keys.")
class UpdateWorkflowInput:
    deployment_id: strawberry.ID
    expected_revision: int
    tasks: list[WorkflowTaskInput]
    summary: str | None = strawberry.field(
        default="", description="A summary of the edit. Default: a list of the differences."
    )
    idempotency_key: str | None = None

    def order(self) -> EditOrder:
        """Return it as a core value. Raises Refused."""
        return replace(_order(self, GraphReplacement(core_tasks(self.tasks, "tasks"))), summary=self.summary or "")


@strawberry.input(description="A task to add.")
class AddTaskInput:
    deployment_id: strawberry.ID
    expected_revision: int
    task: WorkflowTaskInput
    idempotency_key: str | None = None

    def order(self) -> EditOrder:
        """Return it as a core value. Raises Refused."""
        return _order(self, Addition(self.task.task("task")))


@strawberry.input(description="Changes to a task. Fields that are left out stay as they are.")
class UpdateTaskInput:
    deployment_id: strawberry.ID
    expected_revision: int
    key: str
    name: str | None = None
    require_confirm: bool | None = None
    command: CommandStepInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="The new command. Its limits apply unless timeoutSeconds and maxAttempts are given. Null removes "
        "the command.",
    )
    payload: JSON | None = strawberry.UNSET
    timeout_seconds: int | None = None
    max_attempts: int | None = None
    block_by: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="The keys of the tasks that this task waits for. Null means none."
    )
    idempotency_key: str | None = None

    def order(self) -> EditOrder:
        """Return it as a core value. Raises Refused."""
        step = self.command.step("command") if self.command else None
        fields = without_unset(
            command=step or self.command,
            payload=self.payload if self.payload is strawberry.UNSET else mapping(self.payload, "payload"),
            block_by=self.block_by
            if self.block_by is strawberry.UNSET
            else tuple(map(normalized, self.block_by or ())),
        )
        if step is not None:
            fields |= {"timeout_seconds": step.timeout_seconds, "max_attempts": step.max_attempts}
        not_null_fields = {
            "name": self.name and normalized(self.name),
            "require_confirm": self.require_confirm,
            "timeout_seconds": self.timeout_seconds,
            "max_attempts": self.max_attempts,
        }
        fields |= {name: value for name, value in not_null_fields.items() if value is not None}
        return _order(self, Modification(normalized(self.key), fields))


@strawberry.input(description="A task of a deployment, by its key.")
class EditTaskInput:
    deployment_id: strawberry.ID
    expected_revision: int
    key: str
    idempotency_key: str | None = None

    def removal(self) -> EditOrder:
        """Return it as a core value."""
        return _order(self, Removal(normalized(self.key)))


@strawberry.input(description="A task to swap with its neighbour in the list.")
class MoveTaskInput:
    deployment_id: strawberry.ID
    expected_revision: int
    key: str
    direction: MoveDirection
    idempotency_key: str | None = None

    def order(self) -> EditOrder:
        """Return it as a core value."""
        return _order(self, Move(normalized(self.key), self.direction))


@strawberry.input(description="An edge between two tasks: `to` waits for `from`.")
class ConnectTasksInput:
    deployment_id: strawberry.ID
    expected_revision: int
    from_: str = strawberry.field(name="from")
    to: str
    idempotency_key: str | None = None

    def connection(self) -> EditOrder:
        """Return it as a core value."""
        return _order(self, Connection(normalized(self.from_), normalized(self.to)))

    def disconnection(self) -> EditOrder:
        """Return it as a core value."""
        return _order(self, Disconnection(normalized(self.from_), normalized(self.to)))


@strawberry.input(description="The position of one task.")
class TaskPositionInput:
    key: str
    position: PositionInput


@strawberry.input(description="Positions of tasks in the editor.")
class SetTaskPositionsInput:
    deployment_id: strawberry.ID
    positions: list[TaskPositionInput]
    idempotency_key: str | None = None

    def layout(self) -> Layout:
        """Return it as a core value."""
        return Layout(
            self.deployment_id, tuple((normalized(item.key), item.position.position()) for item in self.positions)
        )


@strawberry.input(description="A revision to restore.")
class RestoreWorkflowInput:
    deployment_id: strawberry.ID
    expected_revision: int
    revision: int
    idempotency_key: str | None = None

    def order(self) -> RestoreOrder:
        """Return it as a core value."""
        return RestoreOrder(
            deployment_id=self.deployment_id, expected_revision=self.expected_revision, revision=self.revision
        )


def _order(
    edit_input: UpdateWorkflowInput
    | AddTaskInput
    | UpdateTaskInput
    | EditTaskInput
    | MoveTaskInput
    | ConnectTasksInput,
    edit: Edit,
) -> EditOrder:
    return EditOrder(deployment_id=edit_input.deployment_id, expected_revision=edit_input.expected_revision, edit=edit)
