"""Events of a deployment."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypedDict

import strawberry

from app.api.context import Info
from app.api.scalars import Cursor, encode_cursor
from app.api.types.access import Actor, load_actor
from app.api.types.approvals import Approval
from app.api.types.references import find, require
from app.api.types.rollouts import Rollout
from app.api.types.tasks import Task
from app.core import events as core
from app.core.approval import Verdict
from app.core.deployment import DeploymentStatus
from app.core.task import TaskStatus

if TYPE_CHECKING:
    from app.api.types.deployments import Deployment

EVENT = "event"
"""The kind of the cursors of events."""


@strawberry.interface(description="Something that happened to a deployment.")
class DeploymentEvent:
    actor_id: strawberry.Private[str | None]
    cursor: Cursor
    at: datetime
    deployment_id: strawberry.ID

    @strawberry.field(description="The person or service account that caused the event. Null if Boreas did.")
    async def actor(self, info: Info) -> Actor | None:
        return await load_actor(info, self.actor_id) if self.actor_id else None


class EventEnvelope(TypedDict):
    """The fields that every event has."""

    actor_id: str | None
    cursor: Cursor
    at: datetime
    deployment_id: strawberry.ID


@strawberry.type(description="The status of a deployment changed.")
class DeploymentStatusChanged(DeploymentEvent):
    previous_deployment_status: DeploymentStatus | None = strawberry.field(
        description="The status before the change. Null if the deployment was created."
    )
    deployment_status: DeploymentStatus
    from_: DeploymentStatus | None = strawberry.field(
        name="from",
        description="The status before the change. Null if the deployment was created.",
        deprecation_reason="Use previousDeploymentStatus.",
    )
    to: DeploymentStatus = strawberry.field(deprecation_reason="Use deploymentStatus.")
    reason: str | None

    @classmethod
    def of(cls, envelope: EventEnvelope, body: core.DeploymentStatusChanged) -> "DeploymentStatusChanged":
        return cls(
            **envelope,
            previous_deployment_status=body.from_,
            deployment_status=body.to,
            from_=body.from_,
            to=body.to,
            reason=body.reason,
        )

    @strawberry.field(description="The deployment as it is now, which may be later than the event.")
    async def deployment(self, info: Info) -> Annotated["Deployment", strawberry.lazy("app.api.types.deployments")]:
        return await require(info, "Deployment", self.deployment_id)


@strawberry.type(description="The status of a task changed.")
class TaskStatusChanged(DeploymentEvent):
    task_id: strawberry.ID
    previous_task_status: TaskStatus | None
    task_status: TaskStatus
    from_: TaskStatus | None = strawberry.field(name="from", deprecation_reason="Use previousTaskStatus.")
    to: TaskStatus = strawberry.field(deprecation_reason="Use taskStatus.")
    reason: str | None

    @classmethod
    def of(cls, envelope: EventEnvelope, body: core.TaskStatusChanged) -> "TaskStatusChanged":
        return cls(
            **envelope,
            task_id=strawberry.ID(body.task_id),
            previous_task_status=body.from_,
            task_status=body.to,
            from_=body.from_,
            to=body.to,
            reason=body.reason,
        )

    @strawberry.field(
        description="The task as it is now, which may be later than the event. A task that an edit removed is "
        "CANCELLED."
    )
    async def task(self, info: Info) -> Task:
        task: Task | None = await find(info, "Task", self.task_id)
        return task or Task.of(await info.context.loaders.removed_task.load((self.deployment_id, self.task_id)))


@strawberry.type(description="A rollout started or finished a batch, or a part of one.")
class RolloutProgressed(DeploymentEvent):
    task_id: strawberry.ID
    rollout: Rollout = strawberry.field(description="The rollout as it was at the time of the event.")


@strawberry.type(description="A deployment was paused or resumed.")
class DeploymentPaused(DeploymentEvent):
    paused: bool


@strawberry.type(description="The workflow was edited.")
class WorkflowChanged(DeploymentEvent):
    revision: int
    summary: str = strawberry.field(description="A summary of the edit.")


@strawberry.type(description="An approval was requested.")
class ApprovalRequested(DeploymentEvent):
    approval_id: strawberry.Private[str]

    @strawberry.field(description="The approval as it is now, which may be later than the event.")
    async def approval(self, info: Info) -> Approval:
        return await require(info, "Approval", self.approval_id)


@strawberry.type(
    description="An approval was decided, or expired. The approval says whether more decisions are needed. An event "
    "without an actor means that it expired, which counts as a rejection."
)
class ApprovalDecided(DeploymentEvent):
    approval_id: strawberry.Private[str]
    verdict: Verdict
    comment: str

    @strawberry.field(description="The approval as it is now, which may be later than the event.")
    async def approval(self, info: Info) -> Approval:
        return await require(info, "Approval", self.approval_id)


EVENT_TYPES = [
    DeploymentStatusChanged,
    TaskStatusChanged,
    RolloutProgressed,
    DeploymentPaused,
    ApprovalRequested,
    ApprovalDecided,
    WorkflowChanged,
]


@strawberry.type(description="A batch of events, in order.")
class DeploymentEventBatch:
    events: list[DeploymentEvent]
    cursor: Cursor = strawberry.field(description="The cursor to send as `after` to continue from here.")
    caught_up: bool = strawberry.field(description="Whether no newer event was stored when this was sent.")


def event_of(event: core.Event) -> DeploymentEvent:
    """Return an event as clients see it."""
    envelope = EventEnvelope(
        actor_id=event.actor_id,
        cursor=encode_cursor(EVENT, event.number),
        at=event.at,
        deployment_id=strawberry.ID(event.deployment_id),
    )
    match event.body:
        case core.DeploymentStatusChanged() as body:
            return DeploymentStatusChanged.of(envelope, body)
        case core.TaskStatusChanged() as body:
            return TaskStatusChanged.of(envelope, body)
        case core.RolloutProgressed(task_id, progress):
            rollout = Rollout.of(task_id, progress)
            return RolloutProgressed(**envelope, task_id=strawberry.ID(task_id), rollout=rollout)
        case core.DeploymentPaused(paused):
            return DeploymentPaused(**envelope, paused=paused)
        case core.WorkflowChanged(revision, summary):
            return WorkflowChanged(**envelope, revision=revision, summary=summary)
        case core.ApprovalRequested(approval_id):
            return ApprovalRequested(**envelope, approval_id=approval_id)
        case core.ApprovalDecided(approval_id, verdict, comment):
            return ApprovalDecided(**envelope, approval_id=approval_id, verdict=verdict, comment=comment)
