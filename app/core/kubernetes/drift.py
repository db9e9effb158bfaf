"""What people changed in a cluster while a rollout was under way: found by what Boreas noted of its own last change.

Each function returns what is to be said of an object as it is now, None where nobody has meddled with it. Boreas writes
an object and its note in one, so whatever differs from the note is somebody else's; what has no note is not judged.
"""

from collections.abc import Sequence

from app.core.kubernetes import tracks
from app.core.kubernetes.manifests import Object, name_of
from app.core.kubernetes.workloads import (
    SET_REPLICAS,
    TRAFFIC_SHARE,
    WEIGHT_UNIT,
    annotation,
    image_of,
    replicas_of,
    shared_rules,
    weight,
)


def image(deployment: Object, container: str, *known: str | None) -> str | None:
    """Judge the image of a container: it is to be one of those known."""
    found = image_of(deployment, container)
    if found in known:
        return None
    return f"somebody changed the image of {name_of(deployment)} to {found} meanwhile; it is left so"


def replicas(deployment: Object, known: Sequence[int] | None = None) -> str | None:
    """Judge how many replicas a Deployment is to have, which no autoscaler decides.

    It is to be one of those known; where none are given, that which Boreas noted on it.
    """
    kept, found = annotation(deployment, SET_REPLICAS), replicas_of(deployment)
    if known is None:
        known = () if kept is None else (int(kept),)
    if not known or found in known:
        return None
    return f"somebody scaled {name_of(deployment)} to {found} replicas meanwhile; it is left so"


def selector(service: Object) -> str | None:
    """Judge whom a Service selects that was switched to a set beside the base."""
    if tracks.serving_track(service) in (None, tracks.STABLE) or tracks.is_unchanged(service):
        return None
    return f"somebody changed whom Service {name_of(service)} selects meanwhile; it is left so"


def weights(route: Object, service: str, beside: str) -> str | None:
    """Judge the shares that a route gives to a service and the one beside it."""
    share = annotation(route, TRAFFIC_SHARE)
    if share is None:
        return None
    for _, mine, other in shared_rules(route, service, beside):
        given = weight(other) if other else 0
        if other is None or given * WEIGHT_UNIT != int(share) * (weight(mine) + given):
            return f"somebody changed the weights of HTTPRoute {name_of(route)} meanwhile; they are left so"
    return None
