"""Disruption budgets during a rollout with a second Deployment. Pure; JSON in and out.

A cluster evicts no pod that two budgets select. So the application's own budget excludes the second Deployment, which
gets a budget with the same numbers as soon as it serves.
"""

from collections.abc import Mapping
from copy import deepcopy

from app.core.kubernetes.manifests import Object, name_of
from app.core.kubernetes.workloads import TRACK, annotated, annotation, is_managed

EXCLUDED_TRACK = "boreas.dev/without-track"
"""On a budget of the application: the track that Boreas makes it exclude."""
NUMBERS = ("minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy")


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Return whether a selector of a budget matches pods with these labels; an empty one matches all."""
    match_labels = selector.get("matchLabels") or {}
    return match_labels.items() <= labels.items() and all(
        _matches(expression, labels.get(expression["key"])) for expression in selector.get("matchExpressions") or ()
    )


def _matches(expression: Object, value: str | None) -> bool:
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
    """Return whether a budget of the application selects pods with these labels."""
    selector = budget["spec"].get("selector")
    return selector is not None and not is_managed(budget) and selects(selector, labels)


def _exclusion(track: str) -> Object:
    return {"key": TRACK, "operator": "NotIn", "values": [track]}


def excluding_track(budget: Object, track: str) -> Object:
    """Return a budget that excludes the pods of a track, with an annotation that says so."""
    changed = annotated(budget, {EXCLUDED_TRACK: track})
    selector = changed["spec"]["selector"]
    expressions = selector.get("matchExpressions") or []
    if _exclusion(track) not in expressions:
        selector["matchExpressions"] = [*expressions, _exclusion(track)]
    return changed


def without_exclusion(budget: Object) -> Object:
    """Return a budget without its exclusion of a track; other changes since then stay."""
    track = annotation(budget, EXCLUDED_TRACK)
    if track is None:
        return budget
    restored = annotated(budget, {EXCLUDED_TRACK: None})
    selector = restored["spec"].get("selector") or {}
    expressions = [item for item in selector.get("matchExpressions") or () if item != _exclusion(track)]
    selector.pop("matchExpressions", None)
    if expressions:
        selector["matchExpressions"] = expressions
    return restored


def second_budget(budget: Object, track: str, labels: Mapping[str, str]) -> Object:
    """Return a budget for the pods of a track, with the numbers of the application's budget."""
    selector = deepcopy(without_exclusion(budget)["spec"]["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), TRACK: track}
    spec = {name: budget["spec"][name] for name in NUMBERS if name in budget["spec"]}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": f"{name_of(budget)}-{track}", "labels": {**labels, TRACK: track}},
        "spec": {**spec, "selector": selector},
    }
