"""Root fields that read deployments and tasks, and plan deployments."""

import strawberry

from app.api.context import Info
from app.api.errors import workflow_fault
from app.api.inputs.deployments import CreateDeploymentInput, DeploymentFilterInput
from app.api.loaders import visible
from app.api.pages import deployment_page
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.common import Connection, PageArguments
from app.api.types.deployments import Deployment
from app.api.types.gates import Gate, to_blockers
from app.api.types.plans import DeploymentPlan
from app.api.types.references import find
from app.api.types.tasks import Task
from app.core import graph, workflow
from app.core.roles import Role
from app.services.drafts import Draft, draft
from app.services.gates import plan_blockers


@strawberry.type
class DeploymentQueries:
    @strawberry.field(
        description="A deployment by its id. Null if it does not exist or you may not see it. For VIEWER on its "
        "environment and all its applications.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployment(self, info: Info, id: strawberry.ID) -> Deployment | None:
        return await find(info, "Deployment", id)

    @strawberry.field(
        description="The deployments that you may see, newest first. For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployments(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: DeploymentFilterInput | None = None,
    ) -> Connection[Deployment]:
        visible_deployments = visible(info.context.viewer)
        core_filter = filter.narrow(visible_deployments) if filter else visible_deployments
        return await deployment_page(PageArguments(first, after, last, before), core_filter)

    @strawberry.field(
        description="A task by its id. Null if it does not exist or you may not see it. For VIEWER on its deployment.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def task(self, info: Info, id: strawberry.ID) -> Task | None:
        return await find(info, "Task", id)

    @strawberry.field(
        description="A dry run of createDeployment. It stores nothing and reports all faults of the graph. For VIEWER "
        "on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployment_plan(self, info: Info, input: CreateDeploymentInput) -> DeploymentPlan:
        planned = await draft(input.request())
        application_ids = [application.id for application in planned.applications]
        viewer = info.context.viewer
        visible_environments = [
            environment
            for environment in planned.environments
            if viewer.allows(Role.VIEWER, environment_id=environment.id, application_ids=application_ids)
        ]
        overrides_freeze = planned.request.freeze_override_reason is not None
        found_blockers = await plan_blockers(
            info.context.runtime, visible_environments, application_ids, overrides=overrides_freeze
        )
        return DeploymentPlan(
            draft=planned,
            levels=[] if planned.faults else graph.levels(workflow.blocker_graph(planned.tasks)),
            critical_path=[] if planned.faults else await _critical_path(info, planned),
            gate=Gate(can_proceed=not found_blockers and not planned.faults, blockers=to_blockers(found_blockers)),
            faults=[workflow_fault(fault) for fault in planned.faults],
        )


async def _critical_path(info: Info, planned: Draft) -> list[str]:
    """Return the keys of the longest chain of tasks, by how long they took the last time."""
    durations = await info.context.loaders.durations.load(tuple(application.id for application in planned.applications))
    seconds = {task.key: durations.get((task.application_id, task.key)) for task in planned.tasks}
    return graph.critical_path(workflow.blocker_graph(planned.tasks), graph.weights(seconds).__getitem__)
