"""Rollouts of a workload: the shapes that strategies ask for.

Every function reads the current state first and repeats nothing, so that another worker can continue after a crash.
What grows grows first, so that as many healthy replicas as asked for, of either version, always serve.
"""

from functools import partial

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import update_strategy, workloads
from app.core.kubernetes.manifests import Object, name_of
from app.core.kubernetes.workloads import (
    CANARY,
    PREVIEW,
    PREVIOUS_IMAGE,
    REPLICAS,
    ROLLOUT_OF,
    ROOM_MADE,
    SET_REPLICAS,
    annotated,
    image_of,
    replicas_of,
)
from app.core.moved_workload import MovedWorkload
from app.core.strategy.model import Shape, StrategyKind
from app.gateways.operators.kubernetes import budgets, in_place, track_labels, traffic
from app.gateways.operators.kubernetes.capacity import Capacity, is_idle, own_strategy, second_sets, shift_replicas
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, ROUTES, SERVICES
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.second_sets import (
    bring_second_set,
    controls_size,
    grow_base,
    remove_second_sets,
    replicas_serving_beside,
)
from app.gateways.operators.kubernetes.workload import ClusterWorkload, StuckError, stuck_if


async def apply(workload: ClusterWorkload, shape: Shape) -> Outcome:
    """Give the workload a shape. Return once all of it is ready, or cannot become ready."""
    try:
        await _begin(workload, shape)
        if workload.is_in_place:
            await in_place.apply(workload, shape)
        elif shape.kind is StrategyKind.BLUE_GREEN:
            await _blue_green(workload, shape)
        elif shape.finished or is_whole(shape):
            await _complete(workload, shape)
        else:
            await _share(workload, shape)
    except (StuckError, ClusterRefusedError) as error:
        return Outcome(Ending.FAILED, str(error))
    return Outcome(Ending.SUCCEEDED)


def is_whole(shape: Shape) -> bool:
    """Return whether the base itself runs the new version, rather than a set beside it."""
    return shape.finished or (shape.kind is StrategyKind.ROLLING and shape.updated >= shape.total)


async def _begin(workload: ClusterWorkload, shape: Shape) -> None:
    """Store what a rollback needs, before anything changes. Raises StuckError where the workload has drifted."""
    base, rollout = await workload.base(), workload.rollout
    kind = workload.kind or DEPLOYMENTS
    workload.mark_owned(kind, base)
    await track_labels.resume(workload, base)
    if workload.restore(base) is not None:
        stuck_if(workload.image_drift(base))
        return
    image = image_of(base, workload.target.container)
    await _warn(workload, image, shape)
    await _mark_owned(workload)
    if not workload.is_in_place:
        await _remove_leftovers(workload, base, shape.total)
        base = await workload.base()
    previous = rollout.previous_image if image == rollout.image and rollout.previous_image else image
    size = None if workload.is_in_place or await workload.is_scaled() else replicas_of(base)
    await rollout.store.save(MovedWorkload(rollout.deployment_id, previous, shape.total, image, size))
    annotations = {ROLLOUT_OF: rollout.deployment_id, PREVIOUS_IMAGE: previous, REPLICAS: str(shape.total)}
    if not workload.is_in_place:
        annotations[SET_REPLICAS] = str(replicas_of(base))
    await workload.modify(kind, workload.name, lambda body: annotated(body, annotations))


async def _warn(workload: ClusterWorkload, image: str | None, shape: Shape) -> None:
    """Log what users may not expect: an image that Boreas did not bring, and a rollout that replaces no pod."""
    name, rollout = workload.name, workload.rollout
    if rollout.previous_image and image not in (rollout.previous_image, rollout.image):
        await workload.log(
            f"WARN: {name} runs {image}, which Boreas did not bring (that was {rollout.previous_image});"
            " a rollback will bring it back."
        )
    if shape.total == 0:
        await workload.log(f"WARN: {name} has 0 replicas: it is changed, and no pod runs it until it is scaled.")
    if image == rollout.image and not workload.target.restart:
        await workload.log(
            f"WARN: {name} runs the image {image} already, so its pods are not replaced."
            " If its tag has moved, or the pods should restart, deploy with restart: true."
        )


async def _mark_owned(workload: ClusterWorkload) -> None:
    """Mark all objects of the target as the application's. Raises StuckError where another application owns one."""
    target = workload.target
    names = ((workload.kind or DEPLOYMENTS, target.workload), (SERVICES, target.service), (ROUTES, target.http_route))
    objects = [(kind, body) for kind, name in names if name and (body := await workload.get(kind, name))]
    for kind, body in objects:
        workload.mark_owned(kind, body)
    for kind, body in objects:
        await workload.modify(kind, name_of(body), partial(workload.mark_owned, kind))


async def _remove_leftovers(workload: ClusterWorkload, base: Object, total: int) -> None:
    """Remove what an unfinished rollout left beside the base, after the base has its full size again."""
    is_short = replicas_of(base) < total and not await workload.is_scaled()
    if not (await second_sets(workload) or is_short):
        await traffic.restore_selector(workload)
        await budgets.restore(workload)
        return
    await workload.log("An earlier rollout did not finish; removing what it created.")
    await workload.modify(DEPLOYMENTS, workload.name, lambda body: annotated(body, {SET_REPLICAS: None}))
    if is_short:
        await grow_base(workload, total)
    await workload.wait_until_ready(workload.name, Capacity(workload, total).make_room)
    await traffic.clear_share(workload, back=True)
    await traffic.switch_back(workload)
    stuck_if(await remove_second_sets(workload))


async def _share(workload: ClusterWorkload, shape: Shape) -> None:
    """Run the new version in some replicas beside the old ones; with a route, give them their share of traffic."""
    is_routed = workload.target.http_route is not None and shape.kind is StrategyKind.CANARY
    keeps_size = is_routed or await workload.is_scaled()
    base, name, remaining = await workload.base(), f"{workload.name}-{CANARY}", shape.total - shape.updated
    second = await workload.get(DEPLOYMENTS, name)
    if not keeps_size and second is not None and replicas_of(second) > shape.updated:
        await workload.scale(workload.name, remaining)
        await workload.wait_until_ready(workload.name)
    if is_routed:
        await traffic.isolate_base(workload, CANARY)
    grow = partial(bring_second_set, workload, CANARY, watch_seconds=shape.watch_seconds)
    if not keeps_size and update_strategy.forbids_surge(base, own_strategy(workload, base)):
        await shift_replicas(workload, shape.total, (name, shape.updated), (workload.name, remaining), grow)
    await grow(shape.updated)
    if not keeps_size:
        await workload.scale(workload.name, remaining)
    if is_routed:
        await traffic.set_share(workload, round(shape.weight * workloads.WEIGHT_UNIT))


async def _blue_green(workload: ClusterWorkload, shape: Shape) -> None:
    """Bring a whole second set up, and switch traffic to it where the shape says so."""
    if shape.finished:
        await _complete(workload, shape)
        return
    await traffic.isolate_base(workload, PREVIEW)
    await budgets.exclude(workload, PREVIEW)
    size = max(shape.total, replicas_of(await workload.base())) if await workload.is_scaled() else shape.total
    await bring_second_set(workload, PREVIEW, size, shape.watch_seconds)
    if shape.switched:
        await budgets.protect(workload, PREVIEW)
        await traffic.switch(workload, PREVIEW)


async def _complete(workload: ClusterWorkload, shape: Shape) -> None:
    """Run the new version in the whole base, then remove the set beside it."""
    base, capacity = await workload.base(), Capacity(workload, shape.total)
    current = replicas_of(base)
    size_drift = workload.size_drift(base) if current >= shape.total else None
    size = shape.total if await controls_size(workload, size_drift) else None
    restart = workload.target.restart
    if current and size is not None and await is_idle(workload):
        await workload.scale(workload.name, current := 0)
        await workload.wait_until_ready(workload.name)
    first_size = size if current == 0 else None
    await workload.set_image(workload.rollout.image, first_size, shape.watch_seconds, restart=restart)
    await workload.wait_until_ready(workload.name, capacity.make_room)
    if size is not None and replicas_of(await workload.base()) < size:
        await grow_base(workload, size)
    elif size is not None:
        await workload.scale(workload.name, size)
    await workload.scale_up_to(await replicas_serving_beside(workload))
    await workload.wait_until_ready(workload.name, capacity.make_room)
    await traffic.clear_share(workload, back=False)
    await traffic.switch(workload, None)
    await remove_second_sets(workload)
    if shape.finished:
        await _finish(workload)


async def _finish(workload: ClusterWorkload) -> None:
    """Give the base its own update strategy back, and store that the rollout is over."""
    strategy = workload.moved.manner if workload.moved else None
    annotations = {SET_REPLICAS: None, ROOM_MADE: None}
    await workload.modify(
        DEPLOYMENTS,
        workload.name,
        lambda body: annotated(update_strategy.with_own_strategy(body, strategy), annotations),
    )
    await workload.save(over=True, size=None, sizes_before=(), beside=None, manner=None)
