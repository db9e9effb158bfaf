"""Rollouts: the shapes that strategies ask for, and the way back from any of them.

Every function begins with what is there, and repeats nothing that is so already: who is called after a crash goes on.
The order of steps keeps as many healthy replicas, of either version, as are asked for: what grows grows first.
"""

import asyncio

from app.core import workloads
from app.core.attempt import Ending, Outcome
from app.core.manifests import Object
from app.core.strategy import Shape, StrategyKind
from app.core.workloads import FOR, PREVIOUS, REPLICAS, image_of, note, noted, replicas_of, with_image, with_replicas
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, ROUTES, SERVICES
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.moving import Moving, StuckError

CANARY, PREVIEW = "canary", "preview"


async def bring(moving: Moving, shape: Shape) -> Outcome:
    """Give the workload a shape and return once all of it is ready, or can not become so."""
    try:
        await _begin(moving, shape)
        if shape.kind is StrategyKind.BLUE_GREEN:
            await _blue_green(moving, shape)
        elif shape.finished or (shape.kind is StrategyKind.ROLLING and shape.updated >= shape.total):
            await _complete(moving, shape)
        else:
            await _share(moving, shape)
    except (StuckError, ClusterRefusedError) as error:
        return Outcome(Ending.FAILED, str(error))
    return Outcome(Ending.SUCCEEDED)


async def take_back(moving: Moving, shape: Shape) -> Outcome:
    """Bring back what ran before, and remove what the rollout made."""
    try:
        base = await moving.base()
        if note(base, FOR) != moving.workload.deployment_id:
            await moving.say(f"Deployment {moving.name} was not changed by this deployment.")
            return Outcome(Ending.SUCCEEDED)
        return await _take_back(moving, base, shape)
    except (StuckError, ClusterRefusedError) as error:
        return Outcome(Ending.FAILED, str(error))


async def _begin(moving: Moving, shape: Shape) -> None:
    """Keep on the base what is needed to go back, before anything changes. Raises StuckError where people interfere."""
    base, work = await moving.base(), moving.workload
    found = image_of(base, moving.target.container)
    if note(base, FOR) == work.deployment_id:
        if found not in (work.image, note(base, PREVIOUS)):
            raise StuckError(f"somebody changed the image of {moving.name} to {found} meanwhile; it is left so")
        return
    if work.previous_image and found not in (work.previous_image, work.image):
        await moving.say(
            f"WARN: {moving.name} runs {found}, which Boreas did not bring (that was {work.previous_image});"
            " going back will bring it again."
        )
    await _tidy(moving, base)
    previous = work.previous_image if found == work.image and work.previous_image else found
    notes = {FOR: work.deployment_id, PREVIOUS: previous, REPLICAS: str(shape.total)}
    await moving.change(DEPLOYMENTS, moving.name, lambda seen: noted(seen, notes))


async def _tidy(moving: Moving, base: Object) -> None:
    """Remove what an earlier rollout left beside the base when it was ended half way; the base is made whole first."""
    beside = [f"{moving.name}-{track}" for track in (CANARY, PREVIEW)]
    if not any([await moving.get(DEPLOYMENTS, name) for name in beside]):
        return
    await moving.say("An earlier rollout was left half way; removing what it made.")
    kept = note(base, REPLICAS)
    if kept is not None and replicas_of(base) < int(kept) and not await moving.is_scaled():
        await moving.scale(moving.name, int(kept))
    await moving.settled(moving.name)
    await _unsplit(moving)
    await _switch(moving, None)
    await _clear(moving)


async def _second(moving: Moving, track: str, size: int, watch_seconds: int, selector: dict[str, str] | None) -> str:
    """Bring a second Deployment to a size, on the new image, and wait until it is available. Return its name."""
    base = await moving.base()
    body = with_image(
        workloads.second(base, track, moving.marks, selector), moving.target.container, moving.workload.image
    )
    if watch_seconds:
        body["spec"]["minReadySeconds"] = watch_seconds
    name = str(body["metadata"]["name"])
    there = await moving.get(DEPLOYMENTS, name)
    if there is None or replicas_of(there) != size or image_of(there, moving.target.container) != moving.workload.image:
        await moving.say(f"Bringing {moving.workload.image} to {size} replicas of {name}.")
    await moving.make(DEPLOYMENTS, with_replicas(body, size))
    await moving.settled(name)
    return name


async def _share(moving: Moving, shape: Shape) -> None:
    """Let some replicas carry the new version beside the old ones; with a route, give them their share of traffic."""
    routed = moving.target.http_route is not None and shape.kind is StrategyKind.CANARY
    fixed = routed or await moving.is_scaled()
    there = await moving.get(DEPLOYMENTS, f"{moving.name}-{CANARY}")
    if not fixed and there is not None and replicas_of(there) > shape.updated:
        await moving.scale(moving.name, shape.total - shape.updated)
        await moving.settled(moving.name)
    selector = await _selector(moving, CANARY) if routed else None
    await _second(moving, CANARY, shape.updated, shape.watch_seconds, selector)
    if not fixed:
        await moving.scale(moving.name, shape.total - shape.updated)
    if selector is not None:
        await _split(moving, selector, round(shape.weight * workloads.WHOLE))


async def _selector(moving: Moving, track: str) -> dict[str, str]:
    """Return whom the second set's own traffic selects. Raises StuckError."""
    if moving.target.service is None:
        raise StuckError("its application names no service whose traffic could be steered")
    own = workloads.own_selector(await moving.need(SERVICES, moving.target.service))
    if not own:
        raise StuckError(f"Service {moving.target.service} selects no pods by labels")
    return workloads.apart(own, track)


async def _split(moving: Moving, selector: dict[str, str], share: int) -> None:
    """Give hundredths of the traffic to the canary."""
    service, route = str(moving.target.service), str(moving.target.http_route)
    beside = f"{service}-{CANARY}"
    body = await moving.need(SERVICES, service)
    await moving.make(SERVICES, workloads.service_beside(body, beside, moving.marks, selector))
    await moving.need(ROUTES, route)
    before = await moving.get(ROUTES, route)
    after = await moving.change(ROUTES, route, lambda seen: workloads.weighted(seen, service, beside, share))
    if before != after:
        await moving.say(f"HTTPRoute {route} gives {share} % of the traffic to {beside}.")


async def _unsplit(moving: Moving) -> None:
    """Give all traffic to the base."""
    if moving.target.http_route is None or moving.target.service is None:
        return
    service = moving.target.service
    if await moving.get(ROUTES, moving.target.http_route) is not None:
        await moving.change(
            ROUTES, moving.target.http_route, lambda seen: workloads.weighted(seen, service, f"{service}-{CANARY}", 0)
        )


async def _complete(moving: Moving, shape: Shape) -> None:
    """Let the base run the new version in full, and then remove what stood beside it."""
    size = None if await moving.is_scaled() else shape.total
    now = replicas_of(await moving.base())
    await moving.run(moving.workload.image, size if now == 0 else None, shape.watch_seconds)
    if size is not None:
        await moving.scale(moving.name, size)
    await moving.settled(moving.name)
    await _unsplit(moving)
    await _switch(moving, None)
    await _clear(moving)
    if shape.finished:
        await moving.change(DEPLOYMENTS, moving.name, workloads.in_its_own_manner)


async def _clear(moving: Moving) -> None:
    """Remove what stood beside the base, once traffic has left it."""
    beside = [f"{moving.name}-{track}" for track in (CANARY, PREVIEW)]
    there = [name for name in beside if await moving.get(DEPLOYMENTS, name) is not None]
    if there:
        await asyncio.sleep(moving.pace.settle)
    for name in there:
        await moving.remove(DEPLOYMENTS, name)
    if moving.target.service is not None and moving.target.http_route is not None:
        await moving.remove(SERVICES, f"{moving.target.service}-{CANARY}")


async def _switch(moving: Moving, track: str | None) -> None:
    """Let the service select one set of pods, at once."""
    if moving.target.service is None or (service := await moving.get(SERVICES, moving.target.service)) is None:
        if track:
            raise StuckError(f"there is no Service {moving.target.service}")
        return
    if track is None and note(service, workloads.SELECTOR) is None:
        return
    if workloads.switched(service, track) != service:
        await moving.change(SERVICES, moving.target.service, lambda seen: workloads.switched(seen, track))
        await moving.say(f"Service {moving.target.service} serves the {'new' if track else 'old'} set.")


async def _blue_green(moving: Moving, shape: Shape) -> None:
    if shape.finished:
        await _complete(moving, shape)
        return
    await _second(moving, PREVIEW, shape.total, shape.watch_seconds, await _selector(moving, PREVIEW))
    if shape.switched:
        await _switch(moving, PREVIEW)


async def _take_back(moving: Moving, base: Object, shape: Shape) -> Outcome:
    previous, found = note(base, PREVIOUS), image_of(base, moving.target.container)
    foreign = found not in (previous, moving.workload.image)
    if found == previous and replicas_of(base) >= shape.total:
        await _unsplit(moving)
        await _switch(moving, None)
    size = None if await moving.is_scaled() else int(note(base, REPLICAS) or shape.total)
    if foreign:
        await moving.say(f"WARN: somebody changed the image of {moving.name} to {found} meanwhile; it is left so.")
    elif previous and found != previous:
        await moving.say(f"Bringing {previous} back to {moving.name}.")
        now = replicas_of(base)
        await moving.run(previous, size if now == 0 else None)
    if size is not None and replicas_of(base) < size:
        await moving.scale(moving.name, size)
    await moving.settled(moving.name)
    await _unsplit(moving)
    await _switch(moving, None)
    await _clear(moving)
    await moving.change(
        DEPLOYMENTS, moving.name, lambda seen: noted(workloads.in_its_own_manner(seen), {FOR: None, REPLICAS: None})
    )
    return (
        Outcome(Ending.LEFT, f"its image was changed to {found} by somebody") if foreign else Outcome(Ending.SUCCEEDED)
    )
