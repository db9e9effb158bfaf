"""Update strategies of workloads: their own, the safe one of a rollout, and incompatibilities.

Pure; cluster objects as JSON.
"""

import json
import math
from typing import Any

from app.core.kubernetes.manifests import Object
from app.core.kubernetes.workloads import UPDATE_STRATEGY, annotated, annotation
from app.core.strategy import rolling
from app.core.strategy.model import Strategy, StrategyKind

RECREATE = "Recreate"
DEFAULT_LIMIT = "25%"
"""The default of maxSurge and maxUnavailable of a Deployment."""
AT_ONCE = "Use ROLLING with all at once (batchSize 0)"


def own_strategy(deployment: Object) -> str:
    """Return a Deployment's own update strategy as JSON, to be stored while another one replaces it."""
    spec = deployment["spec"]
    return annotation(deployment, UPDATE_STRATEGY) or json.dumps(
        {"strategy": spec.get("strategy"), "minReadySeconds": spec.get("minReadySeconds")}
    )


def _strategy(deployment: Object, stored: str | None) -> tuple[str | None, Object]:
    """Return the type of a Deployment's own update strategy, and its rollingUpdate parameters."""
    strategy = json.loads(stored).get("strategy") if stored else deployment["spec"].get("strategy")
    return (strategy or {}).get("type"), (strategy or {}).get("rollingUpdate") or {}


def count(value: Any, wanted: int) -> int:
    """Return what a count or percentage means for `wanted` replicas, rounded down like maxUnavailable."""
    if isinstance(value, int):
        return value
    text = str(value)
    return math.floor(int(text.removesuffix("%")) * wanted / 100) if text.endswith("%") else int(text)


def is_recreated(deployment: Object, stored: str | None = None) -> bool:
    """Return whether a Deployment never runs two versions at once."""
    return _strategy(deployment, stored)[0] == RECREATE


def forbids_surge(deployment: Object, stored: str | None = None) -> bool:
    """Return whether a Deployment's own strategy forbids extra pods."""
    return _strategy(deployment, stored)[1].get("maxSurge", DEFAULT_LIMIT) in (0, "0", "0%")


def max_unavailable(deployment: Object, wanted: int, stored: str | None = None) -> int:
    """Return how many replicas may be unavailable during an update; at least one if surge is forbidden."""
    unavailable = count(_strategy(deployment, stored)[1].get("maxUnavailable", DEFAULT_LIMIT), wanted)
    return max(1, unavailable) if forbids_surge(deployment, stored) else unavailable


def is_exclusive_on_node(deployment: Object) -> bool:
    """Return whether a node can only run one of its pods, because of host ports or pod anti-affinity."""
    spec = deployment["spec"]["template"]["spec"]
    ports = [port for container in spec["containers"] for port in container.get("ports") or ()]
    if any(port.get("hostPort") for port in ports) or (spec.get("hostNetwork") and ports):
        return True
    terms = ((spec.get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    labels = (deployment["spec"]["template"].get("metadata") or {}).get("labels") or {}
    return any(_selects(term.get("labelSelector") or {}, labels) for term in terms or ())


def _selects(selector: Object, labels: Object) -> bool:
    """Return whether a selector may match pods with these labels; expressions only need the key."""
    match_labels = (selector.get("matchLabels") or {}).items()
    expressions = selector.get("matchExpressions") or ()
    keys = {expression.get("key") for expression in expressions if expression.get("operator") in IN}
    return (bool(match_labels) or bool(keys)) and match_labels <= labels.items() and keys <= labels.keys()


IN = ("In", "Exists")


def with_safe_strategy(deployment: Object, watch_seconds: int, *, idle: bool = False) -> Object:
    """Return a Deployment with a safe update strategy (no missing replicas); an annotation keeps its own.

    A Deployment with the strategy Recreate, or that forbids surge, stays unchanged. An `idle` one, without traffic, is
    updated without extra pods.
    """
    if is_recreated(deployment) or (forbids_surge(deployment) and annotation(deployment, UPDATE_STRATEGY) is None):
        return deployment
    changed = annotated(deployment, {UPDATE_STRATEGY: own_strategy(deployment)})
    own = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    max_surge = own.get("maxSurge", DEFAULT_LIMIT)
    safe: Object = {"maxSurge": DEFAULT_LIMIT if max_surge in (0, "0", "0%") else max_surge, "maxUnavailable": 0}
    rolling_update = {"maxSurge": 0, "maxUnavailable": "100%"} if idle else safe
    changed["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling_update}
    if watch_seconds:
        changed["spec"]["minReadySeconds"] = watch_seconds
    return changed


def with_own_strategy(deployment: Object, stored: str | None = None) -> Object:
    """Return a Deployment with its own update strategy, or with one that somebody has set since.

    `stored` is its own strategy in Boreas' database; otherwise the annotation of the object counts.
    """
    own = stored or annotation(deployment, UPDATE_STRATEGY)
    if own is None:
        return deployment
    changed = annotated(deployment, {UPDATE_STRATEGY: None})
    current = deployment["spec"].get("strategy") or {}
    limits = current.get("rollingUpdate") or {}
    is_idle = limits.get("maxSurge") in (0, "0%") and limits.get("maxUnavailable") == "100%"
    is_safe = limits.get("maxUnavailable") in (0, "0%")
    if current.get("type") != "RollingUpdate" or not (is_safe or is_idle):
        return changed
    for name, value in json.loads(own).items():
        if value is None:
            changed["spec"].pop(name, None)
        else:
            changed["spec"][name] = value
    return changed


def incompatibility(
    deployment: Object, strategy: Strategy, size: int, *, is_routed: bool, is_scaled: bool
) -> str | None:
    """Return why a strategy cannot work for a Deployment of `size` replicas, or None.

    `is_routed`: a route splits its traffic. `is_scaled`: an autoscaler sets its size. Both need extra pods.
    """
    name, kind = deployment["metadata"]["name"], strategy.kind
    if kind is StrategyKind.ROLLING and len(rolling.sizes(strategy, size)) <= 1:
        return None
    label = "batches of ROLLING" if kind is StrategyKind.ROLLING else kind.value
    if is_recreated(deployment):
        return (
            f"{label} cannot work for Deployment {name}: its strategy is Recreate, so it never runs two versions at"
            f" once. {AT_ONCE}"
        )
    if not forbids_surge(deployment):
        return None
    needs_extra = kind is StrategyKind.CANARY and is_routed
    if is_exclusive_on_node(deployment) and (kind is StrategyKind.BLUE_GREEN or needs_extra):
        return (
            f"{label} cannot work for Deployment {name}: it needs a second Deployment, and the nodes have no"
            f" room for it (maxSurge is 0, and its pods use a host port or have anti-affinity to each other)."
            f" {AT_ONCE}, or in batches"
        )
    if is_scaled and kind is not StrategyKind.BLUE_GREEN:
        return (
            f"{label} cannot work for Deployment {name}: it must not surge (maxSurge is 0), and an autoscaler sets"
            f" its size. {AT_ONCE}"
        )
    return None


def incompatibility_in_place(base: Object, label: str, strategy: Strategy, size: int) -> str | None:
    """Return why a strategy cannot work for a StatefulSet or DaemonSet (pods replaced in place), or None."""
    if strategy.kind is not StrategyKind.ROLLING:
        return (
            f"{strategy.kind.value} cannot work for {label}: its pods are replaced in place, without a second set."
            " Use ROLLING"
        )
    limits = (base["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    needs_all = base["spec"].get("replicas") is None and limits.get("maxUnavailable") in (0, "0%")
    if needs_all and len(rolling.sizes(strategy, size)) > 1:
        return f"batches of ROLLING cannot work for {label}: none of its pods may be unavailable. {AT_ONCE}"
    return None
