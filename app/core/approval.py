"""Approvals: when they are required, who may decide, and the status that follows a decision."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.core.access import Grant, Principal, grants_allow
from app.core.deployment import Deployment, WorkflowSource
from app.core.errors import ErrorCode, Forbidden, Problem, WrongState
from app.core.roles import Role
from app.core.strategy.model import Strategy
from app.core.workflow import BUILD_TYPES, TaskType, WorkflowTask


class ApprovalSubject(StrEnum):
    """The subject of an approval."""

    DEPLOYMENT = "DEPLOYMENT"
    TASK = "TASK"
    ROLLOUT_STEP = "ROLLOUT_STEP"


class ApprovalStatus(StrEnum):
    """The status of an approval."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Verdict(StrEnum):
    """The verdict of one person."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"


class ApprovalTimeoutAction(StrEnum):
    """The effect of an expired approval on its deployment: rejection or cancellation."""

    REJECT = "REJECT"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """The requirements for approvals of an environment.

    An approval needs `required_approvals` different people with one of `approver_roles`. The deployment's creator and
    the workflow's authors count only with `allow_self_approval`. An approval without a decision within
    `timeout_seconds` (None: no limit) expires with the effect `on_timeout`. With `trust_builds`, PREPARE, BUILD and
    TEST tasks of any workflow run before the approval; otherwise only those of a generated workflow.
    """

    required_approvals: int = 1
    approver_roles: tuple[Role, ...] = (Role.APPROVER, Role.ADMIN)
    allow_self_approval: bool = False
    trust_builds: bool = False
    timeout_seconds: int | None = None
    on_timeout: ApprovalTimeoutAction = ApprovalTimeoutAction.REJECT


VALIDITY = timedelta(days=1)
"""How long an approval stays valid for retries. A later retry needs a new one."""


def types_before_approval(deployment: Deployment, policy: ApprovalPolicy | None) -> frozenset[TaskType] | None:
    """Return the task types that may run before the approval; None if none is needed.

    `policy` is that of its environment.
    """
    edited = deployment.revision > 1
    return planned_types_before_approval(deployment.source, policy, manual=deployment.manual_approval, edited=edited)


def planned_types_before_approval(
    source: WorkflowSource, policy: ApprovalPolicy | None, *, manual: bool, edited: bool
) -> frozenset[TaskType] | None:
    """Return the same for a planned deployment whose workflow comes from `source`. The rule is only here.

    A deployment that repeats, unedited, what has run in its environment needs no approval: rolling back must be quick.
    """
    if source is WorkflowSource.REPEATED and not edited:
        return None
    if policy is None:
        return BUILD_TYPES if manual else None
    generated = source is WorkflowSource.GENERATED and not edited
    return BUILD_TYPES if generated or policy.trust_builds else frozenset()


@dataclass(frozen=True, slots=True)
class PlannedApproval:
    """An approval that a planned deployment would need; `task_key` is set for tasks and steps."""

    subject: ApprovalSubject
    policy: ApprovalPolicy
    task_key: str | None = None
    rollout_step: int | None = None


def planned_approvals(
    source: WorkflowSource,
    policy: ApprovalPolicy | None,
    strategy: Strategy,
    tasks: Iterable[WorkflowTask],
    *,
    manual: bool,
) -> Iterator[PlannedApproval]:
    """Yield every approval that a planned deployment to an environment with this policy would need."""
    applied = policy or ApprovalPolicy()
    if planned_types_before_approval(source, policy, manual=manual, edited=False) is not None:
        yield PlannedApproval(ApprovalSubject.DEPLOYMENT, applied)
    steps = [index for index, step in enumerate(strategy.steps) if step.require_approval]
    for task in tasks:
        if task.require_confirm:
            yield PlannedApproval(ApprovalSubject.TASK, applied, task.key)
        if task.type is TaskType.DEPLOY:
            for step in steps:
                yield PlannedApproval(ApprovalSubject.ROLLOUT_STEP, applied, task.key, step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision of one person. `actor_name` is their current name, `held` their current grants.

    `counts` is False once a later vote found that the person had lost the right to decide.
    """

    actor_id: str
    actor_name: str
    verdict: Verdict
    comment: str
    at: datetime
    counts: bool = True
    held: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """The subject of a request: a deployment, one of its tasks, or a step (from 0) of a rollout."""

    subject: ApprovalSubject
    task_id: str | None = None
    rollout_step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval as it is stored, with a copy of the policy at the time of the request.

    `task_id` is set where the subject is a task or a step of its rollout, `rollout_step` (from 0) for the latter.
    `revision` is that of the workflow to approve. `authors` are the ids of the deployment's creator and of the author
    of every revision since the last approval.
    """

    id: str
    deployment_id: str
    environment_id: str
    application_ids: tuple[str, ...]
    subject: ApprovalSubject
    task_id: str | None
    rollout_step: int | None
    revision: int
    status: ApprovalStatus
    policy: ApprovalPolicy
    requested_at: datetime
    expires_at: datetime | None
    authors: frozenset[str]
    decided_at: datetime | None = None
    decisions: tuple[Decision, ...] = ()

    @property
    def request(self) -> Request:
        """The subject, as a request."""
        return Request(self.subject, self.task_id, self.rollout_step)

    def counts(self, decision: Decision) -> bool:
        """Tell whether a decision counts. While the approval is pending, the person's current grants decide."""
        if self.status is not ApprovalStatus.PENDING or decision.verdict is Verdict.REJECT:
            return decision.counts
        return decision.counts and self.permits(decision.held) and not self.excludes(decision.actor_id)

    def permits(self, grants: Sequence[Grant]) -> bool:
        """Tell whether grants include an approver role on the environment and all its applications."""
        return any(
            grants_allow(grants, role, environment_id=self.environment_id, application_ids=self.application_ids)
            for role in self.policy.approver_roles
        )

    def excludes(self, actor_id: str) -> bool:
        """Tell whether an actor may not approve, as creator of the deployment or author of a revision."""
        return actor_id in self.authors and not self.policy.allow_self_approval

    @property
    def missing(self) -> int:
        """The number of people who still have to approve."""
        approvals = sum(decision.verdict is Verdict.APPROVE and self.counts(decision) for decision in self.decisions)
        return self.policy.required_approvals - approvals

    def overdue(self, now: datetime) -> bool:
        """Tell whether the approval is pending past its expiry."""
        return self.status is ApprovalStatus.PENDING and self.expires_at is not None and self.expires_at <= now


def expiry_time(policy: ApprovalPolicy, now: datetime) -> datetime | None:
    """Return when an approval that is requested now expires; None if never."""
    return None if policy.timeout_seconds is None else now + timedelta(seconds=policy.timeout_seconds)


def status_after(approval: Approval, verdict: Verdict) -> ApprovalStatus:
    """Return the status after one more decision: one rejection rejects, the last approval approves."""
    if verdict is Verdict.REJECT:
        return ApprovalStatus.REJECTED
    return ApprovalStatus.APPROVED if approval.missing <= 1 else ApprovalStatus.PENDING


def may_decide(approval: Approval, principal: Principal) -> bool:
    """Tell whether somebody has an approver role on the environment and all its applications."""
    return any(principal.allows_on(role, approval) for role in approval.policy.approver_roles)


def why_not_decide(approval: Approval, principal: Principal, verdict: Verdict, now: datetime) -> Problem | None:
    """Return why somebody may not give their verdict now, or None. The rule is only here.

    A person whose vote no longer counts can vote again.
    """
    if not may_decide(approval, principal):
        return missing_role(approval.policy)
    actor_id = principal.actor.id
    own = next((vote for vote in approval.decisions if vote.actor_id == actor_id and vote.counts), None)
    if own is not None:
        return _closed(f"You have decided already: {_describe(own)}.", approval, ErrorCode.ALREADY_DECIDED)
    if approval.overdue(now) or approval.status is ApprovalStatus.EXPIRED:
        message = f"The approval expired at {_format(approval.expires_at or now)} without a decision."
        return WrongState(message=message, status=ApprovalStatus.EXPIRED)
    if approval.status is ApprovalStatus.CANCELLED:
        return _closed("The approval was cancelled: it is no longer needed.", approval)
    if approval.status is not ApprovalStatus.PENDING:
        decisions = "; ".join(map(_describe, approval.decisions))
        return _closed(f"The approval is {approval.status} already: {decisions}.", approval, ErrorCode.ALREADY_DECIDED)
    if verdict is Verdict.APPROVE and approval.excludes(principal.actor.id):
        message = (
            "You started this deployment, or edited its workflow since its last approval, so somebody else must "
            "approve it. You may reject it."
        )
        return Forbidden(message=message, code=ErrorCode.SELF_APPROVAL)
    return None


def why_not_waive(
    deployment: Deployment, policy: ApprovalPolicy, principal: Principal, authors: Collection[str]
) -> Forbidden | None:
    """Return why somebody may not skip, remove or relax a task that requires an approval, or None.

    That takes the right to approve it. ADMIN may do so even as the author, as they could also change the policy.
    """
    if not any(principal.allows_on(role, deployment) for role in policy.approver_roles):
        return missing_role(policy)
    is_excluded = principal.actor.id in authors and not policy.allow_self_approval
    if is_excluded and not principal.allows_on(Role.ADMIN, deployment):
        message = (
            "You started this deployment, or edited its workflow since its last approval, so somebody else who may "
            "approve it must skip, remove or relax a task that requires an approval."
        )
        return Forbidden(message=message, code=ErrorCode.SELF_APPROVAL)
    return None


def missing_role(policy: ApprovalPolicy) -> Forbidden:
    """Return the refusal of somebody without an approver role."""
    message = f"This needs the role {joined_roles(policy.approver_roles)} on its environment and all its applications."
    return Forbidden(message=message, required=policy.approver_roles[0])


def _closed(message: str, approval: Approval, code: ErrorCode = ErrorCode.WRONG_STATE) -> WrongState:
    return WrongState(message=message, status=approval.status, code=code)


def _describe(decision: Decision) -> str:
    comment = f" ({decision.comment})" if decision.comment else ""
    return f"{decision.verdict} by {decision.actor_name} at {_format(decision.at)}{comment}"


def _format(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def joined_roles(roles: Sequence[Role]) -> str:
    """Join roles for a message: A; A or B; A, B or C."""
    *first, last = map(str, roles)
    return f"{', '.join(first)} or {last}" if first else last
