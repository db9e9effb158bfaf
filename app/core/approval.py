"""Approvals: what people are asked for, who may decide, what they decide, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.core.access import Principal
from app.core.deployment import Deployment
from app.core.errors import ErrorCode, Forbidden, Problem, Role, WrongState


class ApprovalSubject(StrEnum):
    """What is to be approved."""

    DEPLOYMENT = "DEPLOYMENT"
    TASK = "TASK"
    ROLLOUT_STEP = "ROLLOUT_STEP"


class ApprovalStatus(StrEnum):
    """Where an approval stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Verdict(StrEnum):
    """What a person decides."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"


class ApprovalTimeoutAction(StrEnum):
    """What an approval that expires does to its deployment: the same as a rejection, or a cancellation."""

    REJECT = "REJECT"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """What approvals of an environment take.

    `required_approvals` different people who hold one of `approver_roles`; whoever started the deployment only where
    `allow_self_approval` says so. An approval that is not decided within `timeout_seconds` (None: however long it
    takes) expires, with the consequence `on_timeout`.
    """

    required_approvals: int = 1
    approver_roles: tuple[Role, ...] = (Role.APPROVER, Role.ADMIN)
    allow_self_approval: bool = False
    timeout_seconds: int | None = None
    on_timeout: ApprovalTimeoutAction = ApprovalTimeoutAction.REJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one person decided, when, and why. `actor_name` is what they are called now."""

    actor_id: str
    actor_name: str
    verdict: Verdict
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """What people are to be asked for: the deployment, one of its tasks, or a step (from 0) of a task's rollout."""

    subject: ApprovalSubject
    task_id: str | None = None
    rollout_step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval as it is stored, with the policy as it was when it was asked for.

    `task_id` is set where the subject is a task or a step of its rollout, `rollout_step` (from 0) for the latter.
    `revision` is that of the workflow that was to be approved.
    """

    id: str
    deployment_id: str
    subject: ApprovalSubject
    task_id: str | None
    rollout_step: int | None
    revision: int
    status: ApprovalStatus
    policy: ApprovalPolicy
    requested_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None = None
    decisions: tuple[Decision, ...] = ()

    @property
    def request(self) -> Request:
        """What was asked for."""
        return Request(self.subject, self.task_id, self.rollout_step)

    @property
    def missing(self) -> int:
        """How many more people must approve."""
        return self.policy.required_approvals - sum(each.verdict is Verdict.APPROVE for each in self.decisions)

    def overdue(self, now: datetime) -> bool:
        """Whether the time to decide has passed without a decision."""
        return self.status is ApprovalStatus.PENDING and self.expires_at is not None and self.expires_at <= now


def expiry(policy: ApprovalPolicy, now: datetime) -> datetime | None:
    """Return until when an approval that is asked for now can be decided; None: however long it takes."""
    return None if policy.timeout_seconds is None else now + timedelta(seconds=policy.timeout_seconds)


def decided(approval: Approval, verdict: Verdict) -> ApprovalStatus:
    """Return where one more decision leaves an approval: one rejection rejects, the last approval approves."""
    if verdict is Verdict.REJECT:
        return ApprovalStatus.REJECTED
    return ApprovalStatus.APPROVED if approval.missing <= 1 else ApprovalStatus.PENDING


def may_decide(approval: Approval, deployment: Deployment, principal: Principal) -> bool:
    """Tell whether somebody holds a role that the policy names, on the environment and on all the applications."""
    return any(
        principal.allows(role, environment_id=deployment.environment_id, application_ids=deployment.application_ids)
        for role in approval.policy.approver_roles
    )


def why_not(
    approval: Approval, deployment: Deployment, principal: Principal, verdict: Verdict, now: datetime
) -> Problem | None:
    """Return why somebody may not give their verdict now, None when they may."""
    if not may_decide(approval, deployment, principal):
        roles = words(approval.policy.approver_roles)
        message = f"This needs the role {roles} on its environment and all its applications."
        return Forbidden(message=message, required=approval.policy.approver_roles[0])
    own = next((each for each in approval.decisions if each.actor_id == principal.actor.id), None)
    if own is not None:
        return _closed(f"You have decided already: {_told(own)}.", approval, ErrorCode.ALREADY_DECIDED)
    if approval.overdue(now) or approval.status is ApprovalStatus.EXPIRED:
        message = f"Nobody decided until {_moment(approval.expires_at or now)}; it has expired."
        return WrongState(message=message, status=ApprovalStatus.EXPIRED)
    if approval.status is ApprovalStatus.CANCELLED:
        return _closed("It is not asked for any more: what it was to let go on does not wait for it.", approval)
    if approval.status is not ApprovalStatus.PENDING:
        said = "; ".join(_told(each) for each in approval.decisions)
        return _closed(f"It is {approval.status}: {said}.", approval, ErrorCode.ALREADY_DECIDED)
    own_work = principal.actor.id == deployment.created_by and not approval.policy.allow_self_approval
    if own_work and verdict is Verdict.APPROVE:
        message = "You started this deployment; the policy asks for the approval of somebody else. You may reject it."
        return Forbidden(message=message, code=ErrorCode.SELF_APPROVAL)
    return None


def _closed(message: str, approval: Approval, code: ErrorCode = ErrorCode.WRONG_STATE) -> WrongState:
    return WrongState(message=message, status=approval.status, code=code)


def _told(decision: Decision) -> str:
    why = f" ({decision.comment})" if decision.comment else ""
    return f"{decision.verdict} by {decision.actor_name} at {_moment(decision.at)}{why}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def words(roles: Sequence[Role]) -> str:
    """Return roles as people say them: A, A or B, A, B or C."""
    *most, last = map(str, roles)
    return f"{', '.join(most)} or {last}" if most else last
