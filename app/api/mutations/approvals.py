"""Approving, rejecting, and what approvals take."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError, user_error
from app.api.inputs.approvals import DecideInput, SetApprovalPolicyInput
from app.api.mutations.environments import EnvironmentPayload
from app.api.mutations.run import changed, perform, result_of
from app.api.permissions import Answers
from app.api.types.approvals import Approval
from app.core.approval import Verdict
from app.core.roles import Role
from app.services import approvals, environments


@strawberry.type(description="The approvals that were decided, and why the others were not.")
class DecisionPayload:
    approvals: list[Approval] = strawberry.field(default_factory=list)
    errors: list[UserError] = strawberry.field(default_factory=list)


async def _decide(info: Info, input: DecideInput, verdict: Verdict) -> DecisionPayload:
    result = await result_of(info, input, approvals.decide, input.order(verdict))
    return DecisionPayload(
        approvals=[await changed(info, "Approval", id_) for id_ in result.ids],
        errors=[user_error(problem) for problem in result.problems],
    )


@strawberry.type
class ApprovalMutations:
    @strawberry.mutation(
        description="Approve; each of several is answered on its own, and an error's path says which one it is of. "
        "For whoever holds a role that the policy names: APPROVER and ADMIN unless it says otherwise.",
        extensions=[Answers(Role.VIEWER, DecisionPayload)],
    )
    async def approve(self, info: Info, input: DecideInput) -> DecisionPayload:
        return await _decide(info, input, Verdict.APPROVE)

    @strawberry.mutation(
        description="Reject: the deployment goes back where it has touched something, else it is cancelled. Each of "
        "several is answered on its own. For whoever may approve it (APPROVER and ADMIN unless the policy says "
        "otherwise), also where they started it.",
        extensions=[Answers(Role.VIEWER, DecisionPayload)],
    )
    async def reject(self, info: Info, input: DecideInput) -> DecisionPayload:
        return await _decide(info, input, Verdict.REJECT)

    @strawberry.mutation(
        description="Say what approvals of an environment take; with a policy, every deployment to it is to be "
        "approved. What was asked for already keeps the policy it was asked with. For ADMIN on it.",
        extensions=[Answers(Role.ADMIN, EnvironmentPayload)],
    )
    async def set_approval_policy(self, info: Info, input: SetApprovalPolicyInput) -> EnvironmentPayload:
        (id_,) = await perform(info, input, environments.set_approval_policy, input.policy())
        return EnvironmentPayload(environment=await changed(info, "Environment", id_))
