"""Where traffic goes during a rollout: by the selector of a Service, or by the weights of an HTTPRoute.

On the way forward nothing that people changed is overwritten. On the way back traffic has to leave the set that will be
removed; other changes of people are logged and stay.
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


async def isolate_base(workload: ClusterWorkload, track: str) -> None:
    """Let the Service select the base's pods only, before a second set has pods with all their labels.

    Gives the base's pods their track label first, where they lack it. Raises StuckError.
    """
    name = workload.target.service
    if name is None:
        raise StuckError("its application names no Service, so its traffic cannot be shifted; set kubernetes.service")
    service = await workload.get_existing(SERVICES, name)
    selector = tracks.restored_selector(service)
    if not selector:
        raise StuckError(f"Service {name} selects no pods by labels")
    second = await workload.get(DEPLOYMENTS, f"{workload.name}-{track}")
    is_legacy = second is not None and workload.is_of_rollout(second) and tracks.is_legacy(second, selector)
    if is_legacy or tracks.serving_track(service) not in (None, STABLE):
        return
    base = await workload.base()
    if not selector.items() <= tracks.labels_of(base).items():
        mismatch = f"Service {name} does not select the pods of Deployment {workload.name}"
        raise StuckError(mismatch if tracks.serving_track(service) is None else _selector_drift(name))
    await track_labels.label_base(workload)

    def isolated(body: Object) -> Object:
        if tracks.serving_track(body) not in (None, STABLE):
            return body
        selector = tracks.restored_selector(body)
        return tracks.with_serving_track(body, STABLE, selector, {**selector, TRACK: STABLE})

    if await workload.modify(SERVICES, name, isolated) != service:
        await workload.log(f"Service {name} selects the pods of {workload.name} alone: {TRACK}={STABLE}.")


def _selector_drift(service: str) -> str:
    return f"somebody changed whom Service {service} selects meanwhile; it is left so"


async def second_service(workload: ClusterWorkload, track: str) -> tuple[str, dict[str, str]] | None:
    """Return the name and selector of the Service for the second set alone; None where the application has no Service.

    Raises StuckError.
    """
    name = workload.target.service
    service = await workload.get(SERVICES, name) if name else None
    selector = tracks.restored_selector(service) if service else None
    if not name or not selector:
        return None
    second = await workload.get(DEPLOYMENTS, f"{workload.name}-{track}")
    return f"{name}-{track}", tracks.track_selector(selector, track, second)


async def expose(workload: ClusterWorkload, track: str) -> None:
    """Create or update the Service for the second set alone, and log its address.

    A Service of that name that Boreas did not create stays as it is, with a warning. Raises StuckError.
    """
    second = await second_service(workload, track)
    if second is None:
        return
    name, selector = second
    current = await workload.get(SERVICES, name)
    if current is not None and not workloads.is_managed(current):
        await workload.log(
            f"WARN: there is already a Service {name} that Boreas did not create,"
            f" so no Service reaches the {track} set alone; rename or delete it."
        )
        return
    service = await workload.get_existing(SERVICES, str(workload.target.service))
    body = workloads.second_service(service, name, {**workload.labels, TRACK: track}, selector)
    await workload.ensure(SERVICES, body)
    if current is None:
        ports = ", ".join(str(port["port"]) for port in body["spec"]["ports"]) or "none"
        address = f"{name}.{workload.cluster.namespace}.svc"
        await workload.log(f"Service {name} reaches {workload.name}-{track} alone: {address}, ports {ports}.")


async def service_of(workload: ClusterWorkload, track: str | None) -> str | None:
    """Return the name of the Service that reaches the new version: that of the second set, if there is one.

    The application's own for no track, and where there is none for the set alone; None where it has none.
    """
    own = workload.target.service
    if own is None or track is None:
        return own
    name = f"{own}-{track}"
    service = await workload.get(SERVICES, name)
    return name if service is not None and workloads.is_managed(service) else own


async def is_shifted(workload: ClusterWorkload) -> bool:
    """Return whether traffic goes to a set beside the base, by the Service or by the route."""
    service_name, route_name = workload.target.service, workload.target.http_route
    service = await workload.get(SERVICES, service_name) if service_name else None
    route = await workload.get(ROUTES, route_name) if route_name else None
    return bool(
        (service and tracks.serving_track(service) not in (None, STABLE))
        or (route and annotation(route, TRAFFIC_SHARE) is not None)
    )


async def set_share(workload: ClusterWorkload, percent: int) -> None:
    """Give a share of the route's traffic to the Service of the canary. Raises StuckError."""
    service, route = str(workload.target.service), str(workload.target.http_route)
    canary = f"{service}-{CANARY}"
    if not workloads.is_managed(await workload.get_existing(SERVICES, canary)):
        raise StuckError(f"there is already a Service {canary} that Boreas did not create; rename or delete it")

    def weighted(body: Object) -> Object:
        stuck_if(drift.weights(body, service, canary))
        return workloads.with_traffic_share(body, service, canary, percent)

    before = await workload.get_existing(ROUTES, route)
    if await workload.modify(ROUTES, route, weighted) != before:
        await workload.log(f"HTTPRoute {route} gives {percent} % of the traffic to {canary}.")


async def clear_share(workload: ClusterWorkload, *, back: bool) -> None:
    """Give all of the route's traffic to the base. Raises StuckError where the weights drifted, but not on a rollback.

    `back` is a rollback.
    """
    service, route = workload.target.service, workload.target.http_route
    if route is None or service is None or (current := await workload.get(ROUTES, route)) is None:
        return
    canary = f"{service}-{CANARY}"
    if back and drift.weights(current, service, canary):
        await workload.log(
            f"WARN: somebody changed the weights of HTTPRoute {route} meanwhile; all traffic goes back to {service}."
        )

    def cleared(body: Object) -> Object:
        if not back:
            stuck_if(drift.weights(body, service, canary))
        return workloads.with_traffic_share(body, service, canary, 0)

    await workload.modify(ROUTES, route, cleared)


async def switch(workload: ClusterWorkload, track: str | None) -> None:
    """Let the Service select the second set of a track, or the base for None, at once. Raises StuckError.

    While a second set has the labels of the base, the Service selects by track; `restore_selector` ends that.
    """
    name = workload.target.service
    if name is None or (service := await workload.get(SERVICES, name)) is None:
        if track:
            raise StuckError(f"there is no Service {name}")
        return
    if track is None and tracks.serving_track(service) in (None, STABLE):
        return
    base, second = await workload.base(), await workload.get(DEPLOYMENTS, f"{workload.name}-{PREVIEW}")

    def switched(body: Object) -> Object:
        stuck_if(drift.selector(body))
        own = tracks.restored_selector(body)
        selector = tracks.track_selector(own, track or STABLE, second)
        if track and (second is None or not selector.items() <= tracks.labels_of(second).items()):
            raise StuckError(_selector_drift(name))
        if track is None and not selector.items() <= tracks.labels_of(base).items():
            selector = own
        return tracks.with_serving_track(body, track or STABLE, own, selector)

    if await workload.modify(SERVICES, name, switched) != service:
        serving = (second if track else base) or base
        image = workloads.image_of(serving, workload.target.container)
        await workload.log(f"Service {name} serves {manifests.name_of(serving)}, which runs {image}.")


async def restore_selector(workload: ClusterWorkload) -> None:
    """Give the Service its own selector back, once there is only one set."""
    name = workload.target.service
    service = await workload.get(SERVICES, name) if name else None
    if name is None or service is None or tracks.serving_track(service) is None:
        return

    def restored(body: Object) -> Object:
        own_tracks = (STABLE, tracks.serving_track(service))
        return tracks.restored(body) if tracks.serving_track(body) in own_tracks else body

    await workload.modify(SERVICES, name, restored)


async def switch_back(workload: ClusterWorkload) -> str | None:
    """Let the Service select the base. A selector that somebody changed stays: return what users have to know then."""
    name = workload.target.service
    service = await workload.get(SERVICES, name) if name else None
    fault = drift.selector(service) if service else None
    if name is None or service is None or fault is None:
        await switch(workload, None)
        return None
    is_own = service["spec"].get("selector") == own_selector(service)
    await workload.log(f"WARN: {fault}.")
    annotations = {SELECTOR: None, tracks.SERVING_TRACK: None}
    await workload.modify(SERVICES, name, lambda body: annotated(body, annotations))
    return None if is_own else fault
