"""Gates: why deployments and tasks wait, from what is stored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from app.core import admission, gate
from app.core.approval import types_before_approval
from app.core.deployment import Deployment, DeploymentStatus
from app.core.environment import Environment
from app.core.freeze import FreezeStatus
from app.core.gate import Blocker, GateContext
from app.services.freezes import statuses
from app.services.runtime import Runtime
from app.store import admission as admission_store
from app.store import approvals as approval_store
from app.store import environments as environment_store
from app.store import workers
from app.store.admission import Claims


async def situations(runtime: Runtime, deployments: Sequence[Deployment]) -> list[GateContext]:
    """Return what surrounds each deployment, in four queries however many there are."""
    ids = list({deployment.environment_id for deployment in deployments})
    environments = await environment_store.by_ids(ids)
    claims = await admission_store.claims(ids)
    alive = await _alive(runtime, list(environments.values()))
    freezes = await statuses(runtime, ids)
    asked = await approval_store.pending_of([deployment.id for deployment in deployments])
    return [
        replace(
            _situation(d, environments[d.environment_id], claims[d.environment_id], freezes[d.environment_id], alive),
            approvals=asked[d.id],
        )
        for d in deployments
    ]


async def _alive(runtime: Runtime, environments: Sequence[Environment]) -> frozenset[str]:
    since = runtime.clock.now() - timedelta(seconds=runtime.alive_seconds)
    pools = {pool for environment in environments for pool in environment.pools.all}
    return frozenset(await workers.alive(list(pools), since))


def _situation(
    deployment: Deployment, environment: Environment, claims: Claims, freeze: FreezeStatus, alive: frozenset[str]
) -> GateContext:
    capacity = environment.max_concurrent_deployments
    waits = deployment.status is DeploymentStatus.PENDING and any(
        claim.deployment_id == deployment.id for claim in claims.waiting
    )
    standing = (
        admission.queue_position(deployment.id, claims.active, claims.waiting, capacity, frozen=freeze.frozen)
        if waits
        else None
    )
    return GateContext(
        queue_position=standing,
        freeze=freeze if freeze.frozen and deployment.freeze_override_reason is None else None,
        capacity=capacity,
        pools=environment.pools,
        alive=alive,
        before_approval=types_before_approval(deployment, environment.approval_policy),
    )


async def of_plan(
    runtime: Runtime, environments: Sequence[Environment], application_ids: Sequence[str], *, overrides: bool = False
) -> tuple[Blocker, ...]:
    """Return what would keep new deployments of the applications from starting in the environments.

    `overrides` tells that they would override a freeze.
    """
    ids = [environment.id for environment in environments]
    claims = await admission_store.claims(ids)
    alive = await _alive(runtime, environments)
    freezes = await statuses(runtime, ids)
    mine = admission.Claim("", tuple(application_ids), overrides)
    found: list[Blocker] = []
    for environment in environments:
        known, capacity = claims[environment.id], environment.max_concurrent_deployments
        freeze = freezes[environment.id]
        waiting = [*known.waiting, mine]
        situation = GateContext(
            queue_position=admission.queue_position("", known.active, waiting, capacity, frozen=freeze.frozen),
            freeze=freeze if freeze.frozen and not overrides else None,
            capacity=capacity,
            pools=environment.pools,
            alive=alive,
        )
        found += gate.plan_blockers(situation)
    return tuple(found)
