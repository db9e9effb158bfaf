"""Counting replicas: how a Deployment stands, and who decides how many there are."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.kubernetes.manifests import Object
from app.core.kubernetes.update_strategy import count
from app.core.kubernetes.workloads import PREVIOUS_IMAGE, REPLICAS, ROLLOUT_OF, SET_REPLICAS, annotation, replicas_of
from app.core.moved_workload import MovedWorkload


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """How a Deployment stands: replicas asked for, on its newest template, and available; whether that is all of it.

    `stalled` says why it does not get on, as far as the cluster has given up on it; `unmade` that its pods are refused.
    """

    wanted: int
    updated: int
    available: int
    settled: bool
    stalled: str | None
    unmade: bool = False


def replica_status(deployment: Object) -> ReplicaStatus:
    """Read the status of a Deployment. One whose newest change was not seen yet by its controller is not settled."""
    status, wanted = deployment.get("status") or {}, replicas_of(deployment)
    updated, available = int(status.get("updatedReplicas") or 0), int(status.get("availableReplicas") or 0)
    seen = _is_seen(deployment)
    settled = seen and updated == wanted == int(status.get("replicas") or 0) and available >= wanted
    stalled, unmade = (_stalled(status), _is_unmade(status)) if seen else (None, False)
    return ReplicaStatus(wanted, updated, available, settled, stalled, unmade)


def stateful_set_status(body: Object, goal: int | None) -> ReplicaStatus:
    """Read the status of a StatefulSet of which `goal` pods are to be updated, None for all of them."""
    status, wanted = body.get("status") or {}, replicas_of(body)
    available = int(status.get("availableReplicas", status.get("readyReplicas")) or 0)
    updated, there = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
    enough = updated >= min(wanted, wanted if goal is None else goal)
    return ReplicaStatus(wanted, updated, available, _is_seen(body) and enough and there == wanted <= available, None)


def daemon_set_status(body: Object, goal: int | None) -> ReplicaStatus:
    """Read the status of a DaemonSet of which `goal` pods are to be updated, None for all of them."""
    status, wanted = body.get("status") or {}, desired_nodes(body)
    updated, available = int(status.get("updatedNumberScheduled") or 0), int(status.get("numberAvailable") or 0)
    enough = updated >= min(wanted, wanted if goal is None else goal)
    return ReplicaStatus(wanted, updated, available, _is_seen(body) and enough and available >= wanted, None)


def desired_nodes(body: Object) -> int:
    """Return on how many nodes a DaemonSet is to have a pod."""
    return int((body.get("status") or {}).get("desiredNumberScheduled") or 0)


def max_unavailable(manner: Object, wanted: int) -> int:
    """Return how many pods of what is updated in place may be missing at a time; at least one."""
    return max(1, count((manner.get("rollingUpdate") or {}).get("maxUnavailable", 1), wanted))


def _is_seen(body: Object) -> bool:
    """Return whether its controller has seen the newest change of a workload."""
    seen = int((body.get("status") or {}).get("observedGeneration") or 0)
    return seen >= int(body["metadata"].get("generation") or 0)


def _is_unmade(status: Object) -> bool:
    return any(
        each.get("type") == "ReplicaFailure" and each.get("status") == "True" for each in status.get("conditions") or ()
    )


def _stalled(status: Object) -> str | None:
    for condition in status.get("conditions") or ():
        kind, state, reason = condition.get("type"), condition.get("status"), condition.get("reason")
        message = " ".join(str(condition.get("message") or "").split())
        if kind == "Progressing" and state == "False" and reason == "ProgressDeadlineExceeded":
            return f"it made no progress within its deadline ({message})"
        if kind == "ReplicaFailure" and state == "True":
            return f"its pods can not be made ({message})"
    return None


def autoscaler(autoscalers: Iterable[Object], workload: str, kind: str = "Deployment") -> Object | None:
    """Return the HorizontalPodAutoscaler that decides the size of a workload."""
    for each in autoscalers:
        target = each["spec"].get("scaleTargetRef") or {}
        if target.get("kind") == kind and target.get("name") == workload:
            return each
    return None


def target_replicas(base: Object, moved: MovedWorkload | None, *, is_split: bool, is_scaled: bool) -> int:
    """Return how many replicas there are to be in all, also while a rollout has given some of them to a second one.

    `moved` is what the rollout that is under way, or was left half way, did to it. `is_split`: there is a second one,
    or was to be. `is_scaled`: an autoscaler decides, whose word is what the base asks for; where the second one has
    taken traffic of the base, that is no word on how few are needed. What people scaled meanwhile is their word.
    """
    now = replicas_of(base)
    if moved is None or moved.over:
        return now
    if is_scaled:
        return max(moved.wanted, now) if is_split else now
    return moved.wanted if is_split or now in moved.sizes else now


def annotated_workload(base: Object) -> MovedWorkload | None:
    """Return what a rollout did to a workload by its annotations: those of one that Boreas stores nothing of."""
    wanted, size_, previous = (
        annotation(base, REPLICAS),
        annotation(base, SET_REPLICAS),
        annotation(base, PREVIOUS_IMAGE),
    )
    deployment_id = annotation(base, ROLLOUT_OF)
    if deployment_id is None or wanted is None:
        return None
    return MovedWorkload(
        deployment_id, previous, int(wanted), size=None if size_ is None else int(size_), over=size_ is None
    )


def replicas_to_keep(base: Object, beside: Object, floor: int) -> int:
    """Return how many replicas a set beside the base keeps, so that the base finds room for those that it misses.

    It keeps what is needed for `floor` of both to be available; what is not available helps nobody.
    """
    at, other = replica_status(base), replica_status(beside)
    there = int((base.get("status") or {}).get("replicas") or 0)
    pods = min(int((beside.get("status") or {}).get("replicas") or 0), other.wanted)
    needed = min(max(0, floor - at.available), other.available)
    return max(needed, pods - max(1, at.wanted - there), 0)
