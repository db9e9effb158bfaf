"""Tracks: the label that tells a workload from its second Deployment, and selectors by it.

The pods of both have all labels of the workload, so that budgets, network policies and monitors still match them. While
there are two, Services select pods by the label TRACK. Pure; JSON in and out.
"""

import json
from collections.abc import Mapping
from copy import deepcopy

from app.core.kubernetes.manifests import Object
from app.core.kubernetes.workloads import (
    CANARY,
    PREVIEW,
    SELECTOR,
    TRACK,
    annotated,
    annotation,
    legacy_selector,
    own_selector,
)
from app.core.strategy.model import Shape, StrategyKind

STABLE = "stable"
"""The track of the base, the Deployment that an application names."""
SECOND_TRACKS = (CANARY, PREVIEW)
"""The tracks of a second Deployment."""
PAUSED = "boreas.dev/held"
"""Annotation of a base that is paused while its pods get their track label."""
SERVING_TRACK = "boreas.dev/serves"
"""Annotation of a Service: the track that Boreas made it select last."""


def checked_track(shape: Shape) -> str | None:
    """Return the track whose health is checked in a shape; None for the base.

    A preview that serves is checked through the Service, as users reach it.
    """
    if shape.kind is StrategyKind.BLUE_GREEN:
        return None if shape.switched or shape.finished else PREVIEW
    return None if shape.finished else CANARY


def labels_of(deployment: Object) -> dict[str, str]:
    """Return the labels of a Deployment's pods."""
    return dict(deployment["spec"]["template"]["metadata"].get("labels") or {})


def has_track_label(base: Object) -> bool:
    """Return whether the pods of a base have its track label."""
    return labels_of(base).get(TRACK) == STABLE


def with_track_label(base: Object) -> Object:
    """Return a base or its ReplicaSet with the track label in its template; a base's pods are replaced."""
    changed = deepcopy(base)
    changed["spec"]["template"].setdefault("metadata", {})["labels"] = {**labels_of(base), TRACK: STABLE}
    return changed


def paused(base: Object) -> Object:
    """Return a paused base, whose pods are not replaced until it is `resumed`."""
    changed = annotated(base, {PAUSED: "true"})
    changed["spec"]["paused"] = True
    return changed


def resumed(base: Object) -> Object:
    """Return a base without the pause by Boreas."""
    if annotation(base, PAUSED) is None:
        return base
    changed = annotated(base, {PAUSED: None})
    changed["spec"].pop("paused", None)
    return changed


def is_legacy(second: Object, own: Mapping[str, str]) -> bool:
    """Return whether an earlier release of Boreas created a second Deployment, by its pods' label.

    It stays as it is, because the selector of a Deployment cannot be changed.
    """
    labels = labels_of(second)
    track = labels.get(TRACK) or PREVIEW
    return not own.items() <= labels.items() and legacy_selector(own, track).items() <= labels.items()


def track_selector(own: Mapping[str, str], track: str, second: Object | None) -> dict[str, str]:
    """Return the selector of a Service for one track only; `own` is its selector outside of rollouts."""
    if second is not None and is_legacy(second, own):
        return dict(own) if track == STABLE else legacy_selector(own, track)
    return {**own, TRACK: track}


def serving_track(service: Object) -> str | None:
    """Return the track that Boreas made a Service select last; None outside of rollouts."""
    return None if annotation(service, SELECTOR) is None else annotation(service, SERVING_TRACK) or PREVIEW


def is_unchanged(service: Object) -> bool:
    """Return whether a Service still has the selector that this or an earlier release of Boreas set."""
    own, track = own_selector(service), serving_track(service)
    selectors = ({**own, TRACK: track}, own if track == STABLE else legacy_selector(own, str(track)))
    return track is None or service["spec"].get("selector") in selectors


def restored_selector(service: Object) -> dict[str, str]:
    """Return a Service's selector after the rollout, with people's changes while the base serves.

    A change while the second Deployment serves counts as drift instead.
    """
    if serving_track(service) == STABLE and not is_unchanged(service):
        selector = service["spec"].get("selector") or {}
        return {name: value for name, value in selector.items() if name != TRACK}
    return own_selector(service)


def with_serving_track(service: Object, track: str, own: Mapping[str, str], selector: Mapping[str, str]) -> Object:
    """Return a Service that selects the pods of a track, with its own selector in an annotation."""
    changed = annotated(service, {SELECTOR: json.dumps(own, sort_keys=True), SERVING_TRACK: track})
    changed["spec"]["selector"] = dict(selector)
    return changed


def restored(service: Object) -> Object:
    """Return a Service with its own selector, as outside of rollouts."""
    changed = annotated(service, {SELECTOR: None, SERVING_TRACK: None})
    changed["spec"]["selector"] = restored_selector(service)
    return changed
