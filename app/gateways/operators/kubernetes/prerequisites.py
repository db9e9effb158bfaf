"""Whether the objects that an application names exist and are the application's, before anything is touched."""

from app.core.kubernetes import workloads
from app.core.kubernetes.manifests import Object, name_of
from app.gateways.operators.kubernetes.cluster import ROUTES, SERVICES
from app.gateways.operators.kubernetes.workload import ClusterWorkload, stuck_if


async def check(workload: ClusterWorkload) -> Object:
    """Return the base of the workload.

    Raises StuckError with every object that is missing, that another application owns, or that sends no traffic.
    """
    target, faults = workload.target, []
    base = await workload.base()
    for kind, name in ((SERVICES, target.service), (ROUTES, target.http_route)):
        body = await workload.get(kind, name) if name else None
        if name and body is None:
            faults.append(f"there is no {kind.name} {name} in the namespace {workload.cluster.namespace}")
        elif body is not None:
            faults.append(_ownership_error(workload, f"{kind.name} {name_of(body)}", body) or "")
        if kind is ROUTES and body is not None and not _sends_to(body, str(target.service)):
            faults.append(f"HTTPRoute {name} sends no traffic to Service {target.service}")
    faults.append(_ownership_error(workload, workload.description, base) or "")
    stuck_if("; ".join(filter(None, faults)) or None)
    return base


def _ownership_error(workload: ClusterWorkload, description: str, body: Object) -> str | None:
    return workloads.ownership_error(body, description, workload.cluster.namespace, workload.rollout.application_id)


def _sends_to(route: Object, service: str) -> bool:
    return any(True for _ in workloads.shared_rules(route, service, ""))
