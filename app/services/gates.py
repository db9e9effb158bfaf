"""Gates: why deployments and tasks wait, from what is stored."""

from collections.abc import Sequence
from datetime import timedelta

from app.core import admission, gate
from app.core.deployment import Deployment, DeploymentStatus
from app.core.environment import Environment
from app.core.gate import Blocker, Situation
from app.core.task import Task
from app.services.runtime import Runtime
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import workers


async def situation(runtime: Runtime, deployment: Deployment) -> Situation:
    """Return what surrounds a deployment."""
    environment = (await environment_store.by_ids([deployment.environment_id]))[deployment.environment_id]
    standing = None
    if deployment.status is DeploymentStatus.PENDING and deployment.queued_at is not None:
        active, waiting = await deployment_store.claims(environment.id)
        if any(claim.deployment_id == deployment.id for claim in waiting):
            standing = admission.standing(deployment.id, active, waiting, environment.max_concurrent_deployments)
    return Situation(
        standing=standing,
        capacity=environment.max_concurrent_deployments,
        pool=environment.worker_pool,
        pool_alive=await _alive(runtime, environment),
    )


async def _alive(runtime: Runtime, environment: Environment) -> bool:
    since = runtime.clock.now() - timedelta(seconds=runtime.alive_seconds)
    return bool(await workers.alive([environment.worker_pool], since))


async def of_deployment(runtime: Runtime, deployment: Deployment, tasks: Sequence[Task]) -> tuple[Blocker, ...]:
    """Return why a deployment does not go on."""
    around = await situation(runtime, deployment)
    return gate.deployment_blockers(deployment, tasks, around, runtime.clock.now())


async def of_plan(runtime: Runtime, environment: Environment, application_ids: Sequence[str]) -> tuple[Blocker, ...]:
    """Return what would keep a new deployment of the applications from starting in an environment."""
    active, waiting = await deployment_store.claims(environment.id)
    mine = admission.Claim("", tuple(application_ids))
    around = Situation(
        standing=admission.standing("", active, [*waiting, mine], environment.max_concurrent_deployments),
        capacity=environment.max_concurrent_deployments,
        pool=environment.worker_pool,
        pool_alive=await _alive(runtime, environment),
    )
    return gate.plan_blockers(around)
