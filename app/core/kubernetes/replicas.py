"""Replicas: the status of workloads, and how many replicas they should have."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.kubernetes.manifests import Object
from app.core.kubernetes.update_strategy import count
from app.core.kubernetes.workloads import PREVIOUS_IMAGE, REPLICAS, ROLLOUT_OF, SET_REPLICAS, annotation, replicas_of
from app.core.moved_workload import MovedWorkload


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """Replicas of a workload: desired (`wanted`), updated to the newest template, and available.

    `settled` says that the update is complete. `stalled` says why the cluster has given up on it. `unmade` says that
    the cluster refuses to create its pods.
    """

    wanted: int
    updated: int
    available: int
    settled: bool
    stalled: str | None
    unmade: bool = False


def replica_status(deployment: Object) -> ReplicaStatus:
    """Read the status of a Deployment; not settled before its controller observed the newest change."""
    status, wanted = deployment.get("status") or {}, replicas_of(deployment)
    updated, available = int(status.get("updatedReplicas") or 0), int(status.get("availableReplicas") or 0)
    observed = _is_observed(deployment)
    settled = observed and updated == wanted == int(status.get("replicas") or 0) and available >= wanted
    stalled, unmade = (_stalled(status), _is_create_refused(status)) if observed else (None, False)
    return ReplicaStatus(wanted, updated, available, settled, stalled, unmade)


def stateful_set_status(body: Object, goal: int | None) -> ReplicaStatus:
    """Read the status of a StatefulSet that should have `goal` updated pods (None: all)."""
    status, wanted = body.get("status") or {}, replicas_of(body)
    available = int(status.get("availableReplicas", status.get("readyReplicas")) or 0)
    updated, existing = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
    enough = updated >= min(wanted, wanted if goal is None else goal)
    return ReplicaStatus(
        wanted, updated, available, _is_observed(body) and enough and existing == wanted <= available, None
    )


def daemon_set_status(body: Object, goal: int | None) -> ReplicaStatus:
    """Read the status of a DaemonSet that should have `goal` updated pods (None: all)."""
    status, wanted = body.get("status") or {}, desired_nodes(body)
    updated, available = int(status.get("updatedNumberScheduled") or 0), int(status.get("numberAvailable") or 0)
    enough = updated >= min(wanted, wanted if goal is None else goal)
    return ReplicaStatus(wanted, updated, available, _is_observed(body) and enough and available >= wanted, None)


def desired_nodes(body: Object) -> int:
    """Return on how many nodes a DaemonSet should run a pod."""
    return int((body.get("status") or {}).get("desiredNumberScheduled") or 0)


def max_unavailable(strategy: Object, wanted: int) -> int:
    """Return how many pods may be unavailable at a time while they are replaced in place; at least one."""
    return max(1, count((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), wanted))


def _is_observed(body: Object) -> bool:
    """Return whether the controller of a workload has observed its newest change."""
    observed = int((body.get("status") or {}).get("observedGeneration") or 0)
    return observed >= int(body["metadata"].get("generation") or 0)


def _is_create_refused(status: Object) -> bool:
    return any(
        condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )


def _stalled(status: Object) -> str | None:
    for condition in status.get("conditions") or ():
        kind, state, reason = condition.get("type"), condition.get("status"), condition.get("reason")
        message = " ".join(str(condition.get("message") or "").split())
        if kind == "Progressing" and state == "False" and reason == "ProgressDeadlineExceeded":
            return f"it made no progress within its deadline ({message})"
        if kind == "ReplicaFailure" and state == "True":
            return f"its pods cannot be created ({message})"
    return None


def autoscaler(autoscalers: Iterable[Object], workload: str, kind: str = "Deployment") -> Object | None:
    """Return the HorizontalPodAutoscaler of a workload, if any."""
    for hpa in autoscalers:
        target = hpa["spec"].get("scaleTargetRef") or {}
        if target.get("kind") == kind and target.get("name") == workload:
            return hpa
    return None


def target_replicas(base: Object, moved: MovedWorkload | None, *, is_split: bool, is_scaled: bool) -> int:
    """Return the desired number of replicas in total, also while a second Deployment has some of them.

    `moved` is the state of the active or unfinished rollout. `is_split`: there is a second Deployment, or should be.
    `is_scaled`: an autoscaler sets the replicas of the base; while the second Deployment takes traffic, it may set too
    few. A number that people set during the rollout counts.
    """
    current = replicas_of(base)
    if moved is None or moved.over:
        return current
    if is_scaled:
        return max(moved.wanted, current) if is_split else current
    return moved.wanted if is_split or current in moved.sizes else current


def annotated_workload(base: Object) -> MovedWorkload | None:
    """Return a rollout's state from the annotations of its workload, if it is not in the database."""
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


def replicas_to_keep(base: Object, second: Object, floor: int) -> int:
    """Return how many replicas the second Deployment keeps to leave room for the base's missing ones.

    It keeps enough for `floor` available replicas of both; unavailable replicas do not count.
    """
    base_status, second_status = replica_status(base), replica_status(second)
    existing = int((base.get("status") or {}).get("replicas") or 0)
    pods = min(int((second.get("status") or {}).get("replicas") or 0), second_status.wanted)
    needed = min(max(0, floor - base_status.available), second_status.available)
    return max(needed, pods - max(1, base_status.wanted - existing), 0)
