"""Disruption budgets while there are two sets of a workload: only what serves is to count. Pure; JSON in and out.

A cluster evicts no pod that two budgets select. So a budget that the application has leaves the second set out, and
the second set gets one of its own, with the same numbers, as soon as it serves.
"""

from collections.abc import Mapping
from copy import deepcopy

from app.core.kubernetes.manifests import Object, name_of
from app.core.kubernetes.workloads import TRACK, annotated, annotation, is_managed

EXCLUDED_TRACK = "boreas.dev/without-track"
"""On a budget of the application: the track that Boreas lets it leave out."""
NUMBERS = ("minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy")


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Return whether a selector of a budget finds pods with these labels; an empty one finds all."""
    wanted = selector.get("matchLabels") or {}
    return wanted.items() <= labels.items() and all(
        _is_met(each, labels.get(each["key"])) for each in selector.get("matchExpressions") or ()
    )


def _is_met(expression: Object, value: str | None) -> bool:
    values = expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def covers(budget: Object, labels: Mapping[str, str]) -> bool:
    """Return whether a budget that Boreas did not make counts the pods with these labels."""
    selector = budget["spec"].get("selector")
    return selector is not None and not is_managed(budget) and selects(selector, labels)


def _left_out(track: str) -> Object:
    return {"key": TRACK, "operator": "NotIn", "values": [track]}


def excluding_track(budget: Object, track: str) -> Object:
    """Return a budget that does not count the pods of a track, and notes so."""
    made = annotated(budget, {EXCLUDED_TRACK: track})
    selector = made["spec"]["selector"]
    told = selector.get("matchExpressions") or []
    if _left_out(track) not in told:
        selector["matchExpressions"] = [*told, _left_out(track)]
    return made


def without_exclusion(budget: Object) -> Object:
    """Return a budget as it was before it left a track out; what people have changed since stays."""
    track = annotation(budget, EXCLUDED_TRACK)
    if track is None:
        return budget
    made = annotated(budget, {EXCLUDED_TRACK: None})
    selector = made["spec"].get("selector") or {}
    left = [each for each in selector.get("matchExpressions") or () if each != _left_out(track)]
    selector.pop("matchExpressions", None)
    if left:
        selector["matchExpressions"] = left
    return made


def second_budget(budget: Object, track: str, marks: Mapping[str, str]) -> Object:
    """Return the budget for the pods of a track that has the numbers of another one."""
    selector = deepcopy(without_exclusion(budget)["spec"]["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), TRACK: track}
    spec = {name: budget["spec"][name] for name in NUMBERS if name in budget["spec"]}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": f"{name_of(budget)}-{track}", "labels": {**marks, TRACK: track}},
        "spec": {**spec, "selector": selector},
    }
