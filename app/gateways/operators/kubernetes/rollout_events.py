"""What happens to a rollout's objects in the cluster, written to the log of its task while the rollout goes on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

from app.core.kubernetes import event_digest, tracks, workloads
from app.core.kubernetes.event_digest import EventDigest
from app.core.kubernetes.manifests import Object
from app.core.log_levels import Stream
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, PODS, Cluster
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.event_feed import follow_events
from app.gateways.operators.kubernetes.workload import ClusterWorkload
from app.ports import LogSink

POLL_SECONDS = 4.0
"""Between two reads of what holds a workload up; the first comes after as long. Also between two lists of events."""

BASELINE_SECONDS = 2.0
"""How long a rollout waits at its start to learn which events are older than it."""


def serialized(log: LogSink) -> LogSink:
    """Return a sink that several writers may share: it calls `log` for one of them at a time."""
    lock = asyncio.Lock()

    async def write(stream: Stream, lines: Sequence[str]) -> None:
        async with lock:
            await log(stream, lines)

    return write


class RolloutEvents:
    """Writes a rollout's events and problems to its log. To be used once."""

    def __init__(self, workload: ClusterWorkload, digest: EventDigest, *, is_first: bool) -> None:
        self._workload = workload
        self._digest = digest
        self._is_first = is_first
        self._names = (workload.name, *(f"{workload.name}-{track}" for track in tracks.SECOND_TRACKS))
        self._reported: set[str] = set()
        self._has_baseline = asyncio.Event()

    async def wait_for_baseline(self) -> None:
        """Wait until the events from before the rollout are known, unless the cluster does not answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BASELINE_SECONDS if self._is_first else 0):
                await self._has_baseline.wait()

    async def follow_events(self) -> None:
        """Log events as they come, until cancelled. Events from before the rollout are left out."""
        async with aclosing(follow_events(self._workload.cluster, POLL_SECONDS)) as feed:
            async for events in feed:
                own = [event for event in events if event_digest.concerns(event, self._names)]
                for line in self._digest.lines(own, silently=self._is_first):
                    await self._workload.log(line)
                self._is_first = False
                self._has_baseline.set()

    async def report_problems(self) -> None:
        """Log what has held the workload up for a while, once each, until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                problems = [problem for name in self._names for problem in await self._problems(name)]
            except (ClusterAwayError, ClusterRefusedError):
                continue
            for key, line in problems:
                if key not in self._reported:
                    await self._workload.log(f"WARN: waiting: {line}.")
            self._reported = {key for key, _ in problems}

    async def _problems(self, name: str) -> list[tuple[str, str]]:
        """Return (key, line) of each problem of a workload of that name."""
        cluster = self._workload.cluster
        kind = (self._workload.kind if name == self._workload.name else None) or DEPLOYMENTS
        body = await cluster.get(kind, name)
        if body is None:
            return []
        return list(event_digest.rollout_problems(body, await _pods(cluster, body), self._digest.probes))


async def _pods(cluster: Cluster, body: Object) -> list[Object]:
    """Return the pods of a workload, and not those of another set with its labels."""
    labels = body["spec"]["selector"].get("matchLabels") or {}
    listing = await cluster.list(PODS, ",".join(f"{key}={value}" for key, value in labels.items()))
    track = labels.get(workloads.TRACK)
    return [
        pod
        for pod in listing.items
        if track or (pod["metadata"].get("labels") or {}).get(workloads.TRACK) not in tracks.SECOND_TRACKS
    ]


@asynccontextmanager
async def reporting(workload: ClusterWorkload, digest: EventDigest, *, is_first: bool) -> AsyncIterator[None]:
    """Log what happens to a workload while the block runs. Raises what writing to the log raises."""
    events = RolloutEvents(workload, digest, is_first=is_first)
    reports = (events.follow_events(), events.report_problems())
    tasks = [asyncio.create_task(report, name="events of a rollout") for report in reports]
    try:
        await events.wait_for_baseline()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
