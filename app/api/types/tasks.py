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
from app.api.scalars import JSON, Cursor, number
from app.api.types.access import Actor, load_actor
from app.api.types.applications import Application, CommandStep, command_step
from app.api.types.approvals import may_approve_any
from app.api.types.common import Connection, Node, Permission, connection, window
from app.api.types.gates import Blocker, blockers
from app.api.types.logs import LOG, LogLine, log_filter, log_page
from app.api.types.references import find, need
from app.core import allowed_actions, gate
from app.core import task as core
from app.core.approval import ApprovalPolicy, why_not_lift
from app.core.command_visibility import of_deployment
from app.core.deployment import Deployment as CoreDeployment
from app.core.deployment import DeploymentStatus
from app.core.errors import Forbidden, Problem, WrongState
from app.core.log_levels import LogLevel
from app.core.logs import LogPart
from app.core.roles import Role
from app.core.workflow import TaskType

if TYPE_CHECKING:
    from app.api.types.deployments import Deployment


@strawberry.type(description="Where the editor drew a task.")
class Position:
    x: float
    y: float


@strawberry.type(description="One attempt of a task. Every attempt is kept, with its own logs.")
class TaskAttempt:
    number: int
    status: core.TaskStatus
    worker: str | None = strawberry.field(description="Which worker process ran it.")
    started_at: datetime
    completed_at: datetime | None
    error_message: str | None
    exit_code: int | None = strawberry.field(description="The command's exit status, where it had one.")

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


@strawberry.type(description="What the viewer may do with a task now.")
class TaskPermissions:
    retry: Permission
    skip: Permission
    cancel: Permission
    approve: Permission = strawberry.field(description="It, or the next step of its rollout.")
    promote: Permission = strawberry.field(description="Its rollout, where it is a deploy task.")


@strawberry.type(description="A task of a deployment's workflow.")
class Task(Node):
    value: strawberry.Private[core.Task]
    key: str = strawberry.field(description="Unique within its deployment, stable over edits: user-service/build.")
    deployment_id: strawberry.ID
    app_id: strawberry.ID | None
    name: str
    type: TaskType
    status: core.TaskStatus
    order: int
    block_by: list[strawberry.ID] = strawberry.field(
        description="The ids of the tasks that it waits for. Inputs take keys: see `blockedBy`."
    )
    require_confirm: bool = strawberry.field(description="Whether people are asked before it starts.")
    confirmed_at: datetime | None
    payload: JSON
    result: JSON | None
    error_message: str | None
    attempt: int = strawberry.field(description="The number of the newest attempt; 0 before the first one.")
    max_attempts: int
    timeout_seconds: int
    started_at: datetime | None
    completed_at: datetime | None
    position: Position | None
    logs_truncated: bool = strawberry.field(
        description="Whether it printed more than is kept. The last line that is kept says so."
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

    @strawberry.field(description="Seconds from its start to its end, or up to now.")
    async def duration(self, info: Info) -> float | None:
        if self.started_at is None:
            return None
        return ((self.completed_at or info.context.runtime.clock.now()) - self.started_at).total_seconds()

    @strawberry.field(description="For PREPARE, BUILD, TEST and CUSTOM.")
    async def command(self, info: Info) -> CommandStep | None:
        if self.value.command is None:
            return None
        deployment = await _deployment(info, self.value)
        see = of_deployment(info.context.viewer, (deployment.environment_id,), deployment.application_ids)
        return command_step(self.value.command, see(self.value.application_id))

    @strawberry.field
    async def deployment(self, info: Info) -> Annotated["Deployment", strawberry.lazy("app.api.types.deployments")]:
        return await need(info, "Deployment", self.deployment_id)

    @strawberry.field
    async def application(self, info: Info) -> Application | None:
        return await find(info, "Application", self.app_id)

    @strawberry.field(description="The tasks that it waits for. Their keys are what blockBy of an input takes.")
    async def blocked_by(self, info: Info) -> list["Task"]:
        if not self.value.block_by:
            return []
        tasks = await info.context.loaders.tasks_by_id.load(self.value.deployment_id)
        return [Task.of(tasks[id_]) for id_ in self.value.block_by]

    @strawberry.field(description="Who gave the last approval that it needed.")
    async def confirmed_by(self, info: Info) -> Actor | None:
        return await load_actor(info, self.value.confirmed_by) if self.value.confirmed_by else None

    @strawberry.field
    async def attempts(self, info: Info) -> list[TaskAttempt]:
        return [TaskAttempt.of(attempt) for attempt in await info.context.loaders.attempts_of.load(self.id)]

    @strawberry.field(description="Why it does not go on; empty while it runs and once it has ended.")
    async def blockers(self, info: Info) -> list[Blocker]:
        loaders = info.context.loaders
        deployment = await _deployment(info, self.value)
        tasks = await loaders.tasks_by_id.load(self.value.deployment_id)
        situation = await loaders.situation.load(deployment.id)
        now = info.context.runtime.clock.now()
        return blockers(gate.task_blockers(self.value, deployment, tasks, situation, now))

    @strawberry.field(
        description="Its log: oldest first, or the last lines. A filter looks through 100,000 lines at a time "
        "(1,000,000 without `contains`): a page of a longer log may hold few lines or none, and pageInfo tells how to "
        "go on. totalCount is then that of the last so many lines."
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
        part = window(LOG, first=first, after=after, last=last, before=before, default=200)
        wanted = log_filter(levels, contains, attempt)
        asked = LogPart(
            limit=part.limit,
            after=number(LOG, after, "after") or 0,
            before=number(LOG, before, "before"),
            oldest=part.forward,
        )
        bounds = asked if wanted.open else asked.within(wanted.reach, self.value.last_log)
        shown = log_page(part, asked, bounds, await loaders.logs.load(LogKey(self.id, wanted, bounds)))
        return connection(shown, lambda: loaders.log_count.load((self.value.id, wanted)))

    @strawberry.field(metadata=DEPENDS_ON_ACTOR)
    async def viewer_can(self, info: Info) -> TaskPermissions:
        deployment = await _deployment(info, self.value)
        task, now = self.value, info.context.runtime.clock.now()
        return TaskPermissions(
            retry=permission(info, deployment, await _why_not_retry(info, deployment, task)),
            skip=permission(info, deployment, await _why_not_skip(info, deployment, task)),
            cancel=permission(
                info, deployment, wrong(task.status, allowed_actions.why_not_cancel_task(deployment, task))
            ),
            approve=await may_approve_any(info, deployment, task.id),
            promote=permission(
                info, deployment, wrong(task.status, allowed_actions.why_not_promote(deployment, task, now))
            ),
        )


async def _why_not_retry(info: Info, deployment: CoreDeployment, task: core.Task) -> Problem | None:
    why_not = wrong(task.status, allowed_actions.why_not_retry_task(deployment, task))
    if why_not is None and deployment.status is DeploymentStatus.FAILED:
        return await info.context.loaders.why_not_resume.load(deployment.id)
    return why_not


async def _why_not_skip(info: Info, deployment: CoreDeployment, task: core.Task) -> Problem | None:
    why_not = wrong(task.status, allowed_actions.why_not_skip_task(deployment, task))
    if why_not is not None or not task.require_confirm:
        return why_not
    environment = await info.context.loaders.environment.load(deployment.environment_id)
    policy = (environment.approval_policy if environment else None) or ApprovalPolicy()
    authors = await info.context.loaders.authors_of.load(deployment.id)
    return why_not_lift(deployment, policy, info.context.viewer, authors)


class TasksOf(Unloaded):
    """The tasks of a deployment in workflow order."""

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
        found = await self._loaders.tasks_of.load(self._deployment.id)
        made = list[Task]()
        for begin in range(0, len(found), SLICE):
            if scheduler.is_turn_over:
                with self._loaders.dispatch_pause:
                    await scheduler.wait_for_turn()
            made += map(Task.of, found[begin : begin + SLICE])
        return made

    async def columns(self, attributes: tuple[str, ...]) -> Columns:
        names = tuple(self.COLUMNS[attribute] for attribute in attributes)
        seen = self._deployment
        return await self._loaders.columns((seen.id, names), (seen.last_event, seen.updated_at))


def tasks_of(info: Info, deployment: CoreDeployment) -> list[Task]:
    """Return the tasks of a deployment, for the executor to load."""
    return cast("list[Task]", TasksOf(info, deployment))


def permission(info: Info, deployment: CoreDeployment, problem: Problem | None) -> Permission:
    """Return whether the viewer may steer a deployment in a way that its state allows or (with a problem) does not."""
    if not info.context.viewer.allows(
        Role.DEPLOYER, environment_id=deployment.environment_id, application_ids=deployment.application_ids
    ):
        message = "This needs the role DEPLOYER on its environment and all its applications."
        problem = Forbidden(message=message, required=Role.DEPLOYER)
    return Permission.of(problem)


def wrong(status: str, why: str | None) -> WrongState | None:
    """Return the problem that a status does not allow something, if there is a reason."""
    return None if why is None else WrongState(message=why, status=status)


async def _deployment(info: Info, task: core.Task) -> CoreDeployment:
    deployment = await info.context.loaders.deployment.load(task.deployment_id)
    if deployment is None:
        raise LookupError(f"the deployment of task {task.id} is missing")
    return deployment
