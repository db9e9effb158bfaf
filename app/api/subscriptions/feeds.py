"""Live feeds of deployments and of task logs."""

from collections.abc import AsyncGenerator

import strawberry

from app.api.context import Info
from app.api.inputs.deployments import DeploymentFilterInput
from app.api.loaders import may_see
from app.api.permissions import Guard, check
from app.api.scalars import Cursor, cursor, number
from app.api.types.approvals import Approval
from app.api.types.deployments import Deployment as DeploymentType
from app.api.types.events import EVENT, DeploymentEventBatch, event_of
from app.api.types.logs import DEPLOYMENT_LOG, LOG, DeploymentLogBatch, LogBatch, LogLine, TaskLogLine, log_filter
from app.core.deployment import Deployment, DeploymentFilter
from app.core.errors import not_found
from app.core.log_levels import LogLevel
from app.core.roles import Role
from app.services.feeds import deployment_logs, deployments, events, inbox, task_logs
from app.services.retry import retry_while_away
from app.services.use_cases import forbidden


async def still_visible(info: Info, deployment: Deployment) -> None:
    """Find out again who asks, and refuse when they may not see the deployment any more. Raises Refused."""
    await retry_while_away(info.context.reauthenticate)
    if not may_see(info.context.viewer, deployment):
        raise forbidden(Role.VIEWER)


def moved(info: Info, to: Cursor) -> Cursor:
    """Note how far a feed has come."""
    info.context.position.cursor = to
    return to


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="Every event of a deployment behind `after` (from the beginning without), then live, in order, "
        "exactly once. Completes after the last one of an ended deployment. For VIEWER on the deployment.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployment_events(
        self, info: Info, id: strawberry.ID, after: Cursor | None = None
    ) -> AsyncGenerator[DeploymentEventBatch, None]:
        position = number(EVENT, after, "after") or 0
        deployment = await info.context.loaders.deployment.load(id)
        if deployment is None:
            raise not_found("deployment", id, ("id",))
        begun = False
        async for batch in events.follow(info.context.runtime, id, position):
            await still_visible(info, deployment)
            if begun and not batch.items:
                continue
            begun = True
            yield DeploymentEventBatch(
                events=[event_of(event) for event in batch.items],
                cursor=moved(info, cursor(EVENT, batch.position)),
                caught_up=batch.caught_up,
            )

    @strawberry.subscription(
        description="Every line of a task's log behind `after` (from the beginning without), then live, in order, "
        "exactly once. Completes after the last one of an ended task. For VIEWER on its deployment.",
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
        wanted = log_filter(levels, contains)
        told: bool | None = None
        async for batch in task_logs.follow(info.context.runtime, task_id, position, wanted):
            await still_visible(info, deployment)
            if not batch.items and batch.caught_up == told:
                continue
            told = batch.caught_up
            yield LogBatch(
                lines=[LogLine.of(line) for line in batch.items],
                cursor=moved(info, cursor(LOG, batch.position)),
                caught_up=batch.caught_up,
            )

    @strawberry.subscription(
        description="Every line that the tasks of a deployment print, behind `after` (from the beginning without), "
        "then live, exactly once. The order is the same for everybody. Completes after the last one of an "
        "ended deployment. For VIEWER on the deployment.",
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
        position = number(DEPLOYMENT_LOG, after, "after") or 0
        deployment = await info.context.loaders.deployment.load(deployment_id)
        if deployment is None:
            raise not_found("deployment", deployment_id, ("deploymentId",))
        wanted = log_filter(levels, contains)
        told: bool | None = None
        async for batch in deployment_logs.follow(info.context.runtime, deployment_id, position, wanted):
            await still_visible(info, deployment)
            if not batch.items and batch.caught_up == told:
                continue
            told = batch.caught_up
            yield DeploymentLogBatch(
                lines=[TaskLogLine.of(line) for line in batch.items],
                cursor=moved(info, cursor(DEPLOYMENT_LOG, batch.position)),
                caught_up=batch.caught_up,
            )

    @strawberry.subscription(
        description="The deployments of a list as they change, each in its latest state: a few times a second at most, "
        "and always up to the last change. One that leaves the list, as its status is another, comes once more. For "
        "VIEWER on anything, who gets what they may see.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployments_changed(
        self, info: Info, filter: DeploymentFilterInput | None = None
    ) -> AsyncGenerator[DeploymentType, None]:
        wanted = (filter or DeploymentFilterInput()).narrow(DeploymentFilter())
        listed: set[str] = set()
        async for found in deployments.follow(info.context.runtime):
            await retry_while_away(info.context.reauthenticate)
            check(info.context, Role.VIEWER)
            for deployment in found:
                admitted = wanted.admits(deployment)
                if (admitted or deployment.id in listed) and may_see(info.context.viewer, deployment):
                    (listed.add if admitted else listed.discard)(deployment.id)
                    yield DeploymentType.of(deployment)

    @strawberry.subscription(
        description="What comes to wait for you, changes while it does, and does not wait for you any more, each in "
        "its latest state. What waits already is in myApprovals: ask for it once this has begun. "
        "For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def my_approvals_changed(self, info: Info) -> AsyncGenerator[Approval, None]:
        async for found in inbox.follow(info.context.runtime, lambda: info.context.viewer):
            await retry_while_away(info.context.reauthenticate)
            check(info.context, Role.VIEWER)
            for approval, deployment in found:
                if may_see(info.context.viewer, deployment):
                    yield Approval.of(approval)
