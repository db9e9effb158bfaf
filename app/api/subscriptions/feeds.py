"""Live feeds of deployments and of task logs."""

from collections.abc import AsyncGenerator

import strawberry

from app.api.context import Info
from app.api.loaders import may_see
from app.api.permissions import Guard
from app.api.scalars import Cursor, cursor, number
from app.api.types.feed import EVENT, DeploymentEventBatch, event_of
from app.api.types.logs import LOG, LogBatch, LogLine
from app.core.deployment import Deployment
from app.core.errors import Role, not_found
from app.core.logs import LogFilter, LogLevel
from app.services import feed, logs
from app.services.cases import forbidden


async def still_visible(info: Info, deployment: Deployment) -> None:
    """Find out again who asks, and refuse when they may not see the deployment any more. Raises Refused."""
    await info.context.renew()
    if not may_see(info.context.viewer, deployment):
        raise forbidden(Role.VIEWER)


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="Every event of a deployment behind `after` (from the beginning without), then live, in order, "
        "exactly once. Completes after the last one of an ended deployment.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployment_events(
        self, info: Info, id: strawberry.ID, after: Cursor | None = None
    ) -> AsyncGenerator[DeploymentEventBatch, None]:
        position = number(EVENT, after, "after") or 0
        deployment = await info.context.loaders.deployment.load(id)
        if deployment is None:
            raise not_found("deployment", id, ("id",))
        async for batch in feed.follow(info.context.runtime, id, position):
            await still_visible(info, deployment)
            yield DeploymentEventBatch(
                events=[event_of(event) for event in batch.events],
                cursor=cursor(EVENT, batch.number),
                caught_up=batch.caught_up,
            )

    @strawberry.subscription(
        description="Every line of a task's log behind `after` (from the beginning without), then live, in order, "
        "exactly once. Completes after the last one of an ended task.",
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
        position = number(LOG, after, "after") or 0
        task = await info.context.loaders.task.load(task_id)
        deployment = await info.context.loaders.deployment.load(task.deployment_id) if task else None
        if deployment is None:
            raise not_found("task", task_id, ("taskId",))
        wanted = LogFilter(levels=tuple(levels) if levels else None, contains=contains)
        async for batch in logs.follow(info.context.runtime, task_id, position, wanted):
            await still_visible(info, deployment)
            yield LogBatch(
                lines=[LogLine.of(line) for line in batch.lines],
                cursor=cursor(LOG, batch.number),
                caught_up=batch.caught_up,
            )
