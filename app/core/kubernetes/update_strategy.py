"""How workloads are updated: their own manner, the careful one that a rollout puts in its place, and what that forbids.

Pure; objects of the cluster as JSON.
"""

import json
import math
from typing import Any

from app.core.kubernetes.manifests import Object
from app.core.kubernetes.workloads import UPDATE_STRATEGY, annotated, annotation
from app.core.strategy import rolling
from app.core.strategy.model import Strategy, StrategyKind

RECREATE = "Recreate"
DEFAULT = "25%"
"""How much a Deployment may surge, and be short of, where it does not say."""
AT_ONCE = "Use ROLLING with all at once (batchSize 0)"


def own_strategy(deployment: Object) -> str:
    """Return a Deployment's own manner, to be kept while another one is in its place."""
    spec = deployment["spec"]
    return annotation(deployment, UPDATE_STRATEGY) or json.dumps(
        {"strategy": spec.get("strategy"), "minReadySeconds": spec.get("minReadySeconds")}
    )


def _rolling(deployment: Object, kept: str | None) -> tuple[str | None, Object]:
    """Return the type of a Deployment's own manner, and its parameters."""
    told = json.loads(kept).get("strategy") if kept else deployment["spec"].get("strategy")
    return (told or {}).get("type"), (told or {}).get("rollingUpdate") or {}


def count(value: Any, wanted: int) -> int:
    """Return how many of `wanted` replicas a number or a percentage is, rounded down as for what may be missing."""
    if isinstance(value, int):
        return value
    text = str(value)
    return math.floor(int(text.removesuffix("%")) * wanted / 100) if text.endswith("%") else int(text)


def is_recreated(deployment: Object, kept: str | None = None) -> bool:
    """Return whether a Deployment cannot bear two versions at once."""
    return _rolling(deployment, kept)[0] == RECREATE


def forbids_surge(deployment: Object, kept: str | None = None) -> bool:
    """Return whether a Deployment's owner forbids that there are more pods than asked for."""
    return _rolling(deployment, kept)[1].get("maxSurge", DEFAULT) in (0, "0", "0%")


def max_unavailable(deployment: Object, wanted: int, kept: str | None = None) -> int:
    """Return how many replicas may be missing during an update, as its owner has it; one where no other way is left."""
    missing = count(_rolling(deployment, kept)[1].get("maxUnavailable", DEFAULT), wanted)
    return max(1, missing) if forbids_surge(deployment, kept) else missing


def is_alone(deployment: Object) -> bool:
    """Return whether a node has room for one of its pods only: they want a port of the node, or bear no other one."""
    spec = deployment["spec"]["template"]["spec"]
    ports = [port for each in spec["containers"] for port in each.get("ports") or ()]
    if any(port.get("hostPort") for port in ports) or (spec.get("hostNetwork") and ports):
        return True
    told = ((spec.get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    labels = (deployment["spec"]["template"].get("metadata") or {}).get("labels") or {}
    return any(_selects(term.get("labelSelector") or {}, labels) for term in told or ())


def _selects(selector: Object, labels: Object) -> bool:
    """Return whether a selector finds pods with these labels; expressions count as if they did where a key is there."""
    wanted = (selector.get("matchLabels") or {}).items()
    keys = {each.get("key") for each in selector.get("matchExpressions") or () if each.get("operator") in IN}
    return (bool(wanted) or bool(keys)) and wanted <= labels.items() and keys <= labels.keys()


IN = ("In", "Exists")


def with_safe_strategy(deployment: Object, watch_seconds: int, *, idle: bool = False) -> Object:
    """Return a Deployment that is updated without ever having fewer replicas than asked for, and note its own way.

    One that is recreated as a whole is left so: then it cannot bear two versions at once. So is one that may not
    surge. One that is `idle`, as all traffic goes elsewhere, is updated without any more pods.
    """
    if is_recreated(deployment) or (forbids_surge(deployment) and annotation(deployment, UPDATE_STRATEGY) is None):
        return deployment
    made = annotated(deployment, {UPDATE_STRATEGY: own_strategy(deployment)})
    manner = ((deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}).get("maxSurge", DEFAULT)
    surge: Object = {"maxSurge": DEFAULT if manner in (0, "0", "0%") else manner, "maxUnavailable": 0}
    rolling_update = {"maxSurge": 0, "maxUnavailable": "100%"} if idle else surge
    made["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling_update}
    if watch_seconds:
        made["spec"]["minReadySeconds"] = watch_seconds
    return made


def with_own_strategy(deployment: Object, kept: str | None = None) -> Object:
    """Return a Deployment that is updated as its owner had it, or as somebody wants it since.

    `kept` is its own manner as Boreas stored it; a note on the object serves where there is none.
    """
    own_manner = kept or annotation(deployment, UPDATE_STRATEGY)
    if own_manner is None:
        return deployment
    made = annotated(deployment, {UPDATE_STRATEGY: None})
    manner = deployment["spec"].get("strategy") or {}
    told = manner.get("rollingUpdate") or {}
    is_idle = told.get("maxSurge") in (0, "0%") and told.get("maxUnavailable") == "100%"
    if manner.get("type") != "RollingUpdate" or not (told.get("maxUnavailable") in (0, "0%") or is_idle):
        return made
    for name, value in json.loads(own_manner).items():
        if value is None:
            made["spec"].pop(name, None)
        else:
            made["spec"][name] = value
    return made


def incompatibility(
    deployment: Object, strategy: Strategy, size: int, *, is_routed: bool, is_scaled: bool
) -> str | None:
    """Return why a strategy cannot work for a Deployment of `size` replicas; None where it can.

    `is_routed`: a route splits its traffic. `is_scaled`: an autoscaler sizes it. Either way what is new comes on top.
    """
    name, kind = deployment["metadata"]["name"], strategy.kind
    if kind is StrategyKind.ROLLING and len(rolling.sizes(strategy, size)) <= 1:
        return None
    what = "batches of ROLLING" if kind is StrategyKind.ROLLING else kind.value
    if is_recreated(deployment):
        return (
            f"{what} cannot work for Deployment {name}: its strategy is Recreate, so it never runs two versions at"
            f" once. {AT_ONCE}"
        )
    if not forbids_surge(deployment):
        return None
    is_on_top = kind is StrategyKind.CANARY and is_routed
    if is_alone(deployment) and (kind is StrategyKind.BLUE_GREEN or is_on_top):
        return (
            f"{what} cannot work for Deployment {name}: it needs a second set beside the first, and the nodes can not"
            f" hold that (maxSurge is 0, and its pods use a port of their node or tolerate no other one of them there)."
            f" {AT_ONCE}, or in batches"
        )
    if is_scaled and kind is not StrategyKind.BLUE_GREEN:
        return (
            f"{what} cannot work for Deployment {name}: it may not surge (maxSurge is 0), and an autoscaler keeps it at"
            f" its size. {AT_ONCE}"
        )
    return None


def incompatibility_in_place(base: Object, what: str, strategy: Strategy, size: int) -> str | None:
    """Return why a strategy cannot work for a StatefulSet or DaemonSet, whose pods are replaced in place."""
    if strategy.kind is not StrategyKind.ROLLING:
        return (
            f"{strategy.kind.value} cannot work for {what}: its pods are replaced in place, and no second set can stand"
            " beside them. Use ROLLING"
        )
    told = (base["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    none_missing = base["spec"].get("replicas") is None and told.get("maxUnavailable") in (0, "0%")
    if none_missing and len(rolling.sizes(strategy, size)) > 1:
        return f"batches of ROLLING cannot work for {what}: none of its pods may be missing. {AT_ONCE}"
    return None
