"""Rollouts: the shapes that strategies ask for, and the way back from any of them.

Every function begins with what is there, and repeats nothing that is so already: who is called after a crash goes on.
The order of steps keeps as many healthy replicas, of either version, as are asked for: what grows grows first.
"""

import asyncio
from functools import partial

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import drift, replicas, tracks, update_strategy, workloads
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
    annotation,
    image_of,
    replicas_of,
    with_image,
    with_replicas,
)
from app.core.moved_workload import MovedWorkload
from app.core.strategy.model import Shape, StrategyKind
from app.gateways.operators.kubernetes import budgets, in_place, track_labels, traffic
from app.gateways.operators.kubernetes.capacity import Capacity, beside, is_idle, kept_manner, trade
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, ROUTES, SERVICES
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.workload import ClusterWorkload, StuckError, stuck_if


async def bring(moving: ClusterWorkload, shape: Shape) -> Outcome:
    """Give the workload a shape and return once all of it is ready, or can not become so."""
    try:
        await _begin(moving, shape)
        if moving.is_in_place:
            await in_place.bring(moving, shape)
        elif shape.kind is StrategyKind.BLUE_GREEN:
            await _blue_green(moving, shape)
        elif shape.finished or is_whole(shape):
            await _complete(moving, shape)
        else:
            await _share(moving, shape)
    except (StuckError, ClusterRefusedError) as error:
        return Outcome(Ending.FAILED, str(error))
    return Outcome(Ending.SUCCEEDED)


def is_whole(shape: Shape) -> bool:
    """Return whether the base itself runs the new version, rather than a set beside it."""
    return shape.finished or (shape.kind is StrategyKind.ROLLING and shape.updated >= shape.total)


async def take_back(moving: ClusterWorkload, shape: Shape) -> Outcome:
    """Bring back what ran before, and remove what the rollout made."""
    try:
        base = await moving.base()
        if moving.recall(base) is None:
            await moving.say(f"{moving.what} was not changed by this deployment.")
            return Outcome(Ending.SUCCEEDED)
        if moving.is_in_place:
            return await in_place.take_back(moving)
        await track_labels.resume(moving, base)
        return await _take_back(moving, base, shape)
    except (StuckError, ClusterRefusedError) as error:
        return Outcome(Ending.FAILED, str(error))


async def _claim(moving: ClusterWorkload) -> None:
    """Mark all that the target names as the application's, once nothing of it is another's. Raises StuckError."""
    target = moving.target
    wanted = ((moving.kind or DEPLOYMENTS, target.workload), (SERVICES, target.service), (ROUTES, target.http_route))
    there = [(kind, found) for kind, name in wanted if name and (found := await moving.get(kind, name))]
    for kind, found in there:
        moving.owned(kind, found)
    for kind, found in there:
        await moving.change(kind, name_of(found), partial(moving.owned, kind))


async def _begin(moving: ClusterWorkload, shape: Shape) -> None:
    """Keep what is needed to go back, before anything changes. Raises StuckError where people interfere."""
    base, work = await moving.base(), moving.workload
    kind = moving.kind or DEPLOYMENTS
    moving.owned(kind, base)
    await track_labels.resume(moving, base)
    if moving.recall(base) is not None:
        stuck_if(moving.image_fault(base))
        return
    found = image_of(base, moving.target.container)
    if work.previous_image and found not in (work.previous_image, work.image):
        await moving.say(
            f"WARN: {moving.name} runs {found}, which Boreas did not bring (that was {work.previous_image});"
            " going back will bring it again."
        )
    await _tell(moving, found, shape)
    await _claim(moving)
    if not moving.is_in_place:
        await _tidy(moving, base, shape.total)
        base = await moving.base()
    previous = work.previous_image if found == work.image and work.previous_image else found
    size = None if moving.is_in_place or await moving.is_scaled() else replicas_of(base)
    await work.store.save(MovedWorkload(work.deployment_id, previous, shape.total, found, size))
    notes = {ROLLOUT_OF: work.deployment_id, PREVIOUS_IMAGE: previous, REPLICAS: str(shape.total)}
    sized = {} if moving.is_in_place else {SET_REPLICAS: str(replicas_of(base))}
    await moving.change(kind, moving.name, lambda seen: annotated(seen, notes | sized))


async def _tell(moving: ClusterWorkload, found: str | None, shape: Shape) -> None:
    """Tell of a rollout that replaces no pod, or of which nobody will see one."""
    if shape.total == 0:
        await moving.say(f"WARN: {moving.name} has 0 replicas: it is changed, and no pod runs it until it is scaled.")
    if found == moving.workload.image and not moving.target.restart:
        await moving.say(
            f"WARN: {moving.name} runs the image {found} already, so its pods stay as they are. Where its tag has"
            " moved, or they are to start anew, deploy with restart: true."
        )


async def _tidy(moving: ClusterWorkload, base: Object, total: int) -> None:
    """Remove what an earlier rollout left beside the base when it was ended half way; the base is made whole first."""
    is_short = replicas_of(base) < total and not await moving.is_scaled()
    if not (await beside(moving) or is_short):
        await traffic.release(moving)
        await budgets.join(moving)
        return
    await moving.say("An earlier rollout was left half way; removing what it made.")
    await moving.change(DEPLOYMENTS, moving.name, lambda seen: annotated(seen, {SET_REPLICAS: None}))
    if is_short:
        await _grow(moving, total)
    await moving.settled(moving.name, Capacity(moving, total).make)
    await traffic.unsplit(moving, back=True)
    await traffic.switch_back(moving)
    stuck_if(await _clear(moving))


async def _grow(moving: ClusterWorkload, total: int) -> None:
    """Give the base its full size, and take from what stands beside it where there is no room for both."""
    base = await moving.base()
    there = [each for each in await beside(moving) if replicas_of(each)]
    if there and update_strategy.forbids_surge(base, kept_manner(moving, base)):
        await trade(moving, total, (moving.name, total), (name_of(there[0]), 0), partial(moving.scale, moving.name))
    else:
        await moving.scale(moving.name, total, Capacity(moving, total).make)


async def _second(moving: ClusterWorkload, track: str, size: int, watch_seconds: int) -> str:
    """Bring a second Deployment to a size, on the new image, and wait until it is available. Return its name."""
    base, name = await moving.base(), f"{moving.name}-{track}"
    there = await moving.get(DEPLOYMENTS, name)
    service = await moving.get(SERVICES, moving.target.service) if moving.target.service else None
    own = tracks.restored_selector(service) if service else {}
    is_old = there is not None and moving.is_of_this(there) and bool(own) and tracks.is_legacy(there, own)
    body = with_image(
        workloads.second_deployment(
            base, track, moving.marks, workloads.legacy_selector(own, track) if is_old else None
        ),
        moving.target.container,
        moving.workload.image,
    )
    if moving.target.restart:
        body = workloads.restarted(body, moving.workload.deployment_id)
    if watch_seconds:
        body["spec"]["minReadySeconds"] = watch_seconds
    if there is not None and moving.is_of_this(there) and await moving.is_scaled():
        size = max(size, int(annotation(there, SET_REPLICAS) or 0))
    if there is None and moving.moved is not None and moving.moved.beside:
        await moving.say(f"WARN: somebody deleted {name} meanwhile; it is made again.")
    if there is None or replicas_of(there) != size or image_of(there, moving.target.container) != moving.workload.image:
        await moving.say(f"Bringing {moving.workload.image} to {size} replicas of {name}.")

    def meddled(seen: Object) -> str | None:
        fault = drift.image(seen, moving.target.container, moving.workload.image)
        return fault or (drift.replicas(seen) if replicas_of(seen) != size else None)

    await moving.make(DEPLOYMENTS, with_replicas(body, size), meddled)
    await moving.keep(beside=size)
    await traffic.show(moving, track)
    await moving.settled(name)
    return name


async def _share(moving: ClusterWorkload, shape: Shape) -> None:
    """Let some replicas carry the new version beside the old ones; with a route, give them their share of traffic."""
    routed = moving.target.http_route is not None and shape.kind is StrategyKind.CANARY
    fixed = routed or await moving.is_scaled()
    base, name, left = await moving.base(), f"{moving.name}-{CANARY}", shape.total - shape.updated
    there = await moving.get(DEPLOYMENTS, name)
    if not fixed and there is not None and replicas_of(there) > shape.updated:
        await moving.scale(moving.name, left)
        await moving.settled(moving.name)
    if routed:
        await traffic.part(moving, CANARY)
    bring_second = partial(_second, moving, CANARY, watch_seconds=shape.watch_seconds)
    if not fixed and update_strategy.forbids_surge(base, kept_manner(moving, base)):
        await trade(moving, shape.total, (name, shape.updated), (moving.name, left), bring_second)
    await bring_second(shape.updated)
    if not fixed:
        await moving.scale(moving.name, left)
    if routed:
        await traffic.split(moving, round(shape.weight * workloads.WEIGHT_UNIT))


async def _complete(moving: ClusterWorkload, shape: Shape) -> None:
    """Let the base run the new version in full, and then remove what stood beside it."""
    base, room = await moving.base(), Capacity(moving, shape.total)
    now, is_more = replicas_of(base), moving.size_fault(base) if replicas_of(base) >= shape.total else None
    size = shape.total if await _is_sized(moving, is_more) else None
    again = moving.target.restart
    if now and size is not None and await is_idle(moving):
        await moving.scale(moving.name, now := 0)
        await moving.settled(moving.name)
    await moving.run(moving.workload.image, size if now == 0 else None, shape.watch_seconds, again=again)
    await moving.settled(moving.name, room.make)
    if size is not None and replicas_of(await moving.base()) < size:
        await _grow(moving, size)
    elif size is not None:
        await moving.scale(moving.name, size)
    await moving.raise_to(await _floor(moving))
    await moving.settled(moving.name, room.make)
    await traffic.unsplit(moving, back=False)
    await traffic.switch(moving, None)
    await _clear(moving)
    if shape.finished:
        manner = moving.moved.manner if moving.moved else None
        notes = {SET_REPLICAS: None, ROOM_MADE: None}
        await moving.change(
            DEPLOYMENTS, moving.name, lambda seen: annotated(update_strategy.with_own_strategy(seen, manner), notes)
        )
        await moving.keep(over=True, size=None, sizes_before=(), beside=None, manner=None)


async def _floor(moving: ClusterWorkload) -> int:
    """Return with how many replicas a base can take the traffic back that an autoscaler sizes: as many as serve now."""
    if not await moving.is_scaled() or not await traffic.is_away(moving):
        return 0
    return max((replicas_of(each) for each in await beside(moving)), default=0)


async def _is_sized(moving: ClusterWorkload, meddled: str | None) -> bool:
    """Return whether it is for this rollout to say how many replicas the base has: not once it has ended."""
    if moving.moved is None or moving.moved.size is None or await moving.is_scaled():
        return False
    if meddled:
        await moving.say(f"WARN: {meddled}.")
    return meddled is None


async def _clear(moving: ClusterWorkload) -> str | None:
    """Remove what stood beside the base, once traffic has left it. Return why something has to stay."""
    there = await beside(moving)
    if there:
        await asyncio.sleep(moving.pace.settle)
    service = await moving.get(SERVICES, moving.target.service) if moving.target.service else None
    base, fault = await moving.base(), None
    for each in there:
        if service and workloads.depends_on(service, each, base):
            fault = f"Service {moving.target.service} selects the pods of {name_of(each)}, which is left"
            continue
        await moving.remove(DEPLOYMENTS, name_of(each))
    if fault is None:
        await traffic.release(moving)
        await budgets.join(moving)
        for track in (CANARY, PREVIEW) if moving.target.service else ():
            await moving.remove(SERVICES, f"{moving.target.service}-{track}")
    return fault


async def _blue_green(moving: ClusterWorkload, shape: Shape) -> None:
    if shape.finished:
        await _complete(moving, shape)
        return
    await traffic.part(moving, PREVIEW)
    await budgets.part(moving, PREVIEW)
    size = max(shape.total, replicas_of(await moving.base())) if await moving.is_scaled() else shape.total
    await _second(moving, PREVIEW, size, shape.watch_seconds)
    if shape.switched:
        await budgets.protect(moving, PREVIEW)
        await traffic.switch(moving, PREVIEW)


async def _take_back(moving: ClusterWorkload, base: Object, shape: Shape) -> Outcome:
    moved, found = moving.moved, image_of(base, moving.target.container)
    previous = moved.previous if moved else None
    known = (previous, moving.workload.image, *(moved.images if moved else ()))
    fault = drift.image(base, moving.target.container, *known)
    left, floor, room = None, await _floor(moving), Capacity(moving, shape.total)
    ready = min(replicas_of(base), replicas.replica_status(base).available)
    if found == previous and replicas_of(base) >= shape.total and ready >= floor:
        await traffic.unsplit(moving, back=True)
        left = await traffic.switch_back(moving)
    is_sized = await _is_sized(moving, moving.size_fault(base))
    size = moved.wanted if moved and is_sized else None
    if fault:
        await moving.say(f"WARN: {fault}.")
        moving.is_judged = False
    else:
        await moving.keep(image=found, images_before=())
    if not fault and previous and found != previous:
        await moving.say(f"Bringing {previous} back to {moving.name}.")
        await moving.run(previous, size if replicas_of(base) == 0 else None)
        await moving.settled(moving.name, room.make)
    if size is not None and replicas_of(await moving.base()) < size:
        await _grow(moving, size)
    await moving.raise_to(floor)
    await moving.settled(moving.name, room.make)
    await traffic.unsplit(moving, back=True)
    left = await traffic.switch_back(moving) or left
    left = await _clear(moving) or left
    notes = {ROLLOUT_OF: None, REPLICAS: None, SET_REPLICAS: None, ROOM_MADE: None}
    manner = moved.manner if moved else None
    await moving.change(
        DEPLOYMENTS, moving.name, lambda seen: annotated(update_strategy.with_own_strategy(seen, manner), notes)
    )
    await moving.workload.store.save(None)
    return Outcome(Ending.LEFT, fault or left) if fault or left else Outcome(Ending.SUCCEEDED)
