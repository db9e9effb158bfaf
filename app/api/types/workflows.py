"""Workflows: the graph of a deployment, and of one that is only planned."""

import strawberry

from app.api.context import Info
from app.api.errors import WorkflowFault
from app.api.scalars import JSON
from app.api.types.applications import CommandStep, command_step
from app.api.types.gates import Gate
from app.api.types.tasks import Position, Task
from app.core import graph
from app.core import workflow as core
from app.core.deployment import Deployment


@strawberry.type(description="A task waits for another: `to` waits for `from`.")
class WorkflowEdge:
    from_: strawberry.ID = strawberry.field(name="from")
    to: strawberry.ID


@strawberry.type(description="The graph of a deployment.")
class Workflow:
    deployment: strawberry.Private[Deployment]
    revision: int

    @strawberry.field(description="In workflow order.")
    async def tasks(self, info: Info) -> list[Task]:
        return [Task.of(task) for task in await info.context.loaders.tasks_of.load(self.deployment.id)]

    @strawberry.field
    async def edges(self, info: Info) -> list[WorkflowEdge]:
        return [
            WorkflowEdge(from_=strawberry.ID(blocker), to=strawberry.ID(task))
            for task, blockers in (await self._graph(info)).items()
            for blocker in blockers
        ]

    @strawberry.field(description="Topological levels: what can run side by side.")
    async def levels(self, info: Info) -> list[list[strawberry.ID]]:
        return [[strawberry.ID(id_) for id_ in level] for level in graph.levels(await self._graph(info))]

    @strawberry.field(description="The longest chain of tasks, counted by tasks.")
    async def critical_path(self, info: Info) -> list[strawberry.ID]:
        return [strawberry.ID(id_) for id_ in graph.critical_path(await self._graph(info), lambda _: 1.0)]

    async def _graph(self, info: Info) -> dict[str, tuple[str, ...]]:
        tasks = await info.context.loaders.tasks_of.load(self.deployment.id)
        return {task.id: task.block_by for task in tasks}


@strawberry.type(description="A task of a graph that may have no deployment.")
class WorkflowTask:
    key: str
    name: str
    type: core.TaskType
    application_name: str | None
    block_by: list[str] = strawberry.field(description="The keys of the tasks it waits for.")
    command: CommandStep | None
    payload: JSON
    timeout_seconds: int
    max_attempts: int
    position: Position | None

    @classmethod
    def of(cls, task: core.WorkflowTask, names: dict[str, str]) -> "WorkflowTask":
        return cls(
            key=task.key,
            name=task.name,
            type=task.type,
            application_name=names.get(task.application_id) if task.application_id else None,
            block_by=list(task.block_by),
            command=command_step(task.command),
            payload=JSON(dict(task.payload)),
            timeout_seconds=task.timeout_seconds,
            max_attempts=task.max_attempts,
            position=Position(x=task.position.x, y=task.position.y) if task.position else None,
        )


@strawberry.type(description="What a deployment would be. Nothing is stored.")
class DeploymentPlan:
    tasks: list[WorkflowTask]
    levels: list[list[str]] = strawberry.field(description="Empty while the graph has faults.")
    critical_path: list[str] = strawberry.field(description="Empty while the graph has faults.")
    gate: Gate = strawberry.field(description="Whether it could start now, and why not.")
    faults: list[WorkflowFault] = strawberry.field(description="Everything that is wrong with the graph.")
