"""Inputs about graphs of tasks: tasks, edits, layout."""

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

import strawberry

from app.api.execution.plain_inputs import plain_input
from app.api.inputs.commands import CommandStepInput, steps
from app.api.inputs.common import Place, given, mapping, mappings
from app.api.scalars import JSON
from app.core import application, workflow
from app.core.columnar import columns_of, filled
from app.core.editing import Addition, Connection, Disconnection, Edit, Modification, Move, MoveDirection, Removal
from app.core.editing import Replacement as WholeGraph
from app.core.texts import tidy
from app.services.workflows import EditOrder, Layout, RestoreOrder


@plain_input()
@strawberry.input(description="Where the editor draws a task.")
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
        default_factory=list, description="The keys of the tasks that it waits for."
    )
    require_confirm: bool | None = strawberry.field(default=False, description="Whether people are asked first.")
    command: CommandStepInput | None = None
    payload: JSON | None = None
    timeout_seconds: int | None = strawberry.field(default=None, description="Overrides the command's.")
    max_attempts: int | None = strawberry.field(default=None, description="Overrides the command's.")
    position: PositionInput | None = None

    def task(self, *path: str) -> workflow.WorkflowTask:
        """Return it as a core value. Raises Refused."""
        return _tasks([self], lambda _: path)[0]


def core_tasks(given: Sequence[WorkflowTaskInput], *path: str) -> tuple[workflow.WorkflowTask, ...]:
    """Return the tasks of a list, which has this path, as core values. Raises Refused."""
    return tuple(_tasks(given, lambda index: (*path, str(index))))


def _tasks(given: Sequence[WorkflowTaskInput], place: Place) -> list[workflow.WorkflowTask]:
    """Return tasks as core values, column by column: there may be thousands. Raises Refused."""
    columns = columns_of(given, workflow.WorkflowTask.__dataclass_fields__)
    commands = {index: command for index, command in enumerate(columns["command"]) if command is not None}
    placed = list(commands)
    made = steps(list(commands.values()), lambda number: (*place(placed[number]), "command"))
    step_of = dict(zip(placed, made, strict=True))
    limits = [step_of.get(index, UNLIMITED) for index in range(len(given))]
    columns |= {
        "key": list(map(tidy, columns["key"])),
        "name": list(map(tidy, columns["name"])),
        "block_by": [tuple(map(tidy, keys or ())) for keys in columns["block_by"]],
        "require_confirm": list(map(bool, columns["require_confirm"])),
        "command": [step_of.get(index) for index in range(len(given))],
        "payload": mappings(columns["payload"], place, "payload"),
        "position": [one and one.position() for one in columns["position"]],
    }
    for name in ("timeout_seconds", "max_attempts"):
        usual = map(attrgetter(name), limits)
        columns[name] = [limit if own is None else own for own, limit in zip(columns[name], usual, strict=True)]
    return filled(workflow.WorkflowTask, columns)


UNLIMITED = application.CommandStep(())
"""Has the limits of a task that has no command."""


@plain_input(tasks=WorkflowTaskInput)
@strawberry.input(description="The whole graph, as an editor saves it. Tasks are the same as before by their keys.")
class UpdateWorkflowInput:
    deployment_id: strawberry.ID
    expected_revision: int = strawberry.field(description="The revision that the edit was made from.")
    tasks: list[WorkflowTaskInput]
    summary: str | None = strawberry.field(default="", description="What was done. Default: what differs, in words.")
    idempotency_key: str | None = None

    def order(self) -> EditOrder:
        """Return it as a core value. Raises Refused."""
        return replace(_order(self, WholeGraph(core_tasks(self.tasks, "tasks"))), summary=self.summary or "")


@strawberry.input(description="One task more.")
class AddTaskInput:
    deployment_id: strawberry.ID
    expected_revision: int
    task: WorkflowTaskInput
    idempotency_key: str | None = None

    def order(self) -> EditOrder:
        """Return it as a core value. Raises Refused."""
        return _order(self, Addition(self.task.task("task")))


@strawberry.input(description="Changes of a task. What is left out stays; null takes a command, payload or list away.")
class UpdateTaskInput:
    deployment_id: strawberry.ID
    expected_revision: int
    key: str
    name: str | None = None
    require_confirm: bool | None = None
    command: CommandStepInput | None = strawberry.field(
        default=strawberry.UNSET, description="Its limits are taken over where the task's own are not given."
    )
    payload: JSON | None = strawberry.UNSET
    timeout_seconds: int | None = None
    max_attempts: int | None = None
    block_by: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="The keys of the tasks that it waits for."
    )
    idempotency_key: str | None = None

    def order(self) -> EditOrder:
        """Return it as a core value. Raises Refused."""
        step = self.command.step("command") if self.command else None
        fields = given(
            command=step or self.command,
            payload=self.payload if self.payload is strawberry.UNSET else mapping(self.payload, "payload"),
            block_by=self.block_by if self.block_by is strawberry.UNSET else tuple(map(tidy, self.block_by or ())),
        )
        if step is not None:
            fields |= {"timeout_seconds": step.timeout_seconds, "max_attempts": step.max_attempts}
        simple = {
            "name": self.name and tidy(self.name),
            "require_confirm": self.require_confirm,
            "timeout_seconds": self.timeout_seconds,
            "max_attempts": self.max_attempts,
        }
        fields |= {name: value for name, value in simple.items() if value is not None}
        return _order(self, Modification(tidy(self.key), fields))


@strawberry.input(description="A task of a graph.")
class EditTaskInput:
    deployment_id: strawberry.ID
    expected_revision: int
    key: str
    idempotency_key: str | None = None

    def removal(self) -> EditOrder:
        """Return it as a core value."""
        return _order(self, Removal(tidy(self.key)))


@strawberry.input(description="A task that changes places with its neighbour in the list.")
class MoveTaskInput:
    deployment_id: strawberry.ID
    expected_revision: int
    key: str
    direction: MoveDirection
    idempotency_key: str | None = None

    def order(self) -> EditOrder:
        """Return it as a core value."""
        return _order(self, Move(tidy(self.key), self.direction))


@strawberry.input(description="An edge: `to` waits for `from`, both keys of tasks.")
class ConnectTasksInput:
    deployment_id: strawberry.ID
    expected_revision: int
    from_: str = strawberry.field(name="from")
    to: str
    idempotency_key: str | None = None

    def connection(self) -> EditOrder:
        """Return it as a core value."""
        return _order(self, Connection(tidy(self.from_), tidy(self.to)))

    def disconnection(self) -> EditOrder:
        """Return it as a core value."""
        return _order(self, Disconnection(tidy(self.from_), tidy(self.to)))


@strawberry.input(description="Where one task is drawn.")
class TaskPositionInput:
    key: str
    position: PositionInput


@strawberry.input(description="Where tasks are drawn.")
class SetTaskPositionsInput:
    deployment_id: strawberry.ID
    positions: list[TaskPositionInput]
    idempotency_key: str | None = None

    def layout(self) -> Layout:
        """Return it as a core value."""
        return Layout(self.deployment_id, tuple((tidy(one.key), one.position.position()) for one in self.positions))


@strawberry.input(description="A revision to bring back.")
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
