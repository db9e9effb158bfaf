"""Evictions as a cluster decides them.

By the one budget that selects a pod, and never where two of them do.
"""

import math
from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]


def refusal(
    pod: Object, pods: Iterable[Object], deployments: Iterable[Object], budgets: Iterable[Object]
) -> tuple[int, str, str] | None:
    """Return status, reason and message where a pod may not be evicted."""
    selecting = [each for each in budgets if selects(each["spec"]["selector"], pod["metadata"]["labels"])]
    if len(selecting) > 1:
        told = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        return 500, "InternalError", told
    if not selecting:
        return None
    spec = selecting[0]["spec"]
    counted = [each for each in pods if selects(spec["selector"], each["metadata"]["labels"])]
    healthy = sum(bool(each["status"].get("ready")) for each in counted)
    owners = {owner["uid"] for each in counted for owner in each["metadata"]["ownerReferences"]}
    total = sum(each["spec"]["replicas"] for each in deployments if each["metadata"]["uid"] in owners)
    if "minAvailable" in spec:
        needed = number(spec["minAvailable"], total)
    else:
        needed = total - number(spec["maxUnavailable"], total)
    if healthy > needed or not pod["status"].get("ready"):
        return None
    return 429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget."


def number(value: Any, total: int) -> int:
    return math.ceil(int(value[:-1]) * total / 100) if isinstance(value, str) else int(value)


def selects(selector: Object, labels: Object) -> bool:
    for each in selector.get("matchExpressions", ()):
        held = labels.get(each["key"]) in each.get("values", ())
        if {"In": held, "NotIn": not held}[each["operator"]] is False:
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())
