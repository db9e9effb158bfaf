"""Giving the pods of a base its track where they are: none of them is replaced for that.

The ReplicaSets and the pods get the label first, and the template of the Deployment last, which is paused meanwhile. To
its controller the newest ReplicaSet is then what the template asks for.
"""

import asyncio

from app.core.kubernetes import replicas, tracks
from app.core.kubernetes.manifests import Object, is_owned_by, is_terminating, name_of, uid_of
from app.core.kubernetes.workloads import TRACK, annotation
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, PODS, REPLICA_SETS
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.workload import ClusterWorkload

SEEN_SECONDS = 10.0
"""How long its controller may take to see that nothing is to be replaced; after that it decides by itself."""


async def mark(moving: ClusterWorkload) -> None:
    """Let all pods of the base have its track. Raises StuckError.

    They are replaced, one after the other, only where labels cannot be given to them in place.
    """
    base = await moving.base()
    if annotation(base, tracks.PAUSED) is not None or not tracks.has_track_label(base):
        if await _in_place(moving, base):
            return
        await moving.replace_marked()
        return
    at = replicas.replica_status(base)
    if not at.settled and at.updated < int((base.get("status") or {}).get("replicas") or 0):
        await moving.settled(moving.name)


async def resume(moving: ClusterWorkload, base: Object) -> None:
    """Go on with what another worker has begun, so that the base is not left paused."""
    if annotation(base, tracks.PAUSED) is not None:
        await _in_place(moving, base)


async def _in_place(moving: ClusterWorkload, base: Object) -> bool:
    """Return whether the base, and all that belongs to it, has the track now."""
    is_held = annotation(base, tracks.PAUSED) is not None
    try:
        sets = [each for each in await moving.all_of(REPLICA_SETS) if is_owned_by(each, uid_of(base))]
        if not is_held and (not sets or base["spec"].get("paused")):
            return False
        await moving.change(DEPLOYMENTS, moving.name, tracks.paused)
        if not is_held:
            await moving.say(f"The pods of {moving.name} get the label {TRACK}={tracks.STABLE}; none is replaced.")
        for each in sets:
            await moving.change(REPLICA_SETS, name_of(each), tracks.with_track_label)
        await _label_pods(moving, base, {uid_of(each) for each in (base, *sets)})
    except ClusterRefusedError as error:
        await moving.say(f"WARN: labels cannot be given to the pods of {moving.name} as they are: {error}")
        await moving.change(DEPLOYMENTS, moving.name, tracks.resumed)
        return False
    await moving.change(DEPLOYMENTS, moving.name, tracks.with_track_label)
    await _until_seen(moving)
    await moving.change(DEPLOYMENTS, moving.name, tracks.resumed)
    return True


async def _label_pods(moving: ClusterWorkload, base: Object, owners: set[str]) -> None:
    """Label the pods of these owners, until there is none without: meanwhile some may come from before."""

    def labelled(seen: Object) -> Object:
        known = {**(seen["metadata"].get("labels") or {}), TRACK: tracks.STABLE}
        return {**seen, "metadata": {**seen["metadata"], "labels": known}}

    while True:
        there = await moving.pods_of(base)
        found = [pod for pod in there if not is_terminating(pod) and any(is_owned_by(pod, uid) for uid in owners)]
        bare = [pod for pod in found if (pod["metadata"].get("labels") or {}).get(TRACK) is None]
        if not bare:
            return
        for pod in bare:
            try:
                await moving.change(PODS, name_of(pod), labelled)
            except ClusterRefusedError as error:
                if not error.is_missing:
                    raise


async def _until_seen(moving: ClusterWorkload) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + SEEN_SECONDS
    while loop.time() < until:
        base = await moving.base()
        status = base.get("status") or {}
        is_seen = int(status.get("observedGeneration") or 0) >= int(base["metadata"].get("generation") or 0)
        if is_seen and replicas.replica_status(base).updated == int(status.get("replicas") or 0):
            return
        await asyncio.sleep(moving.pace.poll)
