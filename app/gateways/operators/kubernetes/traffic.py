"""Whom traffic goes to while a rollout is under way: by the selector of a Service, or by the weights of a route.

On the way on nothing that people changed meanwhile is written over. On the way back traffic has to leave what is to be
removed: what they changed is told, and taken back no further than that.
"""

from app.core import meddling, workloads
from app.core.manifests import Object
from app.core.workloads import CANARY, PREVIEW, SELECTOR, SHARE, note, noted, own_selector
from app.gateways.operators.kubernetes.cluster import ROUTES, SERVICES
from app.gateways.operators.kubernetes.moving import Moving, StuckError, stuck_if


async def selector(moving: Moving, track: str) -> dict[str, str]:
    """Return whom the second set's own traffic selects. Raises StuckError."""
    if moving.target.service is None:
        raise StuckError("its application names no service whose traffic could be steered")
    own = own_selector(await moving.need(SERVICES, moving.target.service))
    if not own:
        raise StuckError(f"Service {moving.target.service} selects no pods by labels")
    return workloads.apart(own, track)


async def is_away(moving: Moving) -> bool:
    """Return whether traffic of the base goes to a set beside it, by the Service or by the route."""
    service, route = moving.target.service, moving.target.http_route
    told = [
        await moving.get(SERVICES, service) if service else None,
        await moving.get(ROUTES, route) if route else None,
    ]
    return any(each and note(each, name) is not None for each, name in zip(told, (SELECTOR, SHARE), strict=True))


async def split(moving: Moving, canary: dict[str, str], share: int) -> None:
    """Give hundredths of the traffic to the canary, whom its own Service selects. Raises StuckError."""
    service, route = str(moving.target.service), str(moving.target.http_route)
    beside = f"{service}-{CANARY}"
    body = await moving.need(SERVICES, service)
    await moving.make(SERVICES, workloads.service_beside(body, beside, moving.marks, canary))

    def weighted(seen: Object) -> Object:
        stuck_if(meddling.weights(seen, service, beside))
        return workloads.weighted(seen, service, beside, share)

    before = await moving.need(ROUTES, route)
    if await moving.change(ROUTES, route, weighted) != before:
        await moving.say(f"HTTPRoute {route} gives {share} % of the traffic to {beside}.")


async def unsplit(moving: Moving, *, back: bool) -> None:
    """Give all traffic to the base. Raises StuckError where somebody wants it otherwise, except on the way `back`."""
    service, route = moving.target.service, moving.target.http_route
    if route is None or service is None or (found := await moving.get(ROUTES, route)) is None:
        return
    beside = f"{service}-{CANARY}"
    if back and meddling.weights(found, service, beside):
        await moving.say(
            f"WARN: somebody changed the weights of HTTPRoute {route} meanwhile; all traffic goes back to {service}."
        )

    def whole(seen: Object) -> Object:
        if not back:
            stuck_if(meddling.weights(seen, service, beside))
        return workloads.weighted(seen, service, beside, 0)

    await moving.change(ROUTES, route, whole)


async def switch(moving: Moving, to: dict[str, str] | None) -> None:
    """Let the Service select the preview, whose pods are told by `to`, or its own pods, at once. Raises StuckError."""
    name = moving.target.service
    if name is None or (service := await moving.get(SERVICES, name)) is None:
        if to:
            raise StuckError(f"there is no Service {name}")
        return
    if to is None and note(service, SELECTOR) is None:
        return

    def switched(seen: Object) -> Object:
        stuck_if(meddling.selector(seen, PREVIEW))
        if to and workloads.apart(own_selector(seen), PREVIEW) != to:
            raise StuckError(f"somebody changed whom Service {name} selects meanwhile; it is left so")
        return workloads.switched(seen, PREVIEW if to else None)

    if await moving.change(SERVICES, name, switched) != service:
        await moving.say(f"Service {name} serves the {'new' if to else 'old'} set.")


async def switch_back(moving: Moving) -> str | None:
    """Let the Service select its own pods, unless somebody changed whom it selects: then return what is to be said."""
    name = moving.target.service
    service = await moving.get(SERVICES, name) if name else None
    fault = meddling.selector(service, PREVIEW) if service else None
    if name is None or service is None or fault is None:
        await switch(moving, None)
        return None
    is_back = service["spec"].get("selector") == own_selector(service)
    await moving.say(f"WARN: {fault}.")
    await moving.change(SERVICES, name, lambda seen: noted(seen, {SELECTOR: None}))
    return None if is_back else fault
