"""Approvals: what people are asked for, who may decide, what they decide, and what comes of it."""

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

    `required_approvals` different people who hold one of `approver_roles`; whoever started the deployment, or wrote
    what is to be approved, only where `allow_self_approval` says so. An approval that is not decided within
    `timeout_seconds` (None: however long it takes) expires, with the consequence `on_timeout`. With `trust_builds`
    PREPARE, BUILD and TEST tasks of any workflow run before the approval; without, only those of a generated one.
    """

    required_approvals: int = 1
    approver_roles: tuple[Role, ...] = (Role.APPROVER, Role.ADMIN)
    allow_self_approval: bool = False
    trust_builds: bool = False
    timeout_seconds: int | None = None
    on_timeout: ApprovalTimeoutAction = ApprovalTimeoutAction.REJECT


VALIDITY = timedelta(days=1)
"""How long after it was decided an approval counts for retries. A later retry asks again."""


def types_before_approval(deployment: Deployment, policy: ApprovalPolicy | None) -> frozenset[TaskType] | None:
    """Return the types of tasks that may run before a deployment is approved; None: it needs no approval.

    `policy` is that of its environment.
    """
    edited = deployment.revision > 1
    return planned_types_before_approval(deployment.source, policy, manual=deployment.manual_approval, edited=edited)


def planned_types_before_approval(
    source: WorkflowSource, policy: ApprovalPolicy | None, *, manual: bool, edited: bool
) -> frozenset[TaskType] | None:
    """Return the same of a deployment whose workflow comes from `source`. This is the only place that decides it.

    A deployment that repeats what had run in its environment, unedited, asks nobody: that is the way back.
    """
    if source is WorkflowSource.REPEATED and not edited:
        return None
    if policy is None:
        return BUILD_TYPES if manual else None
    generated = source is WorkflowSource.GENERATED and not edited
    return BUILD_TYPES if generated or policy.trust_builds else frozenset()


@dataclass(frozen=True, slots=True)
class PlannedApproval:
    """An approval that a planned deployment would ask for; `task_key` is set where the subject is a task or a step."""

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
    """Yield every approval that a planned deployment to an environment with that policy would ask for."""
    takes = policy or ApprovalPolicy()
    if planned_types_before_approval(source, policy, manual=manual, edited=False) is not None:
        yield PlannedApproval(ApprovalSubject.DEPLOYMENT, takes)
    asking = [number for number, step in enumerate(strategy.steps) if step.require_approval]
    for task in tasks:
        if task.require_confirm:
            yield PlannedApproval(ApprovalSubject.TASK, takes, task.key)
        if task.type is TaskType.DEPLOY:
            for number in asking:
                yield PlannedApproval(ApprovalSubject.ROLLOUT_STEP, takes, task.key, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one person decided, when, and why. `actor_name` is what they are called now, `held` what they hold now.

    `counts` is False once a later vote found that they had lost the right to decide.
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
    """What people are to be asked for: the deployment, one of its tasks, or a step (from 0) of a task's rollout."""

    subject: ApprovalSubject
    task_id: str | None = None
    rollout_step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval as it is stored, with the policy as it was when it was asked for.

    `task_id` is set where the subject is a task or a step of its rollout, `rollout_step` (from 0) for the latter.
    `revision` is that of the workflow that was to be approved. `authors` are the ids of those who wrote what is to be
    approved: the deployment's creator, and the author of every revision since the last approval.
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
        """What was asked for."""
        return Request(self.subject, self.task_id, self.rollout_step)

    def counts(self, decision: Decision) -> bool:
        """Tell whether a decision counts. While people are asked, that depends on what its author holds now."""
        if self.status is not ApprovalStatus.PENDING or decision.verdict is Verdict.REJECT:
            return decision.counts
        return decision.counts and self.lets_decide(decision.held) and not self.wrote(decision.actor_id)

    def lets_decide(self, grants: Sequence[Grant]) -> bool:
        """Tell whether grants hold a role that the policy names, on the environment and on all the applications."""
        return any(
            grants_allow(grants, role, environment_id=self.environment_id, application_ids=self.application_ids)
            for role in self.policy.approver_roles
        )

    def wrote(self, actor_id: str) -> bool:
        """Tell whether somebody wrote what is to be approved, so that the policy asks for somebody else's approval."""
        return actor_id in self.authors and not self.policy.allow_self_approval

    @property
    def missing(self) -> int:
        """How many more people must approve."""
        given = sum(each.verdict is Verdict.APPROVE and self.counts(each) for each in self.decisions)
        return self.policy.required_approvals - given

    def overdue(self, now: datetime) -> bool:
        """Whether the time to decide has passed without a decision."""
        return self.status is ApprovalStatus.PENDING and self.expires_at is not None and self.expires_at <= now


def expiry_time(policy: ApprovalPolicy, now: datetime) -> datetime | None:
    """Return until when an approval that is asked for now can be decided; None: however long it takes."""
    return None if policy.timeout_seconds is None else now + timedelta(seconds=policy.timeout_seconds)


def status_after(approval: Approval, verdict: Verdict) -> ApprovalStatus:
    """Return where one more decision leaves an approval: one rejection rejects, the last approval approves."""
    if verdict is Verdict.REJECT:
        return ApprovalStatus.REJECTED
    return ApprovalStatus.APPROVED if approval.missing <= 1 else ApprovalStatus.PENDING


def may_decide(approval: Approval, principal: Principal) -> bool:
    """Tell whether somebody holds a role that the policy names, on the environment and on all the applications."""
    return any(principal.allows_on(role, approval) for role in approval.policy.approver_roles)


def why_not_decide(approval: Approval, principal: Principal, verdict: Verdict, now: datetime) -> Problem | None:
    """Return why somebody may not give their verdict now, None when they may. This is the only place that decides it.

    A vote that does not count any more can be given again.
    """
    if not may_decide(approval, principal):
        return lacks_role(approval.policy)
    own = next((each for each in approval.decisions if each.actor_id == principal.actor.id and each.counts), None)
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
    if verdict is Verdict.APPROVE and approval.wrote(principal.actor.id):
        message = (
            "You started this deployment, or edited its workflow since it was last approved; the policy asks for the "
            "approval of somebody else. You may reject it."
        )
        return Forbidden(message=message, code=ErrorCode.SELF_APPROVAL)
    return None


def why_not_waive(
    deployment: Deployment, policy: ApprovalPolicy, principal: Principal, authors: Collection[str]
) -> Forbidden | None:
    """Return why somebody may not skip, remove or relax a task of a deployment that asks for approval.

    It takes somebody who may approve it. ADMIN may also where they wrote it: they could change the policy as well.
    """
    if not any(principal.allows_on(role, deployment) for role in policy.approver_roles):
        return lacks_role(policy)
    wrote = principal.actor.id in authors and not policy.allow_self_approval
    if wrote and not principal.allows_on(Role.ADMIN, deployment):
        message = (
            "You started this deployment, or edited its workflow since it was last approved; somebody else who may "
            "approve it has to let go of a task that asks for approval."
        )
        return Forbidden(message=message, code=ErrorCode.SELF_APPROVAL)
    return None


def lacks_role(policy: ApprovalPolicy) -> Forbidden:
    """Return the refusal of somebody who holds no role that lets people decide."""
    message = f"This needs the role {joined_roles(policy.approver_roles)} on its environment and all its applications."
    return Forbidden(message=message, required=policy.approver_roles[0])


def _closed(message: str, approval: Approval, code: ErrorCode = ErrorCode.WRONG_STATE) -> WrongState:
    return WrongState(message=message, status=approval.status, code=code)


def _told(decision: Decision) -> str:
    why = f" ({decision.comment})" if decision.comment else ""
    return f"{decision.verdict} by {decision.actor_name} at {_moment(decision.at)}{why}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def joined_roles(roles: Sequence[Role]) -> str:
    """Return roles as people say them: A, A or B, A, B or C."""
    *most, last = map(str, roles)
    return f"{', '.join(most)} or {last}" if most else last
