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
    """Return status, reason and message of a refused eviction, or None."""
    selecting = [budget for budget in budgets if selects(budget["spec"]["selector"], pod["metadata"]["labels"])]
    if len(selecting) > 1:
        message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        return 500, "InternalError", message
    if not selecting:
        return None
    spec = selecting[0]["spec"]
    counted = [candidate for candidate in pods if selects(spec["selector"], candidate["metadata"]["labels"])]
    healthy = sum(bool(candidate["status"].get("ready")) for candidate in counted)
    owners = {owner["uid"] for candidate in counted for owner in candidate["metadata"]["ownerReferences"]}
    total = sum(workload["spec"]["replicas"] for workload in deployments if workload["metadata"]["uid"] in owners)
    if "minAvailable" in spec:
        required = number(spec["minAvailable"], total)
    else:
        required = total - number(spec["maxUnavailable"], total)
    if healthy > required or not pod["status"].get("ready"):
        return None
    return 429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget."


def number(value: Any, total: int) -> int:
    return math.ceil(int(value[:-1]) * total / 100) if isinstance(value, str) else int(value)


def selects(selector: Object, labels: Object) -> bool:
    for expression in selector.get("matchExpressions", ()):
        is_listed = labels.get(expression["key"]) in expression.get("values", ())
        if {"In": is_listed, "NotIn": not is_listed}[expression["operator"]] is False:
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())
