"""Looking at what was brought while it is watched: whether its pods have served all the time since."""

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import pods, replicas
from app.core.kubernetes.manifests import Object, is_terminating, name_of
from app.core.kubernetes.workloads import CANARY, PREVIEW
from app.core.strategy.model import Shape, StrategyKind
from app.gateways.operators.kubernetes import rollouts
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.workload import ClusterWorkload, StuckError


async def brought(moving: ClusterWorkload, shape: Shape) -> None:
    """Keep how the pods stand that were just brought, so that it can be told later what happened to them since."""
    carrier = await _carrier(moving, shape)
    if carrier is not None and moving.moved is not None:
        since, restarts = pods.readiness_baseline(await moving.pods(carrier))
        await moving.keep(ready_since=since, restarts=restarts)


async def look(moving: ClusterWorkload, shape: Shape) -> Outcome:
    """Return what has become of a shape that was brought, and is watched: it may have been changed, or not served.

    What somebody deleted is made again.
    """
    try:
        base = await moving.base()
        fault = moving.image_fault(base)
        carrier = await _carrier(moving, shape)
        if fault is None and carrier is None:
            return await rollouts.bring(moving, shape)
        if fault is None and carrier is not None and not moving.is_in_place:
            fault = moving.size_fault(carrier) if name_of(carrier) != moving.name else None
        if fault is None and carrier is not None:
            fault = await _fault(moving, carrier)
    except (StuckError, ClusterRefusedError) as error:
        fault = str(error)
    return Outcome(Ending.FAILED, fault) if fault else Outcome(Ending.SUCCEEDED)


async def _carrier(moving: ClusterWorkload, shape: Shape) -> Object | None:
    """Return what carries the new version in a shape: the base, or what stands beside it; None where that is gone."""
    if moving.is_in_place or rollouts.is_whole(shape):
        return await moving.base()
    if shape.updated == 0 and shape.kind is not StrategyKind.BLUE_GREEN:
        return await moving.base()
    track = PREVIEW if shape.kind is StrategyKind.BLUE_GREEN else CANARY
    found = await moving.get(DEPLOYMENTS, f"{moving.name}-{track}")
    return None if found is None or is_terminating(found) else found


async def _fault(moving: ClusterWorkload, carrier: Object) -> str | None:
    """Return what is wrong with pods that were ready when they were brought."""
    moved = moving.moved
    if moved is None:
        return None
    found = await moving.pods(carrier)
    told = pods.disturbance(found, moved.ready_since, moved.restarts)
    if told is None:
        return None
    at = replicas.replica_status(carrier)
    count = "" if moving.is_in_place else f"; {at.available} of {at.wanted} replicas are available"
    return f"{name_of(carrier)} does not serve as it did when it was brought: {told}{count}"
