"""Tasks and their attempts."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

import strawberry

from app.api.context import Info
from app.api.documents.measure import DEPENDS_ON_ACTOR
from app.api.execution.columns import Columns, Unloaded
from app.api.execution.concurrency import scheduler
from app.api.execution.limited_executor import SLICE
from app.api.loaders import LogKey
from app.api.scalars import JSON, Cursor, decode_number_cursor
from app.api.types.access import Actor, load_actor
from app.api.types.applications import Application
from app.api.types.approvals import may_approve_any
from app.api.types.commands import CommandStep, command_step
from app.api.types.common import Connection, Node, PageArguments, connection
from app.api.types.gates import Blocker, to_blockers
from app.api.types.logs import LOG, LogLine, log_filter, log_page
from app.api.types.permissions import Permission, permission, wrong_state
from app.api.types.references import find, require
from app.core import allowed_actions, gate
from app.core import task as core
from app.core.approval import ApprovalPolicy, why_not_waive
from app.core.command_visibility import of_deployment
from app.core.deployment import Deployment as CoreDeployment
from app.core.deployment import DeploymentStatus
from app.core.errors import Problem
from app.core.log_levels import LogLevel
from app.core.logs import LogRange
from app.core.workflow import TaskType

if TYPE_CHECKING:
    from app.api.types.deployments import Deployment


@strawberry.type(description="The position of a task in the editor.")
class Position:
    x: float
    y: float


@strawberry.type(description="One attempt of a task. Every attempt is kept, with its own log.")
class TaskAttempt:
    number: int
    status: core.TaskStatus
    worker: str | None = strawberry.field(description="The worker process that ran the attempt. Null if it is unknown.")
    started_at: datetime
    completed_at: datetime | None
    error_message: str | None
    exit_code: int | None = strawberry.field(description="The exit status of the command. Null if there is none.")

    @classmethod
    def of(cls, attempt: core.TaskAttempt) -> "TaskAttempt":
        return cls(
            number=attempt.number,
            status=attempt.status,
            worker=attempt.worker,
            started_at=attempt.started_at,
            completed_at=attempt.completed_at,
            error_message=attempt.error_message,
            exit_code=attempt.exit_code,
        )


@strawberry.type(description="What you may do with a task now.")
class TaskPermissions:
    retry: Permission
    skip: Permission
    cancel: Permission
    approve: Permission = strawberry.field(
        description="Whether you may approve the task, or the next step of its rollout."
    )
    promote: Permission = strawberry.field(description="Whether you may promote the rollout of this deploy task.")


@strawberry.type(description="A task of a deployment's workflow.")
class Task(Node):
    value: strawberry.Private[core.Task]
    key: str = strawberry.field(
        description="The key of the task, such as user-service/build. It is unique within the deployment, and edits "
        "keep it."
    )
    deployment_id: strawberry.ID
    app_id: strawberry.ID | None
    name: str
    type: TaskType
    status: core.TaskStatus
    order: int
    block_by: list[strawberry.ID] = strawberry.field(
        description="The ids of the tasks that this task waits for. Inputs take keys instead: see `blockedBy`."
    )
    require_confirm: bool = strawberry.field(description="Whether the task needs an approval before it starts.")
    confirmed_at: datetime | None
    payload: JSON
    result: JSON | None
    error_message: str | None
    attempt: int = strawberry.field(description="The number of the latest attempt. 0 before the first one.")
    max_attempts: int
    timeout_seconds: int
    started_at: datetime | None
    completed_at: datetime | None
    position: Position | None
    logs_truncated: bool = strawberry.field(
        description="Whether the task printed more lines than are kept. If so, the last line of the log says so."
    )

    @classmethod
    def of(cls, task: core.Task) -> "Task":
        return cls(
            value=task,
            id=strawberry.ID(task.id),
            key=task.key,
            deployment_id=strawberry.ID(task.deployment_id),
            app_id=strawberry.ID(task.application_id) if task.application_id else None,
            name=task.name,
            type=task.type,
            status=task.status,
            order=task.order,
            block_by=[strawberry.ID(id_) for id_ in task.block_by],
            require_confirm=task.require_confirm,
            confirmed_at=task.confirmed_at,
            payload=JSON(dict(task.payload)),
            result=None if task.result is None else JSON(dict(task.result)),
            error_message=task.error_message,
            attempt=task.attempt,
            max_attempts=task.max_attempts,
            timeout_seconds=task.timeout_seconds,
            started_at=task.started_at,
            completed_at=task.completed_at,
            position=Position(x=task.position.x, y=task.position.y) if task.position else None,
            logs_truncated=task.logs_truncated,
        )

    @strawberry.field(description="The seconds from start to end, or until now. Null if the task has not started.")
    async def duration(self, info: Info) -> float | None:
        if self.started_at is None:
            return None
        return ((self.completed_at or info.context.runtime.clock.now()) - self.started_at).total_seconds()

    @strawberry.field(description="The command of a PREPARE, BUILD, TEST or CUSTOM task. Null if it has none.")
    async def command(self, info: Info) -> CommandStep | None:
        if self.value.command is None:
            return None
        deployment = await _deployment(info, self.value)
        visibility_of = of_deployment(info.context.viewer, (deployment.environment_id,), deployment.application_ids)
        return command_step(self.value.command, visibility_of(self.value.application_id))

    @strawberry.field
    async def deployment(self, info: Info) -> Annotated["Deployment", strawberry.lazy("app.api.types.deployments")]:
        return await require(info, "Deployment", self.deployment_id)

    @strawberry.field
    async def application(self, info: Info) -> Application | None:
        return await find(info, "Application", self.app_id)

    @strawberry.field(description="The tasks that this task waits for. The field blockBy of inputs takes their keys.")
    async def blocked_by(self, info: Info) -> list["Task"]:
        if not self.value.block_by:
            return []
        tasks = await info.context.loaders.tasks_by_id.load(self.value.deployment_id)
        return [Task.of(tasks[id_]) for id_ in self.value.block_by]

    @strawberry.field(
        description="The person or service account that gave the last required approval. Null if it was not given, or "
        "none is required."
    )
    async def confirmed_by(self, info: Info) -> Actor | None:
        return await load_actor(info, self.value.confirmed_by) if self.value.confirmed_by else None

    @strawberry.field
    async def attempts(self, info: Info) -> list[TaskAttempt]:
        return [TaskAttempt.of(attempt) for attempt in await info.context.loaders.attempts_of.load(self.id)]

    @strawberry.field(description="Why the task does not proceed. Empty while it runs, and when it has ended.")
    async def blockers(self, info: Info) -> list[Blocker]:
        loaders = info.context.loaders
        deployment = await _deployment(info, self.value)
        tasks = await loaders.tasks_by_id.load(self.value.deployment_id)
        situation = await loaders.situation.load(deployment.id)
        now = info.context.runtime.clock.now()
        return to_blockers(gate.task_blockers(self.value, deployment, tasks, situation, now))

    @strawberry.field(
        description="The log of the task, oldest line first. With a filter, one page searches 100,000 lines "
        "(1,000,000 without `contains`). Such a page may hold few lines or none; use its pageInfo to continue. "
        "totalCount then counts matches within the last lines that one page can search."
    )
    async def logs(
        self,
        info: Info,
        first: int | None = 200,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        levels: list[LogLevel] | None = None,
        contains: str | None = None,
        attempt: int | None = None,
    ) -> Connection[LogLine]:
        loaders = info.context.loaders
        window = PageArguments(first, after, last, before).window(LOG, default=200)
        filter = log_filter(levels, contains, attempt)
        requested = LogRange(
            limit=window.limit,
            after=decode_number_cursor(LOG, after, "after") or 0,
            before=decode_number_cursor(LOG, before, "before"),
            oldest=window.forward,
        )
        searched = requested if filter.open else requested.within(filter.reach, self.value.last_log)
        rows = await loaders.logs.load(LogKey(self.id, filter, searched))
        page = log_page(window, requested, searched, rows)
        return connection(page, lambda: loaders.log_count.load((self.value.id, filter)))

    @strawberry.field(metadata=DEPENDS_ON_ACTOR)
    async def viewer_can(self, info: Info) -> TaskPermissions:
        deployment = await _deployment(info, self.value)
        task, now = self.value, info.context.runtime.clock.now()
        return TaskPermissions(
            retry=permission(info, deployment, await _why_not_retry(info, deployment, task)),
            skip=permission(info, deployment, await _why_not_skip(info, deployment, task)),
            cancel=permission(
                info, deployment, wrong_state(task.status, allowed_actions.why_not_cancel_task(deployment, task))
            ),
            approve=await may_approve_any(info, deployment, task.id),
            promote=permission(
                info, deployment, wrong_state(task.status, allowed_actions.why_not_promote(deployment, task, now))
            ),
        )


async def _why_not_retry(info: Info, deployment: CoreDeployment, task: core.Task) -> Problem | None:
    problem = wrong_state(task.status, allowed_actions.why_not_retry_task(deployment, task))
    if problem is None and deployment.status is DeploymentStatus.FAILED:
        return await info.context.loaders.why_not_resume.load(deployment.id)
    return problem


async def _why_not_skip(info: Info, deployment: CoreDeployment, task: core.Task) -> Problem | None:
    problem = wrong_state(task.status, allowed_actions.why_not_skip_task(deployment, task))
    if problem is not None or not task.require_confirm:
        return problem
    environment = await info.context.loaders.environment.load(deployment.environment_id)
    policy = (environment.approval_policy if environment else None) or ApprovalPolicy()
    authors = await info.context.loaders.authors_of.load(deployment.id)
    return why_not_waive(deployment, policy, info.context.viewer, authors)


class DeploymentTasks(Unloaded):
    """The tasks of a deployment in workflow order, which the executor loads as columns or as objects."""

    COLUMNS: ClassVar[Mapping[str, str]] = {
        "app_id": "application_id",
        **{name: name for name in ("id", "key", "deployment_id", "name", "type", "status", "order", "error_message")},
        **{name: name for name in ("attempt", "max_attempts", "timeout_seconds", "started_at", "completed_at")},
    }
    ATTRIBUTES = frozenset(COLUMNS)

    def __init__(self, info: Info, deployment: CoreDeployment) -> None:
        self._loaders = info.context.loaders
        self._deployment = deployment

    async def objects(self) -> list[Task]:
        core_tasks = await self._loaders.tasks_of.load(self._deployment.id)
        tasks = list[Task]()
        for start in range(0, len(core_tasks), SLICE):
            if scheduler.is_turn_over:
                with self._loaders.dispatch_pause:
                    await scheduler.wait_for_turn()
            tasks += map(Task.of, core_tasks[start : start + SLICE])
        return tasks

    async def columns(self, attributes: tuple[str, ...]) -> Columns:
        names = tuple(self.COLUMNS[attribute] for attribute in attributes)
        deployment = self._deployment
        version = (deployment.last_event, deployment.updated_at)
        return await self._loaders.columns((deployment.id, names), version)


def tasks_of(info: Info, deployment: CoreDeployment) -> list[Task]:
    """Return the tasks of a deployment, for the executor to load."""
    return cast("list[Task]", DeploymentTasks(info, deployment))


async def _deployment(info: Info, task: core.Task) -> CoreDeployment:
    deployment = await info.context.loaders.deployment.load(task.deployment_id)
    if deployment is None:
        raise LookupError(f"the deployment of task {task.id} does not exist")
    return deployment
