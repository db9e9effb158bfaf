"""The two sets of a workload during a rollout: how their pods are told apart, and whom a Service has to select.

The pods of both sets have all labels of the workload, so that budgets, network policies and monitors go on to find
them. The label TRACK tells the sets apart; while there are two, Services select by it. Pure; JSON in and out.
"""

import json
from collections.abc import Mapping
from copy import deepcopy

from app.core.kubernetes.manifests import Object
from app.core.kubernetes.workloads import CANARY, PREVIEW, SELECTOR, TRACK, apart, note, noted, own_selector
from app.core.strategy.model import Shape, StrategyKind

STABLE = "stable"
"""The track of the base: the Deployment that an application names."""
BESIDE = (CANARY, PREVIEW)
"""The tracks of a set beside the base."""
HELD = "boreas.dev/held"
"""On a base: that it is paused while its pods get their track."""
SERVES = "boreas.dev/serves"
"""On a Service: the track that Boreas let it select last."""


def asked(shape: Shape) -> str | None:
    """Return the track of the set beside the base that is to be asked for its health in a shape; None for the base.

    Once a preview serves, it is asked as its users do it.
    """
    if shape.kind is StrategyKind.BLUE_GREEN:
        return None if shape.switched or shape.finished else PREVIEW
    return None if shape.finished else CANARY


def labels_of(deployment: Object) -> dict[str, str]:
    """Return the labels of a Deployment's pods."""
    return dict(deployment["spec"]["template"]["metadata"].get("labels") or {})


def is_marked(base: Object) -> bool:
    """Return whether the pods of a base have its track."""
    return labels_of(base).get(TRACK) == STABLE


def marked(base: Object) -> Object:
    """Return a base, or a ReplicaSet of one, whose template has its track. A base's pods are replaced for that."""
    made = deepcopy(base)
    made["spec"]["template"].setdefault("metadata", {})["labels"] = {**labels_of(base), TRACK: STABLE}
    return made


def held(base: Object) -> Object:
    """Return a base of which no pod is replaced until it is `unheld`."""
    made = noted(base, {HELD: "true"})
    made["spec"]["paused"] = True
    return made


def unheld(base: Object) -> Object:
    """Return a base whose pods are replaced again as its template asks."""
    if note(base, HELD) is None:
        return base
    made = noted(base, {HELD: None})
    made["spec"].pop("paused", None)
    return made


def is_old(second: Object, own: Mapping[str, str]) -> bool:
    """Return whether a second set is of a release that gave its pods another value of a label than the base's.

    Such a set goes on as it is: whom its Deployment selects cannot be changed.
    """
    labels = labels_of(second)
    track = labels.get(TRACK) or PREVIEW
    return not own.items() <= labels.items() and apart(own, track).items() <= labels.items()


def selecting(own: Mapping[str, str], track: str, second: Object | None) -> dict[str, str]:
    """Return whom a Service selects that reaches one set alone: `own` is whom it selects when there is but one."""
    if second is not None and is_old(second, own):
        return dict(own) if track == STABLE else apart(own, track)
    return {**own, TRACK: track}


def given(service: Object) -> str | None:
    """Return the track that Boreas let a Service select last; None where no rollout decides whom it selects."""
    return None if note(service, SELECTOR) is None else note(service, SERVES) or PREVIEW


def is_as_given(service: Object) -> bool:
    """Return whether a Service selects whom Boreas let it select last, by this release's way or the one before."""
    own, track = own_selector(service), given(service)
    ways = ({**own, TRACK: track}, own if track == STABLE else apart(own, str(track)))
    return track is None or service["spec"].get("selector") in ways


def wanted(service: Object) -> dict[str, str]:
    """Return whom a Service is to select when no rollout is under way, also where people have changed that since.

    What they change while the base serves is theirs; what they change once another set does is judged as meddling.
    """
    if given(service) == STABLE and not is_as_given(service):
        found = service["spec"].get("selector") or {}
        return {name: value for name, value in found.items() if name != TRACK}
    return own_selector(service)


def steered(service: Object, track: str, own: Mapping[str, str], to: Mapping[str, str]) -> Object:
    """Return a Service that selects the pods of a track by `to`, and notes whom it selects else. One change."""
    made = noted(service, {SELECTOR: json.dumps(own, sort_keys=True), SERVES: track})
    made["spec"]["selector"] = dict(to)
    return made


def released(service: Object) -> Object:
    """Return a Service that selects its own pods, as when no rollout is under way."""
    made = noted(service, {SELECTOR: None, SERVES: None})
    made["spec"]["selector"] = wanted(service)
    return made
