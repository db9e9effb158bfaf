"""The plan of a deployment: what createDeployment would create."""

import strawberry

from app.api.context import Info
from app.api.errors import WorkflowFault
from app.api.types.definitions import DeploymentDefinition
from app.api.types.gates import Gate
from app.api.types.workflows import WorkflowTask
from app.core import approval as approvals
from app.core.approval import ApprovalSubject
from app.core.command_visibility import VisibilityByApplication, of_deployment
from app.core.roles import Role
from app.services.drafts import Draft


@strawberry.type(description="An approval that the deployment would request.")
class PlannedApproval:
    subject: ApprovalSubject
    task_key: str | None = strawberry.field(
        description="The key of the task to approve. Null unless the subject is TASK or ROLLOUT_STEP."
    )
    rollout_step: int | None = strawberry.field(
        description="The step of the strategy, counted from 0. Null unless the subject is ROLLOUT_STEP."
    )
    required_approvals: int
    approver_roles: list[Role]

    @classmethod
    def of(cls, planned: approvals.PlannedApproval) -> "PlannedApproval":
        return cls(
            subject=planned.subject,
            task_key=planned.task_key,
            rollout_step=planned.rollout_step,
            required_approvals=planned.policy.required_approvals,
            approver_roles=list(planned.policy.approver_roles),
        )


@strawberry.type(description="The deployment that createDeployment would create, without storing it.")
class DeploymentPlan:
    draft: strawberry.Private[Draft]
    levels: list[list[str]] = strawberry.field(
        description="The topological levels of the graph: lists of keys of tasks that can run in parallel. Empty if "
        "the graph has faults."
    )
    critical_path: list[str] = strawberry.field(
        description="The keys of the longest chain of tasks. Empty if the graph has faults."
    )
    gate: Gate = strawberry.field(
        description="Whether the deployment could start now, and everything that would block it. Environments that "
        "you may not see are left out."
    )
    faults: list[WorkflowFault] = strawberry.field(description="All faults of the graph.")

    @strawberry.field(
        description="All approvals that the deployments would request. Equal approvals of several environments are "
        "listed once."
    )
    async def approvals(self) -> list[PlannedApproval]:
        request = self.draft.request
        planned_approvals = [
            planned
            for environment in self.draft.environments
            for planned in approvals.planned_approvals(
                request.source,
                environment.approval_policy,
                request.strategy,
                self.draft.tasks,
                manual=request.manual_approval,
            )
        ]
        return [PlannedApproval.of(planned) for planned in dict.fromkeys(planned_approvals)]

    @strawberry.field(
        description="The definitions that the deployments would be created with. differsFromRunning compares them "
        "with the environment if the plan has only one."
    )
    async def definitions(self, info: Info) -> list[DeploymentDefinition]:
        visibility_of, environments = self._visibility_of(info), self.draft.environments
        environment_id = environments[0].id if len(environments) == 1 else ""
        return [
            DeploymentDefinition.of(definition, environment_id, visibility_of(definition.application_id))
            for definition in self.draft.definitions
        ]

    @strawberry.field
    async def tasks(self, info: Info) -> list[WorkflowTask]:
        names = {application.id: application.name for application in self.draft.applications}
        visibility_of = self._visibility_of(info)
        return [WorkflowTask.of(task, names, visibility_of) for task in self.draft.tasks]

    def _visibility_of(self, info: Info) -> VisibilityByApplication:
        environment_ids = [environment.id for environment in self.draft.environments]
        application_ids = [application.id for application in self.draft.applications]
        return of_deployment(info.context.viewer, environment_ids, application_ids)
