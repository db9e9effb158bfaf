"""Checks of a workload between batches: whether its new pods have served without a break since they were ready."""

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import pods, replicas
from app.core.kubernetes.manifests import Object, is_terminating, name_of
from app.core.kubernetes.workloads import CANARY, PREVIEW
from app.core.strategy.model import Shape, StrategyKind
from app.gateways.operators.kubernetes import rollouts
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.workload import ClusterWorkload, StuckError


async def save_baseline(workload: ClusterWorkload, shape: Shape) -> None:
    """Store since when the new pods are ready and how often they restarted, for later checks to compare with."""
    updated = await _updated_workload(workload, shape)
    if updated is not None and workload.moved is not None:
        since, restarts = pods.readiness_baseline(await workload.pods(updated))
        await workload.save(ready_since=since, restarts=restarts)


async def check(workload: ClusterWorkload, shape: Shape) -> Outcome:
    """Return FAILED where the workload drifted, or its new pods stopped serving, since the baseline.

    A second set that somebody deleted is created again.
    """
    try:
        base = await workload.base()
        fault = workload.image_drift(base)
        updated = await _updated_workload(workload, shape)
        if fault is None and updated is None:
            return await rollouts.apply(workload, shape)
        if fault is None and updated is not None and not workload.is_in_place:
            fault = workload.size_drift(updated) if name_of(updated) != workload.name else None
        if fault is None and updated is not None:
            fault = await _disturbance(workload, updated)
    except (StuckError, ClusterRefusedError) as error:
        fault = str(error)
    return Outcome(Ending.FAILED, fault) if fault else Outcome(Ending.SUCCEEDED)


async def _updated_workload(workload: ClusterWorkload, shape: Shape) -> Object | None:
    """Return what runs the new version in a shape: the base or a second set; None where that was deleted."""
    if workload.is_in_place or rollouts.is_whole(shape):
        return await workload.base()
    if shape.updated == 0 and shape.kind is not StrategyKind.BLUE_GREEN:
        return await workload.base()
    track = PREVIEW if shape.kind is StrategyKind.BLUE_GREEN else CANARY
    second = await workload.get(DEPLOYMENTS, f"{workload.name}-{track}")
    return None if second is None or is_terminating(second) else second


async def _disturbance(workload: ClusterWorkload, updated: Object) -> str | None:
    """Return how pods that were ready at the baseline stopped serving; None where they did not."""
    moved = workload.moved
    if moved is None:
        return None
    disturbance = pods.disturbance(await workload.pods(updated), moved.ready_since, moved.restarts)
    if disturbance is None:
        return None
    status = replicas.replica_status(updated)
    count = "" if workload.is_in_place else f"; {status.available} of {status.wanted} replicas are available"
    return f"{name_of(updated)} does not serve as it did when it was brought: {disturbance}{count}"
