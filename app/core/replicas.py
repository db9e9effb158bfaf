"""Counting replicas: how a Deployment stands, and who decides how many there are."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.manifests import Object
from app.core.workloads import REPLICAS, note, replicas_of


@dataclass(frozen=True, slots=True)
class Standing:
    """How a Deployment stands: replicas asked for, on its newest template, and available; whether that is all of it.

    `stalled` says why it does not get on, as far as the cluster has given up on it.
    """

    wanted: int
    updated: int
    available: int
    settled: bool
    stalled: str | None


def standing(deployment: Object) -> Standing:
    """Read the status of a Deployment. One whose newest change was not seen yet by its controller is not settled."""
    status, wanted = deployment.get("status") or {}, replicas_of(deployment)
    updated, available = int(status.get("updatedReplicas") or 0), int(status.get("availableReplicas") or 0)
    seen = int(status.get("observedGeneration") or 0) >= int(deployment["metadata"].get("generation") or 0)
    settled = seen and updated == wanted == int(status.get("replicas") or 0) and available >= wanted
    return Standing(wanted, updated, available, settled, _stalled(status) if seen else None)


def _stalled(status: Object) -> str | None:
    for condition in status.get("conditions") or ():
        kind, state, reason = condition.get("type"), condition.get("status"), condition.get("reason")
        message = " ".join(str(condition.get("message") or "").split())
        if kind == "Progressing" and state == "False" and reason == "ProgressDeadlineExceeded":
            return f"it made no progress within its deadline ({message})"
        if kind == "ReplicaFailure" and state == "True":
            return f"its pods can not be made ({message})"
    return None


def autoscaler(autoscalers: Iterable[Object], workload: str) -> Object | None:
    """Return the HorizontalPodAutoscaler that decides the size of a Deployment."""
    for each in autoscalers:
        target = each["spec"].get("scaleTargetRef") or {}
        if target.get("kind") == "Deployment" and target.get("name") == workload:
            return each
    return None


def size(base: Object, *, is_split: bool, is_scaled: bool) -> int:
    """Return how many replicas there are to be in all, also while a rollout has given some of them to a second one.

    `is_split`: there is a second one. `is_scaled`: an autoscaler decides, whose word is what the base asks for; where
    the second one has taken traffic of the base, that is no word on how few are needed.
    """
    kept = note(base, REPLICAS)
    if not is_split or kept is None:
        return replicas_of(base)
    return max(int(kept), replicas_of(base)) if is_scaled else int(kept)
