"""Simulated pods: how many an update strategy allows, and how their containers start and crash."""

import math
from typing import Any

from tests.chaos.cluster.api import Object, now


def budget(value: Any, replicas: int, *, up: bool) -> int:
    """Return a number or percentage of pods, rounded up for a surge and down for missing pods."""
    if isinstance(value, int):
        return value
    share = int(str(value).rstrip("%")) * replicas / 100
    return math.ceil(share) if up else math.floor(share)


def allowed(spec: Object, replicas: int) -> tuple[int, int]:
    """Return how many additional and how many missing pods an update of a Deployment allows."""
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    surge = budget(rolling.get("maxSurge", "25%"), replicas, up=True)
    max_unavailable = budget(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    return surge, max_unavailable if surge or max_unavailable else 1


def is_exclusive(pod: Object) -> bool:
    """Return whether a node can run only one such pod: it uses a port of the node, or has anti-affinity."""
    affinity = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or ()]
    return bool(affinity.get("requiredDuringSchedulingIgnoredDuringExecution")) or any("hostPort" in p for p in ports)


def statuses(pod: Object, state: Object, *, ready: bool, restarts: int = 0) -> Object:
    """Return the status of all containers of a pod."""
    return {
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "state": state,
                "ready": ready,
                "restartCount": restarts,
            }
            for container in pod["spec"]["containers"]
        ]
    }


def set_ready(pod: Object, *, ready: bool, restarts: int | None = None, reason: str | None = None) -> None:
    """Make a pod ready or not, in place, with as many restarts. `reason` is why a container waits."""
    status = pod["status"]
    previous_statuses = status.get("containerStatuses") or [{}]
    count = int(previous_statuses[0].get("restartCount") or 0) if restarts is None else restarts
    state = {"waiting": {"reason": reason, "message": "back-off"}} if reason else {"running": {"startedAt": now()}}
    status |= {"phase": "Running", "ready": ready} | statuses(pod, state, ready=ready, restarts=count)
    status["conditions"] = [{"type": "Ready", "status": str(ready), "lastTransitionTime": now()}]


def mark_unschedulable(pod: Object) -> None:
    """Make a pod wait for a node, in place."""
    message = "0/3 nodes are available: 3 node(s) didn't have free ports for the requested pod ports."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    pod["status"]["conditions"] = [condition]
