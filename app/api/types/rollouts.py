"""Rollouts and rollbacks."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.context import Info
from app.api.types.access import Actor, load_actor
from app.api.types.applications import Application
from app.api.types.references import find, require
from app.api.types.strategies import Strategy
from app.core import deployment as core_deployment
from app.core import metrics, rollout
from app.core.batch_history import BatchRecord, TaskEnd
from app.core.batch_history import batch_records as batch_history
from app.core.strategy import model as core
from app.core.task import TaskStatus
from app.core.workflow import TaskType

if TYPE_CHECKING:
    from app.api.types.tasks import Task
    from app.api.types.versions import Version


@strawberry.type(description="The latest result of a metric check.")
class MetricResult:
    name: str = strawberry.field(description="The name of the check.")
    at: datetime = strawberry.field(description="When Prometheus answered the query.")
    value: float | None = strawberry.field(
        description="The value. Of several series, the one nearest to a bound or furthest beyond it. Null if there "
        "was no data."
    )
    min: float | None = strawberry.field(description="The lowest healthy value. Null if there is no lower bound.")
    max: float | None = strawberry.field(description="The highest healthy value. Null if there is no upper bound.")
    ok: bool = strawberry.field(description="Whether every value was within the bounds.")

    @classmethod
    def of(cls, result: metrics.MetricResult) -> "MetricResult":
        return cls(
            name=result.name, at=result.at, value=result.value, min=result.minimum, max=result.maximum, ok=result.ok
        )


@strawberry.type(description="A batch of a rollout that has started.")
class RolloutBatch:
    step_index: int = strawberry.field(description="The step of the strategy, counted from 0.")
    batch: int = strawberry.field(description="The number of the batch within its step, counted from 1.")
    started_at: datetime = strawberry.field(description="When the batch started.")
    completed_at: datetime | None = strawberry.field(description="When the batch ended. Null if it has not ended.")
    succeeded: bool | None = strawberry.field(description="Whether the batch was healthy. Null if it has not ended.")
    metrics: list[MetricResult] = strawberry.field(description="The latest result of each metric check.")

    @classmethod
    def of(cls, record: BatchRecord) -> "RolloutBatch":
        return cls(
            step_index=record.step_index,
            batch=record.batch,
            started_at=record.started_at,
            completed_at=record.completed_at,
            succeeded=record.succeeded,
            metrics=[MetricResult.of(result) for result in record.metrics],
        )


@strawberry.type(description="The progress of the strategy of one application.")
class Rollout:
    task_id: strawberry.Private[str]
    progress: strawberry.Private[core.Progress]
    step_index: int
    batch: int = strawberry.field(
        description="The number of the current batch, counted from 1. 0 before the first batch."
    )
    batches: int
    updated: int = strawberry.field(description="The number of instances that run the new version.")
    healthy: int = strawberry.field(description="The number of instances in finished batches that are healthy.")
    total: int
    weight: float = strawberry.field(description="The share of traffic or instances on the new version, 0 to 1.")
    resume_at: datetime | None = strawberry.field(
        description="Until when the current batch is observed. Null if none is."
    )

    @classmethod
    def of(cls, task_id: str, progress: core.Progress) -> "Rollout":
        return cls(
            task_id=task_id,
            progress=progress,
            step_index=progress.step_index,
            batch=progress.batch,
            batches=progress.batches,
            updated=len(progress.updated),
            healthy=len(progress.healthy),
            total=progress.total,
            weight=progress.weight,
            resume_at=progress.resume_at,
        )

    @strawberry.field
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.api.types.tasks")]:
        return await require(info, "Task", self.task_id)

    @strawberry.field
    async def application(self, info: Info) -> Application:
        return await require(info, "Application", (await self._application(info)).application_id)

    @strawberry.field
    async def strategy(self, info: Info) -> Strategy:
        deployment = await self._deployment(info)
        return Strategy.of(deployment.strategy, deployment.id, self.task_id)

    @strawberry.field(description="All batches that have started, oldest first.")
    async def history(self, info: Info) -> list[RolloutBatch]:
        task = await info.context.loaders.task.load(self.task_id)
        if task is None:
            return []
        moments = await info.context.loaders.rollout_moments.load(self.task_id)
        ended = TaskEnd(task.status, task.completed_at) if task.completed_at else None
        return [RolloutBatch.of(record) for record in batch_history(moments, ended)]

    @strawberry.field(description="The version that ran before. Null if none did, or the rollout has not started.")
    async def previous_version(
        self, info: Info
    ) -> Annotated["Version", strawberry.lazy("app.api.types.versions")] | None:
        previous = (await self._application(info)).previous_version_id
        return await find(info, "Version", previous)

    async def _deployment(self, info: Info) -> core_deployment.Deployment:
        task = await info.context.loaders.task.load(self.task_id)
        deployment = await info.context.loaders.deployment.load(task.deployment_id) if task else None
        if deployment is None:
            raise LookupError(f"the deployment of task {self.task_id} does not exist")
        return deployment

    async def _application(self, info: Info) -> core_deployment.DeploymentApplication:
        task = await info.context.loaders.task.load(self.task_id)
        deployment = await self._deployment(info)
        return next(
            application
            for application in deployment.applications
            if task and application.application_id == task.application_id
        )


@strawberry.type(description="A rollback of the applications that a deployment changed.")
class Rollback:
    value: strawberry.Private[core_deployment.Rollback]
    status: core_deployment.RollbackStatus
    automatic: bool
    reason: str
    started_at: datetime
    completed_at: datetime | None
    error_message: str | None = strawberry.field(
        description="What failed, or was left as it is. Null if there is nothing to report."
    )

    @classmethod
    def of(cls, rollback: core_deployment.Rollback) -> "Rollback":
        return cls(
            value=rollback,
            status=rollback.status,
            automatic=rollback.automatic,
            reason=rollback.reason,
            started_at=rollback.started_at,
            completed_at=rollback.completed_at,
            error_message=rollback.error_message,
        )

    @strawberry.field(
        description="The person or service account that requested the rollback. Null if it was automatic."
    )
    async def requested_by(self, info: Info) -> Actor | None:
        return await load_actor(info, self.value.requested_by) if self.value.requested_by else None


async def rollouts_of(info: Info, deployment: core_deployment.Deployment) -> list[Rollout]:
    """Return the rollout of each deploy task. A rollout that has not started is all zeros."""
    tasks = await info.context.loaders.tasks_of.load(deployment.id)
    return [Rollout.of(task.id, task.rollout or core.Progress()) for task in tasks if task.type is TaskType.DEPLOY]


async def grayscale_ratio_of(info: Info, deployment: core_deployment.Deployment) -> float | None:
    """Return the smallest canary ratio among the running rollouts. None if the strategy is not CANARY."""
    strategy = deployment.strategy
    if strategy.kind is not core.StrategyKind.CANARY:
        return None
    tasks = await info.context.loaders.tasks_of.load(deployment.id)
    deploy_tasks = [task for task in tasks if task.type is TaskType.DEPLOY]
    running = [task for task in deploy_tasks if task.status in (TaskStatus.RUNNING, TaskStatus.WAITING_CONFIRM)]
    started = running or [task for task in deploy_tasks if task.touched]
    return min((rollout.ratio_in_force(strategy, task.rollout or core.Progress()) for task in started), default=0.0)
