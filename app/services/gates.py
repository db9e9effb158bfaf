"""Gates: why deployments and tasks wait, computed from what is stored."""

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


async def gate_contexts(runtime: Runtime, deployments: Sequence[Deployment]) -> list[GateContext]:
    """Return the gate context of each deployment, in a constant number of queries."""
    environment_ids = list({deployment.environment_id for deployment in deployments})
    environments = await environment_store.by_ids(environment_ids)
    claims = await admission_store.claims(environment_ids)
    alive = await _served_pools(runtime, list(environments.values()))
    freezes = await statuses(runtime, environment_ids)
    approvals = await approval_store.pending_of([deployment.id for deployment in deployments])
    contexts: list[GateContext] = []
    for deployment in deployments:
        id_ = deployment.environment_id
        context = _gate_context(deployment, environments[id_], claims[id_], freezes[id_], alive)
        contexts.append(replace(context, approvals=approvals[deployment.id]))
    return contexts


async def _served_pools(runtime: Runtime, environments: Sequence[Environment]) -> frozenset[str]:
    """Return those pools of the environments that a live worker serves."""
    since = runtime.clock.now() - timedelta(seconds=runtime.alive_seconds)
    pools = {pool for environment in environments for pool in environment.pools.all}
    return frozenset(await workers.served_pools(list(pools), since))


def _gate_context(
    deployment: Deployment, environment: Environment, claims: Claims, freeze: FreezeStatus, alive: frozenset[str]
) -> GateContext:
    capacity = environment.max_concurrent_deployments
    queued = deployment.status is DeploymentStatus.PENDING and any(
        claim.deployment_id == deployment.id for claim in claims.waiting
    )
    return GateContext(
        queue_position=(
            admission.queue_position(deployment.id, claims.active, claims.waiting, capacity, frozen=freeze.frozen)
            if queued
            else None
        ),
        freeze=freeze if freeze.frozen and deployment.freeze_override_reason is None else None,
        capacity=capacity,
        pools=environment.pools,
        alive=alive,
        before_approval=types_before_approval(deployment, environment.approval_policy),
    )


async def plan_blockers(
    runtime: Runtime, environments: Sequence[Environment], application_ids: Sequence[str], *, overrides: bool = False
) -> tuple[Blocker, ...]:
    """Return what would block new deployments of the applications to the environments.

    `overrides` tells that they would override a freeze.
    """
    environment_ids = [environment.id for environment in environments]
    claims = await admission_store.claims(environment_ids)
    alive = await _served_pools(runtime, environments)
    freezes = await statuses(runtime, environment_ids)
    new_claim = admission.Claim("", tuple(application_ids), overrides)
    blockers: list[Blocker] = []
    for environment in environments:
        active, waiting = claims[environment.id].active, [*claims[environment.id].waiting, new_claim]
        freeze, capacity = freezes[environment.id], environment.max_concurrent_deployments
        context = GateContext(
            queue_position=admission.queue_position("", active, waiting, capacity, frozen=freeze.frozen),
            freeze=freeze if freeze.frozen and not overrides else None,
            capacity=capacity,
            pools=environment.pools,
            alive=alive,
        )
        blockers += gate.plan_blockers(context)
    return tuple(blockers)
