"""The set of replicas beside a base during a rollout: brought up, measured, and removed."""

import asyncio
from functools import partial

from app.core.kubernetes import drift, tracks, update_strategy, workloads
from app.core.kubernetes.manifests import Object, name_of
from app.core.kubernetes.workloads import (
    CANARY,
    PREVIEW,
    SET_REPLICAS,
    annotation,
    image_of,
    replicas_of,
    with_image,
    with_replicas,
)
from app.gateways.operators.kubernetes import budgets, traffic
from app.gateways.operators.kubernetes.capacity import Capacity, own_strategy, second_sets, shift_replicas
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, SERVICES
from app.gateways.operators.kubernetes.workload import ClusterWorkload


async def bring_second_set(workload: ClusterWorkload, track: str, size: int, watch_seconds: int) -> str:
    """Scale a second Deployment with the new image to a size, and wait until it is available. Return its name.

    It is created where there is none. Raises StuckError.
    """
    name = f"{workload.name}-{track}"
    image, container = workload.rollout.image, workload.target.container
    current = await workload.get(DEPLOYMENTS, name)
    body = await _second_set_body(workload, track, current, watch_seconds)
    if current is not None and workload.is_of_rollout(current) and await workload.is_scaled():
        size = max(size, int(annotation(current, SET_REPLICAS) or 0))
    if current is None and workload.moved is not None and workload.moved.beside:
        await workload.log(f"WARN: somebody deleted {name} during the rollout; it is created again.")
    if current is None or replicas_of(current) != size or image_of(current, container) != image:
        await workload.log(f"Bringing {image} to {size} replicas of {name}.")

    def drift_check(current: Object) -> str | None:
        fault = drift.image(current, container, image)
        return fault or (drift.replicas(current) if replicas_of(current) != size else None)

    await workload.ensure(DEPLOYMENTS, with_replicas(body, size), drift_check)
    await workload.save(beside=size)
    await traffic.expose(workload, track)
    await workload.wait_until_ready(name)
    return name


async def _second_set_body(workload: ClusterWorkload, track: str, current: Object | None, watch_seconds: int) -> Object:
    """Return the Deployment of a second set. One that an older release created keeps its selector."""
    base = await workload.base()
    service = await workload.get(SERVICES, workload.target.service) if workload.target.service else None
    selector = tracks.restored_selector(service) if service else {}
    is_legacy = (
        current is not None
        and workload.is_of_rollout(current)
        and bool(selector)
        and tracks.is_legacy(current, selector)
    )
    legacy_selector = workloads.legacy_selector(selector, track) if is_legacy else None
    body = workloads.second_deployment(base, track, workload.labels, legacy_selector)
    body = with_image(body, workload.target.container, workload.rollout.image)
    if workload.target.restart:
        body = workloads.restarted(body, workload.rollout.deployment_id)
    if watch_seconds:
        body["spec"]["minReadySeconds"] = watch_seconds
    return body


async def grow_base(workload: ClusterWorkload, total: int) -> None:
    """Scale the base to its full size, and shrink the second set meanwhile where there is no room for both."""
    base = await workload.base()
    sets = [second for second in await second_sets(workload) if replicas_of(second)]
    if sets and update_strategy.forbids_surge(base, own_strategy(workload, base)):
        up, down = (workload.name, total), (name_of(sets[0]), 0)
        await shift_replicas(workload, total, up, down, partial(workload.scale, workload.name))
    else:
        await workload.scale(workload.name, total, Capacity(workload, total).make_room)


async def replicas_serving_beside(workload: ClusterWorkload) -> int:
    """Return how many replicas serve beside a base that an autoscaler sizes: as many as it needs to take over."""
    if not await workload.is_scaled() or not await traffic.is_shifted(workload):
        return 0
    return max((replicas_of(second) for second in await second_sets(workload)), default=0)


async def controls_size(workload: ClusterWorkload, size_drift: str | None) -> bool:
    """Return whether the rollout decides the size of the base: no autoscaler, no person, and not once it has ended."""
    if workload.moved is None or workload.moved.size is None or await workload.is_scaled():
        return False
    if size_drift:
        await workload.log(f"WARN: {size_drift}.")
    return size_drift is None


async def remove_second_sets(workload: ClusterWorkload) -> str | None:
    """Remove the sets beside the base, once traffic has left them. Return why something has to stay."""
    sets = await second_sets(workload)
    if sets:
        await asyncio.sleep(workload.intervals.settle_seconds)
    service = await workload.get(SERVICES, workload.target.service) if workload.target.service else None
    base, fault = await workload.base(), None
    for second in sets:
        if service and workloads.depends_on(service, second, base):
            fault = f"Service {workload.target.service} selects the pods of {name_of(second)}, so that was not removed"
            continue
        await workload.remove(DEPLOYMENTS, name_of(second))
    if fault is None:
        await traffic.restore_selector(workload)
        await budgets.restore(workload)
        for track in (CANARY, PREVIEW) if workload.target.service else ():
            await workload.remove(SERVICES, f"{workload.target.service}-{track}")
    return fault
