"""Inputs about approvals and their policies."""

import strawberry

from app.core.approval import ApprovalPolicy, ApprovalTimeoutAction, Verdict
from app.core.roles import Role
from app.services.approvals import Decide

DEFAULT = ApprovalPolicy()


@strawberry.input(description="The approvals to decide, with a comment.")
class DecideInput:
    approval_ids: list[strawberry.ID]
    comment: str | None = ""
    expected_revision: int | None = strawberry.field(
        default=None,
        description="The revision of the workflow that you have reviewed. REVISION_CONFLICT if there is a newer one. "
        "Null decides on any revision.",
    )
    idempotency_key: str | None = None

    def command(self, verdict: Verdict) -> Decide:
        """Return it as a core value."""
        return Decide(tuple(self.approval_ids), verdict, self.comment or "", self.expected_revision)


@strawberry.input(description="The new approval policy of an environment.")
class SetApprovalPolicyInput:
    environment_id: strawberry.ID
    required_approvals: int = strawberry.field(
        description="How many different people must approve every deployment. 0 removes the policy, and the other "
        "fields are ignored. Without a policy, each requested approval takes one person."
    )
    approver_roles: list[Role] | None = strawberry.field(
        default_factory=lambda: list(DEFAULT.approver_roles),
        description="The roles that may decide. One of them is enough. VIEWER is not allowed.",
    )
    allow_self_approval: bool | None = False
    trust_builds: bool | None = strawberry.field(
        default=False,
        description="Whether the PREPARE, BUILD and TEST tasks of any graph may run before the approval. "
        "Default: false.",
    )
    timeout_seconds: int | None = None
    on_timeout: ApprovalTimeoutAction | None = ApprovalTimeoutAction.REJECT
    idempotency_key: str | None = None

    def policy(self) -> tuple[str, ApprovalPolicy | None]:
        """Return the environment's id and the policy. None removes the policy."""
        if self.required_approvals == 0:
            return self.environment_id, None
        roles = DEFAULT.approver_roles if self.approver_roles is None else tuple(dict.fromkeys(self.approver_roles))
        return self.environment_id, ApprovalPolicy(
            required_approvals=self.required_approvals,
            approver_roles=roles,
            allow_self_approval=bool(self.allow_self_approval),
            trust_builds=bool(self.trust_builds),
            timeout_seconds=self.timeout_seconds,
            on_timeout=self.on_timeout or ApprovalTimeoutAction.REJECT,
        )
