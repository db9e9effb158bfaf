"""The log of a Job's container, followed from its first byte to its last over any number of connections."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing

from app.core.kubernetes import manifests, pods
from app.core.kubernetes.manifests import Object, name_of, uid_of
from app.core.log_levels import Stream
from app.gateways.operators.kubernetes.cluster import Cluster
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.log_tail import Tail
from app.ports import LogSink

PAUSE_SECONDS = 0.2


async def follow(cluster: Cluster, known: Callable[[], Sequence[Object]], log: LogSink) -> None:
    """Pass the log on, once a pod has begun; `known` gives the pods as they are seen. Raises what the log raises."""
    tail, pod = Tail(), await _begun(known)
    while True:
        whole = "terminated" in pods.main_state(_current(pod, known()))
        try:
            reading = cluster.log(name_of(pod), manifests.CONTAINER, tail.since)
            async with aclosing(reading) as chunks:
                async for chunk in chunks:
                    if lines := tail.feed(chunk):
                        await log(Stream.STDOUT, lines)
            if whole:
                break
        except ClusterAwayError:
            pass
        except ClusterRefusedError as error:
            if error.is_missing:
                await log(Stream.SYSTEM, ["WARN: the pod is gone, and with it the rest of its log."])
                break
            if error.status != 400:
                raise
        tail.reconnect()
        await asyncio.sleep(PAUSE_SECONDS)
    if lines := tail.finish():
        await log(Stream.STDOUT, lines)


async def _begun(known: Callable[[], Sequence[Object]]) -> Object:
    while True:
        if pod := pods.newest(pod for pod in known() if pods.has_log(pod)):
            return pod
        await asyncio.sleep(PAUSE_SECONDS / 4)


def _current(pod: Object, known: Sequence[Object]) -> Object:
    return next((each for each in known if uid_of(each) == uid_of(pod)), pod)
