"""Root fields that decide approvals and set their policies."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError, user_error
from app.api.inputs.approvals import DecideInput, SetApprovalPolicyInput
from app.api.mutations.environments import EnvironmentPayload
from app.api.mutations.run import load_changed, perform, result_of
from app.api.permissions import MutationGuard
from app.api.types.approvals import Approval
from app.core.approval import Verdict
from app.core.roles import Role
from app.services import approvals, environments


@strawberry.type(description="The approvals that were decided, and the errors for the others.")
class DecisionPayload:
    approvals: list[Approval] = strawberry.field(default_factory=list)
    errors: list[UserError] = strawberry.field(default_factory=list)


async def _decide(info: Info, input: DecideInput, verdict: Verdict) -> DecisionPayload:
    result = await result_of(info, input, approvals.decide, input.command(verdict))
    return DecisionPayload(
        approvals=[await load_changed(info, "Approval", id_) for id_ in result.ids],
        errors=[user_error(problem) for problem in result.problems],
    )


@strawberry.type
class ApprovalMutations:
    @strawberry.mutation(
        description="Approve one or more approvals. Each is decided independently; the path of an error names the "
        "approval. For the roles that the policy names, by default APPROVER and ADMIN.",
        extensions=[MutationGuard(Role.VIEWER, DecisionPayload)],
    )
    async def approve(self, info: Info, input: DecideInput) -> DecisionPayload:
        return await _decide(info, input, Verdict.APPROVE)

    @strawberry.mutation(
        description="Reject one or more approvals. Each is decided independently. A deployment that has already "
        "changed something is rolled back; any other is cancelled. For the roles that the policy names, by default "
        "APPROVER and ADMIN. You may reject a deployment that you started.",
        extensions=[MutationGuard(Role.VIEWER, DecisionPayload)],
    )
    async def reject(self, info: Info, input: DecideInput) -> DecisionPayload:
        return await _decide(info, input, Verdict.REJECT)

    @strawberry.mutation(
        description="Set or remove the approval policy of an environment. With a policy, every deployment to it needs "
        "an approval. Pending approvals keep the policy that they were requested with. For ADMIN on the environment.",
        extensions=[MutationGuard(Role.ADMIN, EnvironmentPayload)],
    )
    async def set_approval_policy(self, info: Info, input: SetApprovalPolicyInput) -> EnvironmentPayload:
        (id_,) = await perform(info, input, environments.set_approval_policy, input.policy())
        return EnvironmentPayload(environment=await load_changed(info, "Environment", id_))
