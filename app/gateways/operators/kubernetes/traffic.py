"""Whom traffic goes to while a rollout is under way: by the selector of a Service, or by the weights of a route.

On the way on nothing that people changed meanwhile is written over. On the way back traffic has to leave what is to be
removed: what they changed is told, and taken back no further than that.
"""

from app.core.kubernetes import drift, manifests, tracks, workloads
from app.core.kubernetes.manifests import Object
from app.core.kubernetes.tracks import STABLE
from app.core.kubernetes.workloads import (
    CANARY,
    PREVIEW,
    SELECTOR,
    TRACK,
    TRAFFIC_SHARE,
    annotated,
    annotation,
    own_selector,
)
from app.gateways.operators.kubernetes import track_labels
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, ROUTES, SERVICES
from app.gateways.operators.kubernetes.workload import ClusterWorkload, StuckError, stuck_if


async def part(moving: ClusterWorkload, track: str) -> None:
    """Let the Service select the pods of the base alone, before there are others that have all their labels.

    Where the base's pods do not have its track yet, they get it first. Raises StuckError.
    """
    name = moving.target.service
    if name is None:
        raise StuckError("its application names no service whose traffic could be steered")
    service = await moving.need(SERVICES, name)
    own = tracks.restored_selector(service)
    if not own:
        raise StuckError(f"Service {name} selects no pods by labels")
    second = await moving.get(DEPLOYMENTS, f"{moving.name}-{track}")
    is_old = second is not None and moving.is_of_this(second) and tracks.is_legacy(second, own)
    if is_old or tracks.serving_track(service) not in (None, STABLE):
        return
    base = await moving.base()
    if not own.items() <= tracks.labels_of(base).items():
        told = f"Service {name} does not select the pods of Deployment {moving.name}"
        meddled = f"somebody changed whom Service {name} selects meanwhile; it is left so"
        raise StuckError(told if tracks.serving_track(service) is None else meddled)
    await track_labels.mark(moving)

    def parted(seen: Object) -> Object:
        if tracks.serving_track(seen) not in (None, STABLE):
            return seen
        own = tracks.restored_selector(seen)
        return tracks.with_serving_track(seen, STABLE, own, {**own, TRACK: STABLE})

    if await moving.change(SERVICES, name, parted) != service:
        await moving.say(f"Service {name} selects the pods of {moving.name} alone: {TRACK}={STABLE}.")


async def beside(moving: ClusterWorkload, track: str) -> tuple[str, dict[str, str]] | None:
    """Return the name of the Service that reaches the second set alone, and whom that selects; None without a Service.

    Raises StuckError.
    """
    name = moving.target.service
    service = await moving.get(SERVICES, name) if name else None
    own = tracks.restored_selector(service) if service else None
    if not name or not own:
        return None
    second = await moving.get(DEPLOYMENTS, f"{moving.name}-{track}")
    return f"{name}-{track}", tracks.track_selector(own, track, second)


async def show(moving: ClusterWorkload, track: str) -> None:
    """Make the Service that reaches the second set alone, or bring it to what it shall be; tell where it is.

    One of that name that others made stays as it is, which is told. Raises StuckError.
    """
    known = await beside(moving, track)
    if known is None:
        return
    name, selector = known
    before = await moving.get(SERVICES, name)
    if before is not None and not workloads.is_managed(before):
        await moving.say(f"WARN: there is a Service {name} that Boreas did not make: none reaches {track} alone.")
        return
    body = await moving.need(SERVICES, str(moving.target.service))
    made = workloads.second_service(body, name, {**moving.marks, TRACK: track}, selector)
    await moving.make(SERVICES, made)
    if before is None:
        ports = ", ".join(str(port["port"]) for port in made["spec"]["ports"]) or "none"
        where = f"{name}.{moving.cluster.namespace}.svc"
        await moving.say(f"Service {name} reaches {moving.name}-{track} alone: {where}, ports {ports}.")


async def reached_by(moving: ClusterWorkload, track: str | None) -> str | None:
    """Return the name of the Service by which what carries the new version is asked: that of a set beside the base.

    The application's own for None, and where there is none for the set alone; None where that has none.
    """
    own = moving.target.service
    if own is None or track is None:
        return own
    name = f"{own}-{track}"
    found = await moving.get(SERVICES, name)
    return name if found is not None and workloads.is_managed(found) else own


async def is_away(moving: ClusterWorkload) -> bool:
    """Return whether traffic of the base goes to a set beside it, by the Service or by the route."""
    service, route = moving.target.service, moving.target.http_route
    served = await moving.get(SERVICES, service) if service else None
    routed = await moving.get(ROUTES, route) if route else None
    return bool(
        (served and tracks.serving_track(served) not in (None, STABLE))
        or (routed and annotation(routed, TRAFFIC_SHARE) is not None)
    )


async def split(moving: ClusterWorkload, share: int) -> None:
    """Give hundredths of the traffic to the canary, whom its own Service selects. Raises StuckError."""
    service, route = str(moving.target.service), str(moving.target.http_route)
    beside = f"{service}-{CANARY}"
    if not workloads.is_managed(await moving.need(SERVICES, beside)):
        raise StuckError(f"there is a Service {beside} that Boreas did not make")

    def weighted(seen: Object) -> Object:
        stuck_if(drift.weights(seen, service, beside))
        return workloads.with_traffic_share(seen, service, beside, share)

    before = await moving.need(ROUTES, route)
    if await moving.change(ROUTES, route, weighted) != before:
        await moving.say(f"HTTPRoute {route} gives {share} % of the traffic to {beside}.")


async def unsplit(moving: ClusterWorkload, *, back: bool) -> None:
    """Give all traffic to the base. Raises StuckError where somebody wants it otherwise, except on the way `back`."""
    service, route = moving.target.service, moving.target.http_route
    if route is None or service is None or (found := await moving.get(ROUTES, route)) is None:
        return
    beside = f"{service}-{CANARY}"
    if back and drift.weights(found, service, beside):
        await moving.say(
            f"WARN: somebody changed the weights of HTTPRoute {route} meanwhile; all traffic goes back to {service}."
        )

    def whole(seen: Object) -> Object:
        if not back:
            stuck_if(drift.weights(seen, service, beside))
        return workloads.with_traffic_share(seen, service, beside, 0)

    await moving.change(ROUTES, route, whole)


async def switch(moving: ClusterWorkload, to: str | None) -> None:
    """Let the Service select the preview, or the base for None, at once. Raises StuckError.

    While there is a second set with the labels of the base, `release` ends what is left of that.
    """
    name = moving.target.service
    if name is None or (service := await moving.get(SERVICES, name)) is None:
        if to:
            raise StuckError(f"there is no Service {name}")
        return
    if to is None and tracks.serving_track(service) in (None, STABLE):
        return
    base, second = await moving.base(), await moving.get(DEPLOYMENTS, f"{moving.name}-{PREVIEW}")

    def switched(seen: Object) -> Object:
        stuck_if(drift.selector(seen))
        own = tracks.restored_selector(seen)
        wanted = tracks.track_selector(own, to or STABLE, second)
        there = second if to else base
        if to and (there is None or not wanted.items() <= tracks.labels_of(there).items()):
            raise StuckError(f"somebody changed whom Service {name} selects meanwhile; it is left so")
        if to is None and not wanted.items() <= tracks.labels_of(base).items():
            wanted = own
        return tracks.with_serving_track(seen, to or STABLE, own, wanted)

    if await moving.change(SERVICES, name, switched) != service:
        there = (second if to else base) or base
        image = workloads.image_of(there, moving.target.container)
        await moving.say(f"Service {name} serves {manifests.name_of(there)}, which runs {image}.")


async def release(moving: ClusterWorkload) -> None:
    """Let the Service select as when no rollout is under way: there is but one set any more."""
    name = moving.target.service
    service = await moving.get(SERVICES, name) if name else None
    if name is None or service is None or tracks.serving_track(service) is None:
        return

    def free(seen: Object) -> Object:
        return tracks.restored(seen) if tracks.serving_track(seen) in (STABLE, tracks.serving_track(service)) else seen

    await moving.change(SERVICES, name, free)


async def switch_back(moving: ClusterWorkload) -> str | None:
    """Let the Service select its own pods, unless somebody changed whom it selects: then return what is to be said."""
    name = moving.target.service
    service = await moving.get(SERVICES, name) if name else None
    fault = drift.selector(service) if service else None
    if name is None or service is None or fault is None:
        await switch(moving, None)
        return None
    is_back = service["spec"].get("selector") == own_selector(service)
    await moving.say(f"WARN: {fault}.")
    await moving.change(SERVICES, name, lambda seen: annotated(seen, {SELECTOR: None, tracks.SERVING_TRACK: None}))
    return None if is_back else fault
