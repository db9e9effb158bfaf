"""Approvals: what people are asked for, what they decide, and what comes of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.errors import Role


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
    """What one person decided, when, and why."""

    actor_id: str
    verdict: Verdict
    comment: str
    at: datetime


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
