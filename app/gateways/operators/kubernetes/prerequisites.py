"""What an application names in a cluster: whether all of it is there, and whose it is, before anything is touched."""

from app.core.kubernetes import workloads
from app.core.kubernetes.manifests import Object, name_of
from app.gateways.operators.kubernetes.cluster import ROUTES, SERVICES
from app.gateways.operators.kubernetes.workload import ClusterWorkload, stuck_if


async def look(moving: ClusterWorkload) -> Object:
    """Return the workload, once all else that the application names is there as well, and is the application's.

    Raises StuckError with all that is missing, or is another application's.
    """
    target, faults = moving.target, []
    base = await moving.base()
    named = ((SERVICES, "Service", target.service), (ROUTES, "HTTPRoute", target.http_route))
    for kind, what, name in named:
        found = await moving.get(kind, name) if name else None
        if name and found is None:
            faults.append(f"there is no {what} {name} in the namespace {moving.cluster.namespace}")
        elif found is not None:
            faults.append(_another(moving, f"{what} {name_of(found)}", found) or "")
        if kind is ROUTES and found is not None and not any(_sends_to(found, str(target.service))):
            faults.append(f"HTTPRoute {name} sends no traffic to Service {target.service}")
    faults.append(_another(moving, moving.what, base) or "")
    stuck_if("; ".join(filter(None, faults)) or None)
    return base


def _another(moving: ClusterWorkload, what: str, found: Object) -> str | None:
    return workloads.ownership_error(found, what, moving.cluster.namespace, moving.workload.application_id)


def _sends_to(route: Object, service: str) -> list[bool]:
    return [True for _ in workloads.shared_rules(route, service, "")]
