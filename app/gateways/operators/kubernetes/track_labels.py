"""The track label on the pods of a base, put there without replacing a pod.

The ReplicaSets and pods get the label first, and the template of the Deployment last. The Deployment is paused
meanwhile, so that its controller finds the newest ReplicaSet equal to the template and replaces nothing.
"""

import asyncio

from app.core.kubernetes import replicas, tracks
from app.core.kubernetes.manifests import Object, is_owned_by, is_terminating, name_of, uid_of
from app.core.kubernetes.workloads import TRACK, annotation
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, PODS, REPLICA_SETS
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.workload import ClusterWorkload

OBSERVE_SECONDS = 10.0
"""How long the Deployment's controller may take to observe the new template; then it is resumed in any case."""


async def label_base(workload: ClusterWorkload) -> None:
    """Give all pods of the base its track label. Raises StuckError.

    The pods are replaced, one after the other, only where labels cannot be added to them.
    """
    base = await workload.base()
    if annotation(base, tracks.PAUSED) is not None or not tracks.has_track_label(base):
        if await _label_in_place(workload, base):
            return
        await workload.replace_with_labelled()
        return
    status = replicas.replica_status(base)
    if not status.settled and status.updated < int((base.get("status") or {}).get("replicas") or 0):
        await workload.wait_until_ready(workload.name)


async def resume(workload: ClusterWorkload, base: Object) -> None:
    """Finish labelling that another worker began, so that the base does not stay paused."""
    if annotation(base, tracks.PAUSED) is not None:
        await _label_in_place(workload, base)


async def _label_in_place(workload: ClusterWorkload, base: Object) -> bool:
    """Label the base and all that it owns. Return False where that is not possible."""
    is_paused = annotation(base, tracks.PAUSED) is not None
    try:
        replica_sets = [body for body in await workload.list_objects(REPLICA_SETS) if is_owned_by(body, uid_of(base))]
        if not is_paused and (not replica_sets or base["spec"].get("paused")):
            return False
        await workload.modify(DEPLOYMENTS, workload.name, tracks.paused)
        if not is_paused:
            await workload.log(f"The pods of {workload.name} get the label {TRACK}={tracks.STABLE}; none is replaced.")
        for replica_set in replica_sets:
            await workload.modify(REPLICA_SETS, name_of(replica_set), tracks.with_track_label)
        await _label_pods(workload, base, {uid_of(owner) for owner in (base, *replica_sets)})
    except ClusterRefusedError as error:
        await workload.log(f"WARN: running pods of {workload.name} cannot be labelled: {error}")
        await workload.modify(DEPLOYMENTS, workload.name, tracks.resumed)
        return False
    await workload.modify(DEPLOYMENTS, workload.name, tracks.with_track_label)
    await _wait_until_observed(workload)
    await workload.modify(DEPLOYMENTS, workload.name, tracks.resumed)
    return True


async def _label_pods(workload: ClusterWorkload, base: Object, owners: set[str]) -> None:
    """Label the pods of these owners until none is without: more may be created from the old template meanwhile."""

    def labelled(pod: Object) -> Object:
        labels = {**(pod["metadata"].get("labels") or {}), TRACK: tracks.STABLE}
        return {**pod, "metadata": {**pod["metadata"], "labels": labels}}

    while True:
        pods = [pod for pod in await workload.pods_of(base) if not is_terminating(pod)]
        owned = [pod for pod in pods if any(is_owned_by(pod, uid) for uid in owners)]
        unlabelled = [pod for pod in owned if (pod["metadata"].get("labels") or {}).get(TRACK) is None]
        if not unlabelled:
            return
        for pod in unlabelled:
            try:
                await workload.modify(PODS, name_of(pod), labelled)
            except ClusterRefusedError as error:
                if not error.is_missing:
                    raise


async def _wait_until_observed(workload: ClusterWorkload) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + OBSERVE_SECONDS
    while loop.time() < deadline:
        base = await workload.base()
        status = base.get("status") or {}
        is_observed = int(status.get("observedGeneration") or 0) >= int(base["metadata"].get("generation") or 0)
        if is_observed and replicas.replica_status(base).updated == int(status.get("replicas") or 0):
            return
        await asyncio.sleep(workload.intervals.poll_seconds)
