"""The two sets of a workload during a rollout: how their pods are told apart, and whom a Service has to select.

The pods of both sets have all labels of the workload, so that budgets, network policies and monitors go on to find
them. The label TRACK tells the sets apart; while there are two, Services select by it. Pure; JSON in and out.
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
"""The track of the base: the Deployment that an application names."""
SECOND_TRACKS = (CANARY, PREVIEW)
"""The tracks of a set beside the base."""
PAUSED = "boreas.dev/held"
"""On a base: that it is paused while its pods get their track."""
SERVING_TRACK = "boreas.dev/serves"
"""On a Service: the track that Boreas let it select last."""


def checked_track(shape: Shape) -> str | None:
    """Return the track of the set beside the base that is to be asked for its health in a shape; None for the base.

    Once a preview serves, it is asked as its users do it.
    """
    if shape.kind is StrategyKind.BLUE_GREEN:
        return None if shape.switched or shape.finished else PREVIEW
    return None if shape.finished else CANARY


def labels_of(deployment: Object) -> dict[str, str]:
    """Return the labels of a Deployment's pods."""
    return dict(deployment["spec"]["template"]["metadata"].get("labels") or {})


def has_track_label(base: Object) -> bool:
    """Return whether the pods of a base have its track."""
    return labels_of(base).get(TRACK) == STABLE


def with_track_label(base: Object) -> Object:
    """Return a base, or a ReplicaSet of one, whose template has its track. A base's pods are replaced for that."""
    made = deepcopy(base)
    made["spec"]["template"].setdefault("metadata", {})["labels"] = {**labels_of(base), TRACK: STABLE}
    return made


def paused(base: Object) -> Object:
    """Return a base of which no pod is replaced until it is `resumed`."""
    made = annotated(base, {PAUSED: "true"})
    made["spec"]["paused"] = True
    return made


def resumed(base: Object) -> Object:
    """Return a base whose pods are replaced again as its template asks."""
    if annotation(base, PAUSED) is None:
        return base
    made = annotated(base, {PAUSED: None})
    made["spec"].pop("paused", None)
    return made


def is_legacy(second: Object, own: Mapping[str, str]) -> bool:
    """Return whether a second set is of a release that gave its pods another value of a label than the base's.

    Such a set goes on as it is: whom its Deployment selects cannot be changed.
    """
    labels = labels_of(second)
    track = labels.get(TRACK) or PREVIEW
    return not own.items() <= labels.items() and legacy_selector(own, track).items() <= labels.items()


def track_selector(own: Mapping[str, str], track: str, second: Object | None) -> dict[str, str]:
    """Return whom a Service selects that reaches one set alone: `own` is whom it selects when there is but one."""
    if second is not None and is_legacy(second, own):
        return dict(own) if track == STABLE else legacy_selector(own, track)
    return {**own, TRACK: track}


def serving_track(service: Object) -> str | None:
    """Return the track that Boreas let a Service select last; None where no rollout decides whom it selects."""
    return None if annotation(service, SELECTOR) is None else annotation(service, SERVING_TRACK) or PREVIEW


def is_unchanged(service: Object) -> bool:
    """Return whether a Service selects whom Boreas let it select last, by this release's way or the one before."""
    own, track = own_selector(service), serving_track(service)
    ways = ({**own, TRACK: track}, own if track == STABLE else legacy_selector(own, str(track)))
    return track is None or service["spec"].get("selector") in ways


def restored_selector(service: Object) -> dict[str, str]:
    """Return whom a Service is to select when no rollout is under way, also where people have changed that since.

    What they change while the base serves is theirs; what they change once another set does is judged as meddling.
    """
    if serving_track(service) == STABLE and not is_unchanged(service):
        found = service["spec"].get("selector") or {}
        return {name: value for name, value in found.items() if name != TRACK}
    return own_selector(service)


def with_serving_track(service: Object, track: str, own: Mapping[str, str], to: Mapping[str, str]) -> Object:
    """Return a Service that selects the pods of a track by `to`, and notes whom it selects else. One change."""
    made = annotated(service, {SELECTOR: json.dumps(own, sort_keys=True), SERVING_TRACK: track})
    made["spec"]["selector"] = dict(to)
    return made


def restored(service: Object) -> Object:
    """Return a Service that selects its own pods, as when no rollout is under way."""
    made = annotated(service, {SELECTOR: None, SERVING_TRACK: None})
    made["spec"]["selector"] = restored_selector(service)
    return made
