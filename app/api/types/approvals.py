"""Approvals and their policies."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.context import Info
from app.api.documents.measure import DEPENDS_ON_ACTOR
from app.api.types.access import Actor, load_actor
from app.api.types.common import Node
from app.api.types.permissions import Permission
from app.api.types.references import find, require
from app.core import approval as core
from app.core import gate
from app.core.deployment import Deployment as CoreDeployment
from app.core.errors import WrongState
from app.core.roles import Role

if TYPE_CHECKING:
    from app.api.types.deployments import Deployment
    from app.api.types.tasks import Task


@strawberry.type(description="The rules for approvals of deployments to an environment.")
class ApprovalPolicy:
    required_approvals: int = strawberry.field(description="How many different people must approve.")
    approver_roles: list[Role] = strawberry.field(
        description="The roles that may decide. One of them, on the environment and all applications of the "
        "deployment, is enough."
    )
    allow_self_approval: bool = strawberry.field(
        description="Whether people may approve deployments that they started, or have edited since the last approval."
    )
    trust_builds: bool = strawberry.field(
        description="Whether PREPARE, BUILD and TEST tasks of any graph may run before the approval. If not, only "
        "those of a generated, unedited graph may."
    )
    timeout_seconds: int | None = strawberry.field(
        description="After how many seconds a pending approval expires. Null means never."
    )
    on_timeout: core.ApprovalTimeoutAction = strawberry.field(description="What happens when an approval expires.")

    @classmethod
    def of(cls, policy: core.ApprovalPolicy) -> "ApprovalPolicy":
        return cls(
            required_approvals=policy.required_approvals,
            approver_roles=list(policy.approver_roles),
            allow_self_approval=policy.allow_self_approval,
            trust_builds=policy.trust_builds,
            timeout_seconds=policy.timeout_seconds,
            on_timeout=policy.on_timeout,
        )


@strawberry.type(description="One decision on an approval.")
class ApprovalDecision:
    value: strawberry.Private[core.Decision]
    verdict: core.Verdict
    comment: str
    at: datetime
    counts: bool = strawberry.field(
        description="False if the person lost the right to approve before the last approval was given."
    )

    @classmethod
    def of(cls, decision: core.Decision, approval: core.Approval) -> "ApprovalDecision":
        counts = approval.counts(decision)
        return cls(value=decision, verdict=decision.verdict, comment=decision.comment, at=decision.at, counts=counts)

    @strawberry.field
    async def actor(self, info: Info) -> Actor:
        return await load_actor(info, self.value.actor_id)


@strawberry.type(
    description="A request to approve a deployment, a task or a rollout step. It keeps the policy that it was "
    "requested with."
)
class Approval(Node):
    value: strawberry.Private[core.Approval]
    status: core.ApprovalStatus
    subject: core.ApprovalSubject
    rollout_step: int | None = strawberry.field(
        description="The step of the strategy, counted from 0. Null unless the subject is ROLLOUT_STEP."
    )
    required_approvals: int
    approver_roles: list[Role] = strawberry.field(description="The roles that may decide. One of them is enough.")
    missing: int = strawberry.field(description="How many more people must approve.")
    revision: int = strawberry.field(description="The revision of the workflow that is to be approved.")
    decisions: list[ApprovalDecision]
    requested_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, approval: core.Approval) -> "Approval":
        return cls(
            value=approval,
            id=strawberry.ID(approval.id),
            status=approval.status,
            subject=approval.subject,
            rollout_step=approval.rollout_step,
            required_approvals=approval.policy.required_approvals,
            approver_roles=list(approval.policy.approver_roles),
            missing=max(0, approval.missing),
            revision=approval.revision,
            decisions=[ApprovalDecision.of(decision, approval) for decision in approval.decisions],
            requested_at=approval.requested_at,
            expires_at=approval.expires_at,
        )

    @strawberry.field
    async def deployment(self, info: Info) -> Annotated["Deployment", strawberry.lazy("app.api.types.deployments")]:
        return await require(info, "Deployment", self.value.deployment_id)

    @strawberry.field(
        description="The task to approve, or the deploy task of the step. Null for DEPLOYMENT, and if an edit has "
        "removed the task."
    )
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.api.types.tasks")] | None:
        return await find(info, "Task", self.value.task_id)

    @strawberry.field(
        description="Whether you may approve now. If not, `reason` says why. If so, `reason` says what else blocks "
        "the deployment.",
        metadata=DEPENDS_ON_ACTOR,
    )
    async def viewer_can_decide(self, info: Info) -> Permission:
        deployment = await info.context.loaders.deployment.load(self.value.deployment_id)
        if deployment is None:
            raise LookupError(f"the deployment of approval {self.id} does not exist")
        return await may_approve(info, self.value, deployment)


async def may_approve(info: Info, approval: core.Approval, deployment: CoreDeployment) -> Permission:
    """Return whether the viewer may approve. The reason then says what else blocks the deployment."""
    now = info.context.runtime.clock.now()
    problem = core.why_not_decide(approval, info.context.viewer, core.Verdict.APPROVE, now)
    if problem is not None:
        return Permission.of(problem)
    situation = await info.context.loaders.situation.load(deployment.id)
    other_blockers = " ".join(blocker.message for blocker in gate.blockers_after_approval(deployment, situation))
    return Permission(allowed=True, reason=other_blockers or None)


async def may_approve_any(info: Info, deployment: CoreDeployment, task_id: str | None = None) -> Permission:
    """Return whether the viewer may give any pending approval of a deployment, or of one of its tasks."""
    pending = [
        approval
        for approval in await info.context.loaders.approvals_of.load(deployment.id)
        if approval.status is core.ApprovalStatus.PENDING and task_id in (None, approval.task_id)
    ]
    permissions = [await may_approve(info, approval, deployment) for approval in pending]
    none_pending = WrongState(message="No approval is pending.", status=deployment.status)
    refusal = permissions[0] if permissions else Permission.of(none_pending)
    return next((permission for permission in permissions if permission.allowed), refusal)
