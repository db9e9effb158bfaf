"""StatefulSets and DaemonSets: their pods are replaced in place, by their own mechanisms.

A StatefulSet is updated down to a partition, the pods of the highest ordinals first. A DaemonSet is updated as its
owner has it, or, in batches, by deleting as many pods as may be missing at a time. So is what has `OnDelete`.
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
from app.gateways.operators.kubernetes.list_watch import persistently
from app.gateways.operators.kubernetes.workload import ClusterWorkload, stuck_if

ON_DELETE = {"type": "OnDelete"}


async def bring(moving: ClusterWorkload, shape: Shape) -> None:
    """Give the workload a shape. Raises StuckError."""
    base = await moving.base()
    own = await _own(moving, base)
    whole = shape.finished or shape.updated >= shape.total
    ordered = moving.kind is STATEFUL_SETS
    manner = own if whole and not ordered else ON_DELETE
    if ordered and own.get("type") != "OnDelete":
        manner = _down_to(0 if whole else shape.total - shape.updated)
    goal = shape.total if whole else shape.updated
    await _run(moving, moving.workload.image, manner, again=moving.target.restart)
    read = partial(
        replicas.stateful_set_status if ordered else replicas.daemon_set_status, goal=None if whole else goal
    )
    if manner.get("type") == "OnDelete":
        await _replace(moving, goal, own, read)
    await moving.settled(moving.name, None, read)
    if shape.finished:
        await moving.change(moving.kind or DEPLOYMENTS, moving.name, lambda seen: _in_manner(seen, own))
        await moving.keep(over=True, manner=None)


async def take_back(moving: ClusterWorkload) -> Outcome:
    """Bring back what ran before. Raises StuckError."""
    base, moved = await moving.base(), moving.moved
    container, previous = moving.target.container, moved.previous if moved else None
    found, kind = image_of(base, container), moving.kind or DEPLOYMENTS
    own = await _own(moving, base)
    known = (previous, moving.workload.image, *(moved.images if moved else ()))
    fault = drift.image(base, container, *known)
    if fault:
        await moving.say(f"WARN: {fault}.")
    elif previous:
        await moving.keep(image=found, images_before=())
        await moving.say(f"Bringing {previous} back to {moving.name}.")
        ordered = moving.kind is STATEFUL_SETS
        manner = _down_to(0) if ordered and own.get("type") != "OnDelete" else own
        await _run(moving, previous, manner)
        await _end_broken(moving, previous)
        read = partial(replicas.stateful_set_status if ordered else replicas.daemon_set_status, goal=None)
        if manner.get("type") == "OnDelete":
            await _replace(moving, read(await moving.base()).wanted, own, read)
        await moving.settled(moving.name, None, read)
    notes = {ROLLOUT_OF: None, REPLICAS: None, PREVIOUS_IMAGE: None}
    await moving.change(kind, moving.name, lambda seen: annotated(_in_manner(seen, own), notes))
    await moving.workload.store.save(None)
    return Outcome(Ending.LEFT, fault) if fault else Outcome(Ending.SUCCEEDED)


async def _own(moving: ClusterWorkload, base: Object) -> Object:
    """Return the workload's own manner of updates, and keep it before another one is in its place."""
    if moving.moved is not None and moving.moved.manner is None:
        await moving.keep(manner=json.dumps(base["spec"].get("updateStrategy") or {}))
    kept = moving.moved.manner if moving.moved else None
    own: Object = json.loads(kept) if kept else base["spec"].get("updateStrategy") or {}
    return own


def _down_to(partition: int) -> Object:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}


def _in_manner(seen: Object, manner: Object) -> Object:
    spec = {**seen["spec"], "updateStrategy": manner}
    return {**seen, "spec": spec if manner else {key: spec[key] for key in spec if key != "updateStrategy"}}


async def _run(moving: ClusterWorkload, image: str, manner: Object, *, again: bool = False) -> None:
    await moving.intend(image)

    def changed(seen: Object) -> Object:
        stuck_if(moving.image_fault(seen))
        made = with_image(_in_manner(seen, manner), moving.target.container, image)
        return workloads.restarted(made, moving.workload.deployment_id) if again else made

    await moving.change(moving.kind or DEPLOYMENTS, moving.name, changed)
    await moving.arrived()


async def _replace(moving: ClusterWorkload, goal: int, own: Object, read: Callable[[Object], ReplicaStatus]) -> None:
    """Delete old pods until `goal` of them are new ones, as many at a time as may be missing. Raises StuckError."""
    while True:
        base = await moving.base()
        pods = [pod for pod in await moving.pods_of(base) if not is_terminating(pod)]
        old = sorted((pod for pod in pods if not _is_new(moving, base, pod)), key=_ordinal, reverse=True)
        missing = goal - (len(pods) - len(old))
        if missing <= 0 or not old:
            return
        for pod in old[: min(missing, replicas.max_unavailable(own, read(base).wanted))]:
            await moving.say(f"Deleting {name_of(pod)}, for a new one to take its place.")
            await _delete(moving, name_of(pod))
        await _whole(moving, read)


async def _whole(moving: ClusterWorkload, read: Callable[[Object], ReplicaStatus]) -> None:
    """Wait until as many pods are available as there are to be, of whatever version. Raises StuckError."""

    def available(seen: Object) -> ReplicaStatus:
        at = read(seen)
        return ReplicaStatus(at.wanted, at.updated, at.available, at.available >= at.wanted, at.stalled)

    await asyncio.sleep(moving.pace.poll)
    await moving.settled(moving.name, None, available)


async def _end_broken(moving: ClusterWorkload, image: str) -> None:
    """Delete pods of the new version that are not ready: a StatefulSet would wait for them before it goes back."""
    base = await moving.base()
    for pod in await moving.pods_of(base):
        ready = any(
            each.get("type") == "Ready" and each.get("status") == "True"
            for each in (pod.get("status") or {}).get("conditions") or ()
        )
        images = {each.get("image") for each in workloads.containers_of(pod["spec"])}
        if image not in images and not ready and not is_terminating(pod):
            await _delete(moving, name_of(pod))


async def _delete(moving: ClusterWorkload, pod: str) -> None:
    await persistently(lambda: moving.cluster.delete(PODS, pod), moving.trouble)


def _is_new(moving: ClusterWorkload, base: Object, pod: Object) -> bool:
    """Return whether a pod is of the newest template, as far as Boreas changes that."""
    container = moving.target.container
    images = {each.get("image") for each in workloads.containers_of(pod["spec"]) if each["name"] == container}
    wanted = ((base["spec"]["template"].get("metadata") or {}).get("annotations") or {}).get(RESTARTED)
    found = (pod["metadata"].get("annotations") or {}).get(RESTARTED)
    return images == {image_of(base, container)} and wanted == found


def _ordinal(pod: Object) -> tuple[int, str]:
    name = name_of(pod)
    end = name.rpartition("-")[2]
    return (int(end) if end.isdigit() else -1, name)
