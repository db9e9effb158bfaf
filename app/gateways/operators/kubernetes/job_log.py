"""The log of a Job's run: the lines of its container, from the first byte to the last, and those of the operator."""

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
"""Between two connections to a log."""


class JobLog:
    """Writes to the log of one run, for several writers: it calls the sink for one of them at a time."""

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink
        self._lock = asyncio.Lock()
        self._logged: set[str] = set()

    async def write(self, stream: Stream, lines: Sequence[str]) -> None:
        """Write lines. Raises what the sink raises."""
        async with self._lock:
            await self._sink(stream, lines)

    async def line(self, text: str) -> None:
        """Write a line of the operator."""
        await self.write(Stream.SYSTEM, [text])

    async def once(self, text: str, message: str = "") -> None:
        """Write a line of the operator, unless it or a line with `message` in it was written before."""
        if text not in self._logged and not (message and any(message in line for line in self._logged)):
            self._logged.add(text)
            await self.line(text)

    async def report_outage(self, outage: str | None) -> None:
        """Write that the cluster is away, or that it answers again."""
        await self.line(f"WARN: {outage}" if outage else "The cluster answers again.")


async def follow(cluster: Cluster, current_pods: Callable[[], Sequence[Object]], log: LogSink) -> None:
    """Pass on the log of the first pod that has one, to its end. Raises what `log` raises.

    `current_pods` returns the pods of the Job as they were last seen. A broken connection is opened again.
    """
    tail, pod = Tail(), await _first_pod_with_log(current_pods)
    while True:
        is_whole = "terminated" in pods.main_state(_current(pod, current_pods()))
        try:
            reading = cluster.log(name_of(pod), manifests.CONTAINER, tail.since)
            async with aclosing(reading) as chunks:
                async for chunk in chunks:
                    if lines := tail.feed(chunk):
                        await log(Stream.STDOUT, lines)
            if is_whole:
                break
        except ClusterAwayError:
            pass
        except ClusterRefusedError as error:
            if error.is_missing:
                await log(Stream.SYSTEM, ["WARN: the pod was deleted, and with it the rest of its log."])
                break
            if error.status != 400:
                raise
        tail.reconnect()
        await asyncio.sleep(PAUSE_SECONDS)
    if lines := tail.finish():
        await log(Stream.STDOUT, lines)


async def _first_pod_with_log(current_pods: Callable[[], Sequence[Object]]) -> Object:
    while True:
        if pod := pods.newest(pod for pod in current_pods() if pods.has_log(pod)):
            return pod
        await asyncio.sleep(PAUSE_SECONDS / 4)


def _current(pod: Object, current_pods: Sequence[Object]) -> Object:
    return next((current for current in current_pods if uid_of(current) == uid_of(pod)), pod)
