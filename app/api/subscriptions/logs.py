"""Live feeds of the log of a task, and of all tasks of a deployment."""

from collections.abc import AsyncGenerator

import strawberry

from app.api.context import Info
from app.api.permissions import Guard
from app.api.scalars import Cursor, decode_number_cursor, encode_cursor
from app.api.subscriptions.common import advance, renew_and_check
from app.api.types.logs import DEPLOYMENT_LOG, LOG, DeploymentLogBatch, LogBatch, LogLine, TaskLogLine, log_filter
from app.core.errors import not_found
from app.core.log_levels import LogLevel
from app.core.roles import Role
from app.services.feeds import deployment_logs, task_logs


@strawberry.type
class LogSubscriptions:
    @strawberry.subscription(
        description="Every line of a task's log after the cursor `after`, then live, in order, exactly once. Without "
        "`after` the feed starts at the first line. It completes after the last line of an ended task. For VIEWER on "
        "the task's deployment.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def task_logs(
        self,
        info: Info,
        task_id: strawberry.ID,
        after: Cursor | None = None,
        levels: list[LogLevel] | None = None,
        contains: str | None = None,
    ) -> AsyncGenerator[LogBatch, None]:
        position = decode_number_cursor(LOG, after, "after") or 0
        task = await info.context.loaders.task.load(task_id)
        deployment = await info.context.loaders.deployment.load(task.deployment_id) if task else None
        if deployment is None:
            raise not_found("task", task_id, ("taskId",))
        was_caught_up: bool | None = None
        async for batch in task_logs.follow(info.context.runtime, task_id, position, log_filter(levels, contains)):
            await renew_and_check(info, deployment)
            if not batch.items and batch.caught_up == was_caught_up:
                continue
            was_caught_up = batch.caught_up
            yield LogBatch(
                lines=[LogLine.of(line) for line in batch.items],
                cursor=advance(info, encode_cursor(LOG, batch.position)),
                caught_up=batch.caught_up,
            )

    @strawberry.subscription(
        description="Every line that the tasks of a deployment print after the cursor `after`, then live, exactly "
        "once. Without `after` the feed starts at the first line. Every subscriber gets the same order. It completes "
        "after the last line of an ended deployment. For VIEWER on the deployment.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployment_logs(
        self,
        info: Info,
        deployment_id: strawberry.ID,
        after: Cursor | None = None,
        levels: list[LogLevel] | None = None,
        contains: str | None = None,
    ) -> AsyncGenerator[DeploymentLogBatch, None]:
        position = decode_number_cursor(DEPLOYMENT_LOG, after, "after") or 0
        deployment = await info.context.loaders.deployment.load(deployment_id)
        if deployment is None:
            raise not_found("deployment", deployment_id, ("deploymentId",))
        lines = log_filter(levels, contains)
        was_caught_up: bool | None = None
        async for batch in deployment_logs.follow(info.context.runtime, deployment_id, position, lines):
            await renew_and_check(info, deployment)
            if not batch.items and batch.caught_up == was_caught_up:
                continue
            was_caught_up = batch.caught_up
            yield DeploymentLogBatch(
                lines=[TaskLogLine.of(line) for line in batch.items],
                cursor=advance(info, encode_cursor(DEPLOYMENT_LOG, batch.position)),
                caught_up=batch.caught_up,
            )
