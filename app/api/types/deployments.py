"""Deployments."""

from datetime import datetime

import strawberry

from app.api.context import Info
from app.api.documents.measure import DEPENDS_ON_ACTOR
from app.api.scalars import Cursor, encode_cursor
from app.api.types.access import Actor, load_actor
from app.api.types.applications import Application
from app.api.types.approvals import Approval, may_approve_any
from app.api.types.common import Connection, Node, PageArguments
from app.api.types.connections import APPROVALS, EVENTS
from app.api.types.definitions import DeploymentDefinition
from app.api.types.environments import Environment
from app.api.types.events import EVENT, DeploymentEvent, event_of
from app.api.types.gates import Gate, to_blockers
from app.api.types.permissions import Permission, permission, wrong_state
from app.api.types.references import find, require
from app.api.types.rollouts import Rollback, Rollout, grayscale_ratio_of, rollouts_of
from app.api.types.strategies import Strategy
from app.api.types.tasks import Task, tasks_of
from app.api.types.templates import TemplateVersion
from app.api.types.versions import Version
from app.api.types.workflows import Workflow
from app.core import allowed_actions, gate
from app.core import deployment as core
from app.core.approval import types_before_approval
from app.core.command_visibility import of_deployment
from app.core.strategy.model import StrategyKind


@strawberry.type(description="What you may do with a deployment now.")
class DeploymentPermissions:
    start: Permission
    cancel: Permission
    pause: Permission
    resume: Permission
    retry: Permission
    rollback: Permission
    edit_workflow: Permission
    approve: Permission = strawberry.field(description="Whether you may approve one of the pending approvals.")


@strawberry.type(description="The deployment of a version to an environment.")
class Deployment(Node):
    value: strawberry.Private[core.Deployment]
    version_id: strawberry.ID
    environment_id: strawberry.ID
    application_ids: list[strawberry.ID]
    status: core.DeploymentStatus
    progress: int = strawberry.field(description="The progress in percent, 0 to 100.")
    paused: bool = strawberry.field(
        description="Whether the deployment is paused: no new tasks start, and running tasks continue."
    )
    error_message: str | None
    freeze_override_reason: str | None = strawberry.field(
        description="The reason to start during a freeze. Null if freezes apply."
    )
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    attempt: int = strawberry.field(
        description="The number of the attempt. It starts at 1 and grows by one with each retry."
    )
    must_in_order: list[strawberry.ID] = strawberry.field(
        description="The ids of the applications that are deployed one after another, in this order."
    )
    strategy: Strategy
    grayscale_enabled: bool = strawberry.field(description="Whether the strategy is CANARY.")
    manual_approval: bool = strawberry.field(
        description="Whether the deployment was created with manualApproval: only PREPARE, BUILD and TEST tasks run "
        "before the approval."
    )
    rollback: Rollback | None = strawberry.field(
        description="The latest rollback of the deployment. Null if there was none."
    )
    cursor: Cursor = strawberry.field(
        description="The current position in the deployment's feed. Subscribe with it as `after` to miss no event and "
        "get none twice."
    )

    @classmethod
    def of(cls, deployment: core.Deployment) -> "Deployment":
        return cls(
            value=deployment,
            id=strawberry.ID(deployment.id),
            version_id=strawberry.ID(deployment.version_id),
            environment_id=strawberry.ID(deployment.environment_id),
            application_ids=[strawberry.ID(id_) for id_ in deployment.application_ids],
            status=deployment.status,
            progress=deployment.progress,
            paused=deployment.paused,
            error_message=deployment.error_message,
            freeze_override_reason=deployment.freeze_override_reason,
            created_at=deployment.created_at,
            updated_at=deployment.updated_at,
            started_at=deployment.started_at,
            completed_at=deployment.completed_at,
            attempt=deployment.attempt,
            must_in_order=[strawberry.ID(id_) for id_ in deployment.must_in_order],
            strategy=Strategy.of(deployment.strategy, deployment.id),
            grayscale_enabled=deployment.strategy.kind is StrategyKind.CANARY,
            manual_approval=deployment.manual_approval,
            rollback=Rollback.of(deployment.rollback) if deployment.rollback else None,
            cursor=encode_cursor(EVENT, deployment.last_event),
        )

    @strawberry.field
    async def version(self, info: Info) -> Version:
        return await require(info, "Version", self.version_id)

    @strawberry.field
    async def environment(self, info: Info) -> Environment:
        return await require(info, "Environment", self.environment_id)

    @strawberry.field
    async def applications(self, info: Info) -> list[Application]:
        applications = await info.context.loaders.application.load_many(list(self.value.application_ids))
        return [Application.of(application) for application in applications if application]

    @strawberry.field
    async def created_by(self, info: Info) -> Actor:
        return await load_actor(info, self.value.created_by)

    @strawberry.field(
        description="The seconds from start to end, or until now. Null if the deployment has not started."
    )
    async def duration(self, info: Info) -> float | None:
        if self.started_at is None:
            return None
        return ((self.completed_at or info.context.runtime.clock.now()) - self.started_at).total_seconds()

    @strawberry.field(description="The tasks, in workflow order. At most 2000.")
    async def tasks(self, info: Info) -> list[Task]:
        return tasks_of(info, self.value)

    @strawberry.field
    async def workflow(self) -> Workflow:
        return Workflow.of(self.value)

    @strawberry.field(description="The definitions that the deployment was created with, one for each application.")
    async def definitions(self, info: Info) -> list[DeploymentDefinition]:
        visibility_of = of_deployment(info.context.viewer, (self.environment_id,), self.value.application_ids)
        return [
            DeploymentDefinition.of(definition, self.environment_id, visibility_of(definition.application_id))
            for definition in await info.context.loaders.definitions_of.load(self.id)
        ]

    @strawberry.field(description="All approvals that were requested, oldest first.")
    async def approvals(self, info: Info) -> list[Approval]:
        return [Approval.of(approval) for approval in await info.context.loaders.approvals_of.load(self.id)]

    @strawberry.field(description="All approvals that were requested, oldest first.")
    async def approvals_connection(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Approval]:
        arguments = PageArguments(first, after, last, before)
        return await APPROVALS.page(info, self.id, Approval.of, arguments)

    @strawberry.field(
        description="Whether any approval is required: by manualApproval, the policy of the environment, a task or a "
        "step of the strategy."
    )
    async def require_confirm(self, info: Info) -> bool:
        if self.value.manual_approval or any(step.require_approval for step in self.value.strategy.steps):
            return True
        environment = await info.context.loaders.environment.load(self.value.environment_id)
        if environment is not None and types_before_approval(self.value, environment.approval_policy) is not None:
            return True
        return any(task.require_confirm for task in await info.context.loaders.tasks_of.load(self.id))

    @strawberry.field(description="The rollouts, one for each application with a deploy task.")
    async def rollouts(self, info: Info) -> list[Rollout]:
        return await rollouts_of(info, self.value)

    @strawberry.field(description="The current canary ratio, 0 to 1. Null unless the strategy is CANARY.")
    async def grayscale_ratio(self, info: Info) -> float | None:
        return await grayscale_ratio_of(info, self.value)

    @strawberry.field(
        description="The template version that the graph was made from. Null if it was generated, or given by the "
        "caller."
    )
    async def template(self, info: Info) -> TemplateVersion | None:
        return await find(info, "TemplateVersion", self.value.template_version_id)

    @strawberry.field(description="The successful deployment that this one rolls back. Null if this is no rollback.")
    async def rollback_of(self, info: Info) -> "Deployment | None":
        return await find(info, "Deployment", self.value.rollback_of)

    @strawberry.field(description="Whether the deployment can proceed, and everything that blocks it.")
    async def gate(self, info: Info) -> Gate:
        tasks = await info.context.loaders.tasks_of.load(self.id)
        situation = await info.context.loaders.situation.load(self.id)
        blockers = gate.deployment_blockers(self.value, tasks, situation, info.context.runtime.clock.now())
        has_ended = self.value.status in core.ENDED
        return Gate(can_proceed=not blockers and not has_ended, blockers=to_blockers(blockers))

    @strawberry.field(description="The events of the deployment, oldest first.")
    async def events(
        self,
        info: Info,
        first: int | None = 100,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[DeploymentEvent]:
        arguments = PageArguments(first, after, last, before)
        return await EVENTS.page(info, self.id, event_of, arguments, self._event_count)

    async def _event_count(self) -> int:
        return self.value.last_event

    @strawberry.field(metadata=DEPENDS_ON_ACTOR)
    async def viewer_can(self, info: Info) -> DeploymentPermissions:
        loaders, status = info.context.loaders, self.status
        return DeploymentPermissions(
            start=permission(info, self.value, await loaders.why_not_start.load(self.id)),
            cancel=permission(info, self.value, wrong_state(status, allowed_actions.why_not_cancel(self.value))),
            pause=permission(info, self.value, wrong_state(status, allowed_actions.why_not_pause(self.value))),
            resume=permission(info, self.value, wrong_state(status, allowed_actions.why_not_resume(self.value))),
            retry=permission(info, self.value, await loaders.why_not_retry.load(self.id)),
            rollback=permission(info, self.value, await loaders.why_not_roll_back.load(self.id)),
            edit_workflow=permission(info, self.value, wrong_state(status, allowed_actions.why_not_edit(self.value))),
            approve=await may_approve_any(info, self.value),
        )
