"""Workflows: the graph of a deployment, its revisions, and the plan of a deployment."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.api.context import Info
from app.api.scalars import JSON, Cursor
from app.api.types.access import Actor, load_actor
from app.api.types.commands import CommandStep, command_step
from app.api.types.common import Connection, Node, PageArguments
from app.api.types.connections import REVISIONS
from app.api.types.tasks import Position, Task, tasks_of
from app.core import allowed_actions, graph
from app.core import revision as revisions
from app.core import workflow as core
from app.core.command_visibility import VisibilityByApplication, of_deployment
from app.core.deployment import Deployment
from app.core.errors import not_found
from app.core.ids import workflow_of

From = Annotated[int, strawberry.argument(name="from")]
"""The argument `from`, a reserved word in Python."""


@strawberry.type(description="An edge between two tasks: `to` waits for `from`.")
class WorkflowDependency:
    from_: strawberry.ID = strawberry.field(name="from")
    to: strawberry.ID
    from_key: str = strawberry.field(description="The key of `from`, as inputs take it.")
    to_key: str = strawberry.field(description="The key of `to`, as inputs take it.")


@strawberry.type(description="A task of a graph, which may belong to no deployment.")
class WorkflowTask:
    key: str
    name: str
    type: core.TaskType
    application_name: str | None
    block_by: list[str] = strawberry.field(description="The keys of the tasks that this task waits for.")
    require_confirm: bool = strawberry.field(description="Whether the task needs an approval before it starts.")
    command: CommandStep | None
    payload: JSON
    timeout_seconds: int
    max_attempts: int
    position: Position | None

    @classmethod
    def of(
        cls, task: core.WorkflowTask, names: Mapping[str, str], visibility_of: VisibilityByApplication
    ) -> "WorkflowTask":
        return cls(
            key=task.key,
            name=task.name,
            type=task.type,
            application_name=names.get(task.application_id) if task.application_id else None,
            block_by=list(task.block_by),
            require_confirm=task.require_confirm,
            command=command_step(task.command, visibility_of(task.application_id)),
            payload=JSON(dict(task.payload)),
            timeout_seconds=task.timeout_seconds,
            max_attempts=task.max_attempts,
            position=Position(x=task.position.x, y=task.position.y) if task.position else None,
        )


@strawberry.type(description="A task that differs between two graphs.")
class WorkflowTaskChange:
    key: str
    before: WorkflowTask
    after: WorkflowTask
    fields: list[str] = strawberry.field(description="The names of the fields that differ.")


@strawberry.type(description="The differences between two graphs. Tasks are matched by their keys.")
class WorkflowDiff:
    added: list[WorkflowTask]
    removed: list[WorkflowTask]
    changed: list[WorkflowTaskChange]

    @classmethod
    def of(
        cls, diff: revisions.WorkflowDiff, names: Mapping[str, str], visibility_of: VisibilityByApplication
    ) -> "WorkflowDiff":
        return cls(
            added=[WorkflowTask.of(task, names, visibility_of) for task in diff.added],
            removed=[WorkflowTask.of(task, names, visibility_of) for task in diff.removed],
            changed=[
                WorkflowTaskChange(
                    key=change.key,
                    before=WorkflowTask.of(change.before, names, visibility_of),
                    after=WorkflowTask.of(change.after, names, visibility_of),
                    fields=[FIELD_NAMES[name] for name in change.fields],
                )
                for change in diff.changed
            ],
        )


FIELD_NAMES = {name: to_camel_case(name) for name in core.FIELDS} | {"application_id": "applicationName"}
"""The names of the fields of a task in the API, by their names in the core."""


async def names_of(info: Info, tasks: Iterable[core.WorkflowTask]) -> dict[str, str]:
    """Return the names of the applications of tasks, by id."""
    ids = list({task.application_id for task in tasks if task.application_id})
    applications = await info.context.loaders.application.load_many(ids)
    return {application.id: application.name for application in applications if application}


async def workflow_tasks(
    info: Info, tasks: Sequence[core.WorkflowTask], visibility_of: VisibilityByApplication
) -> list[WorkflowTask]:
    """Return tasks with what the viewer may see of them."""
    names = await names_of(info, tasks)
    return [WorkflowTask.of(task, names, visibility_of) for task in tasks]


def _visibility_of(info: Info, deployment: Deployment) -> VisibilityByApplication:
    return of_deployment(info.context.viewer, (deployment.environment_id,), deployment.application_ids)


@strawberry.type(description="A revision of a deployment's graph. All revisions are kept.")
class WorkflowRevision:
    value: strawberry.Private[revisions.Revision]
    number: int
    at: datetime
    summary: str = strawberry.field(description="A summary of the edit that made the revision.")

    @classmethod
    def of(cls, revision: revisions.Revision) -> "WorkflowRevision":
        return cls(value=revision, number=revision.number, at=revision.at, summary=revision.summary)

    @strawberry.field
    async def author(self, info: Info) -> Actor:
        return await load_actor(info, self.value.author)

    @strawberry.field(description="The tasks, in workflow order.")
    async def tasks(self, info: Info) -> list[WorkflowTask]:
        deployment = await info.context.loaders.deployment.load(self.value.deployment_id)
        if deployment is None:
            raise not_found("deployment", self.value.deployment_id)
        tasks = await _tasks_at(info, deployment.id, self.number, "number")
        return await workflow_tasks(info, tasks, _visibility_of(info, deployment))


async def _tasks_at(info: Info, deployment_id: str, number: int, argument: str) -> Sequence[core.WorkflowTask]:
    """Load the tasks of a revision.

    Raises Refused with the argument as its path if the revision does not exist.
    """
    tasks = await info.context.loaders.revision_tasks.load((deployment_id, number))
    if tasks is None:
        raise not_found("revision", str(number), (argument,))
    return tasks


@strawberry.type(description="The graph of tasks of a deployment.")
class Workflow(Node):
    deployment: strawberry.Private[Deployment]
    revision: int
    editable: bool = strawberry.field(
        description="Whether the state of the deployment allows edits. Its viewerCan.editWorkflow says whether you "
        "may edit."
    )

    @classmethod
    def of(cls, deployment: Deployment) -> "Workflow":
        editable = allowed_actions.why_not_edit(deployment) is None
        id_ = strawberry.ID(workflow_of(deployment.id))
        return cls(id=id_, deployment=deployment, revision=deployment.revision, editable=editable)

    @strawberry.field(description="The tasks, in workflow order.")
    async def tasks(self, info: Info) -> list[Task]:
        return tasks_of(info, self.deployment)

    @strawberry.field
    async def edges(self, info: Info) -> list[WorkflowDependency]:
        tasks = await info.context.loaders.tasks_of.load(self.deployment.id)
        keys = {task.id: task.key for task in tasks}
        return [
            WorkflowDependency(
                from_=strawberry.ID(blocker_id), to=strawberry.ID(task.id), from_key=keys[blocker_id], to_key=task.key
            )
            for task in tasks
            for blocker_id in task.block_by
        ]

    @strawberry.field(
        description="The topological levels of the graph: lists of ids of tasks that can run in parallel."
    )
    async def levels(self, info: Info) -> list[list[strawberry.ID]]:
        return [[strawberry.ID(id_) for id_ in level] for level in graph.levels(await self._graph(info))]

    @strawberry.field(
        description="The ids of the longest chain of tasks, by the duration of each task's last success. A task "
        "without a success counts as average."
    )
    async def critical_path(self, info: Info) -> list[strawberry.ID]:
        tasks = await info.context.loaders.tasks_of.load(self.deployment.id)
        durations = await info.context.loaders.durations.load(self.deployment.application_ids)
        seconds = {task.id: durations.get((task.application_id, task.key)) for task in tasks}
        path = graph.critical_path(await self._graph(info), graph.weights(seconds).__getitem__)
        return [strawberry.ID(id_) for id_ in path]

    @strawberry.field(
        description="All revisions, oldest first.",
        deprecation_reason="It grows for ever: use revisionsConnection.",
    )
    async def revisions(self, info: Info) -> list[WorkflowRevision]:
        core_revisions = await info.context.loaders.revisions_of.load(self.deployment.id)
        return [WorkflowRevision.of(revision) for revision in core_revisions]

    @strawberry.field(description="All revisions, oldest first.")
    async def revisions_connection(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[WorkflowRevision]:
        arguments = PageArguments(first, after, last, before)
        return await REVISIONS.page(info, self.deployment.id, WorkflowRevision.of, arguments)

    @strawberry.field(description="A revision by its number. Null if it does not exist.")
    async def revision_at(self, info: Info, number: int) -> WorkflowRevision | None:
        core_revisions = await info.context.loaders.revisions_of.load(self.deployment.id)
        return next((WorkflowRevision.of(revision) for revision in core_revisions if revision.number == number), None)

    @strawberry.field(description="The differences between two revisions, in either direction.")
    async def diff(self, info: Info, from_: From, to: int) -> WorkflowDiff:
        before = await _tasks_at(info, self.deployment.id, from_, "from")
        after = await _tasks_at(info, self.deployment.id, to, "to")
        return WorkflowDiff.of(
            revisions.diff(before, after),
            await names_of(info, (*before, *after)),
            _visibility_of(info, self.deployment),
        )

    async def _graph(self, info: Info) -> dict[str, tuple[str, ...]]:
        tasks = await info.context.loaders.tasks_of.load(self.deployment.id)
        return {task.id: task.block_by for task in tasks}
