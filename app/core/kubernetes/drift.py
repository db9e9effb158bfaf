"""Drift: changes that somebody else made to cluster objects during a rollout.

Each function compares an object with the annotation of Boreas' own last change and returns the drift in words, or None.
Boreas writes an object and its annotation together, so every difference is somebody else's. An object without an
annotation has no drift.
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


def image(deployment: Object, container: str, *expected: str | None) -> str | None:
    """Return the drift of the image of a container, which should be one of the expected ones."""
    actual = image_of(deployment, container)
    if actual in expected:
        return None
    return f"somebody changed the image of {name_of(deployment)} to {actual} meanwhile; it is left so"


def replicas(deployment: Object, expected: Sequence[int] | None = None) -> str | None:
    """Return the drift of the replicas of a Deployment without an autoscaler.

    They should be one of the expected numbers, or, without any, the number in the annotation.
    """
    annotated, actual = annotation(deployment, SET_REPLICAS), replicas_of(deployment)
    if expected is None:
        expected = () if annotated is None else (int(annotated),)
    if not expected or actual in expected:
        return None
    return f"somebody scaled {name_of(deployment)} to {actual} replicas meanwhile; it is left so"


def selector(service: Object) -> str | None:
    """Return the drift of the selector of a Service that was switched to the second Deployment."""
    if tracks.serving_track(service) in (None, tracks.STABLE) or tracks.is_unchanged(service):
        return None
    return f"somebody changed whom Service {name_of(service)} selects meanwhile; it is left so"


def weights(route: Object, service: str, second: str) -> str | None:
    """Return the drift of the weights that a route gives to a service and to the second service."""
    share = annotation(route, TRAFFIC_SHARE)
    if share is None:
        return None
    for _, main, other in shared_rules(route, service, second):
        second_weight = weight(other) if other else 0
        total = weight(main) + second_weight
        if other is None or second_weight * WEIGHT_UNIT != int(share) * total:
            return f"somebody changed the weights of HTTPRoute {name_of(route)} meanwhile; they are left so"
    return None
