"""Reading deployments and tasks, and planning deployments."""

import strawberry

from app.api.context import Info
from app.api.errors import workflow_fault
from app.api.inputs.deployments import CreateDeploymentInput, DeploymentFilterInput
from app.api.loaders import visible
from app.api.pages import deployment_page
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.common import Asked, Connection
from app.api.types.deployments import Deployment
from app.api.types.gates import Gate, blockers
from app.api.types.references import find
from app.api.types.tasks import Task
from app.api.types.workflows import DeploymentPlan
from app.core import graph, workflow
from app.core.roles import Role
from app.services.drafts import draft
from app.services.gates import of_plan


@strawberry.type
class DeploymentQueries:
    @strawberry.field(
        description="One deployment by its id; null: there is none that you may see. For VIEWER on its environment and "
        "all its applications.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployment(self, info: Info, id: strawberry.ID) -> Deployment | None:
        return await find(info, "Deployment", id)

    @strawberry.field(
        description="Deployments that the viewer may see, newest first. For VIEWER on anything.",
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
        wanted = visible(info.context.viewer)
        return await deployment_page(filter.narrow(wanted) if filter else wanted, Asked(first, after, last, before))

    @strawberry.field(
        description="One task by its id; null: there is none that you may see. For VIEWER on its deployment.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def task(self, info: Info, id: strawberry.ID) -> Task | None:
        return await find(info, "Task", id)

    @strawberry.field(
        description="A dry run of createDeployment: nothing is stored, and every fault of the graph is told. For "
        "VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def deployment_plan(self, info: Info, input: CreateDeploymentInput) -> DeploymentPlan:
        made = await draft(input.request())
        overrides = made.request.freeze_override_reason is not None
        names = {application.id: application.name for application in made.applications}
        edges = workflow.blocker_graph(made.tasks)
        seen = await info.context.loaders.durations.load(tuple(names))
        weights = graph.weights({task.key: seen.get((task.application_id, task.key)) for task in made.tasks})
        viewer = info.context.viewer
        visible_places = [
            one
            for one in made.environments
            if viewer.allows(Role.VIEWER, environment_id=one.id, application_ids=list(names))
        ]
        found = await of_plan(info.context.runtime, visible_places, list(names), overrides=overrides)
        return DeploymentPlan(
            draft=made,
            levels=[] if made.faults else graph.levels(edges),
            critical_path=[] if made.faults else graph.critical_path(edges, weights.__getitem__),
            gate=Gate(can_proceed=not found and not made.faults, blockers=blockers(found)),
            faults=[workflow_fault(fault) for fault in made.faults],
        )
