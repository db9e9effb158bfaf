"""StatefulSets and DaemonSets: their pods are replaced in place, by the means that these kinds have.

A StatefulSet is updated down to a partition, the highest ordinals first. A DaemonSet is updated by its own strategy or,
in batches, by deleting at most the permitted number of pods at a time. A workload with `OnDelete`
is updated like that too.
"""

import asyncio
import json
from collections.abc import Callable
from functools import partial

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import drift, replicas, workloads
from app.core.kubernetes.manifests import Object, is_terminating, name_of
from app.core.kubernetes.replicas import ReplicaStatus
from app.core.kubernetes.workloads import (
    PREVIOUS_IMAGE,
    REPLICAS,
    RESTARTED,
    ROLLOUT_OF,
    annotated,
    image_of,
    with_image,
)
from app.core.strategy.model import Shape
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, PODS, STATEFUL_SETS
from app.gateways.operators.kubernetes.list_watch import retry_while_away
from app.gateways.operators.kubernetes.workload import ClusterWorkload, stuck_if

ON_DELETE = {"type": "OnDelete"}

ReadStatus = Callable[[Object], ReplicaStatus]


async def apply(workload: ClusterWorkload, shape: Shape) -> None:
    """Give the workload a shape. Raises StuckError."""
    base = await workload.base()
    own_strategy = await _own_strategy(workload, base)
    is_whole = shape.finished or shape.updated >= shape.total
    is_stateful_set = workload.kind is STATEFUL_SETS
    strategy = own_strategy if is_whole and not is_stateful_set else ON_DELETE
    if is_stateful_set and own_strategy.get("type") != "OnDelete":
        strategy = _down_to(0 if is_whole else shape.total - shape.updated)
    goal = shape.total if is_whole else shape.updated
    await _set_image(workload, workload.rollout.image, strategy, restart=workload.target.restart)
    read = _reader(workload, None if is_whole else goal)
    if strategy.get("type") == "OnDelete":
        await _replace_pods(workload, goal, own_strategy, read)
    await workload.wait_until_ready(workload.name, None, read)
    if shape.finished:
        kind = workload.kind or DEPLOYMENTS
        await workload.modify(kind, workload.name, lambda body: _with_strategy(body, own_strategy))
        await workload.save(over=True, manner=None)


async def roll_back(workload: ClusterWorkload) -> Outcome:
    """Bring back the version before. Raises StuckError."""
    base, moved = await workload.base(), workload.moved
    container, previous = workload.target.container, moved.previous if moved else None
    own_strategy = await _own_strategy(workload, base)
    images = (previous, workload.rollout.image, *(moved.images if moved else ()))
    fault = drift.image(base, container, *images)
    if fault:
        await workload.log(f"WARN: {fault}.")
    elif previous:
        await workload.save(image=image_of(base, container), images_before=())
        await workload.log(f"Bringing {previous} back to {workload.name}.")
        await _restore_image(workload, previous, own_strategy)
    annotations = {ROLLOUT_OF: None, REPLICAS: None, PREVIOUS_IMAGE: None}
    kind = workload.kind or DEPLOYMENTS
    await workload.modify(kind, workload.name, lambda body: annotated(_with_strategy(body, own_strategy), annotations))
    await workload.rollout.store.save(None)
    return Outcome(Ending.LEFT, fault) if fault else Outcome(Ending.SUCCEEDED)


async def _restore_image(workload: ClusterWorkload, image: str, own_strategy: Object) -> None:
    is_stateful_set = workload.kind is STATEFUL_SETS
    strategy = _down_to(0) if is_stateful_set and own_strategy.get("type") != "OnDelete" else own_strategy
    await _set_image(workload, image, strategy)
    await _delete_broken_pods(workload, image)
    read = _reader(workload, None)
    if strategy.get("type") == "OnDelete":
        await _replace_pods(workload, read(await workload.base()).wanted, own_strategy, read)
    await workload.wait_until_ready(workload.name, None, read)


def _reader(workload: ClusterWorkload, goal: int | None) -> ReadStatus:
    """Return how to read the status of the workload, whose first `goal` replicas are to be updated; None: all."""
    status = replicas.stateful_set_status if workload.kind is STATEFUL_SETS else replicas.daemon_set_status
    return partial(status, goal=goal)


async def _own_strategy(workload: ClusterWorkload, base: Object) -> Object:
    """Return the workload's own update strategy. Store it before the rollout replaces it."""
    if workload.moved is not None and workload.moved.manner is None:
        await workload.save(manner=json.dumps(base["spec"].get("updateStrategy") or {}))
    stored = workload.moved.manner if workload.moved else None
    strategy: Object = json.loads(stored) if stored else base["spec"].get("updateStrategy") or {}
    return strategy


def _down_to(partition: int) -> Object:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}


def _with_strategy(body: Object, strategy: Object) -> Object:
    spec = {**body["spec"], "updateStrategy": strategy}
    return {**body, "spec": spec if strategy else {key: spec[key] for key in spec if key != "updateStrategy"}}


async def _set_image(workload: ClusterWorkload, image: str, strategy: Object, *, restart: bool = False) -> None:
    await workload.record_intent(image)

    def updated(current: Object) -> Object:
        stuck_if(workload.image_drift(current))
        body = with_image(_with_strategy(current, strategy), workload.target.container, image)
        return workloads.restarted(body, workload.rollout.deployment_id) if restart else body

    await workload.modify(workload.kind or DEPLOYMENTS, workload.name, updated)
    await workload.record_done()


async def _replace_pods(workload: ClusterWorkload, goal: int, own_strategy: Object, read: ReadStatus) -> None:
    """Delete old pods until `goal` pods are new, at most the permitted number at a time. Raises StuckError."""
    while True:
        base = await workload.base()
        pods = [pod for pod in await workload.pods_of(base) if not is_terminating(pod)]
        old = sorted((pod for pod in pods if not _is_new(workload, base, pod)), key=_ordinal, reverse=True)
        missing = goal - (len(pods) - len(old))
        if missing <= 0 or not old:
            return
        for pod in old[: min(missing, replicas.max_unavailable(own_strategy, read(base).wanted))]:
            await workload.log(f"Deleting {name_of(pod)}, so that a new pod replaces it.")
            await _delete_pod(workload, name_of(pod))
        await _wait_until_available(workload, read)


async def _wait_until_available(workload: ClusterWorkload, read: ReadStatus) -> None:
    """Wait until as many pods are available as the workload asks for, of either version. Raises StuckError."""

    def availability(body: Object) -> ReplicaStatus:
        status = read(body)
        is_available = status.available >= status.wanted
        return ReplicaStatus(status.wanted, status.updated, status.available, is_available, status.stalled)

    await asyncio.sleep(workload.intervals.poll_seconds)
    await workload.wait_until_ready(workload.name, None, availability)


async def _delete_broken_pods(workload: ClusterWorkload, image: str) -> None:
    """Delete pods of the new version that are not ready: a StatefulSet would wait for them before it goes back."""
    base = await workload.base()
    for pod in await workload.pods_of(base):
        is_ready = any(
            condition.get("type") == "Ready" and condition.get("status") == "True"
            for condition in (pod.get("status") or {}).get("conditions") or ()
        )
        images = {container.get("image") for container in workloads.containers_of(pod["spec"])}
        if image not in images and not is_ready and not is_terminating(pod):
            await _delete_pod(workload, name_of(pod))


async def _delete_pod(workload: ClusterWorkload, name: str) -> None:
    await retry_while_away(lambda: workload.cluster.delete(PODS, name), workload.report_outage)


def _is_new(workload: ClusterWorkload, base: Object, pod: Object) -> bool:
    """Return whether a pod has the newest template, in the parts that Boreas changes."""
    name = workload.target.container
    images = {part.get("image") for part in workloads.containers_of(pod["spec"]) if part["name"] == name}
    restart = ((base["spec"]["template"].get("metadata") or {}).get("annotations") or {}).get(RESTARTED)
    pod_restart = (pod["metadata"].get("annotations") or {}).get(RESTARTED)
    return images == {image_of(base, name)} and restart == pod_restart


def _ordinal(pod: Object) -> tuple[int, str]:
    name = name_of(pod)
    end = name.rpartition("-")[2]
    return (int(end) if end.isdigit() else -1, name)
