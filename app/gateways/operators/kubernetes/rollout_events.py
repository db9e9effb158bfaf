"""Telling a rollout's log what happens to its objects in the cluster, while that goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

from app.core.kubernetes import event_digest, tracks, workloads
from app.core.kubernetes.event_digest import EventDigest
from app.core.kubernetes.manifests import Object
from app.core.log_levels import Stream
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, EVENTS, PODS, Cluster
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.job_events import at
from app.gateways.operators.kubernetes.list_watch import snapshots
from app.gateways.operators.kubernetes.workload import ClusterWorkload
from app.ports import LogSink

logger = logging.getLogger(__name__)

LOOK_SECONDS = 4.0
"""After how long it is looked for what keeps a workload from getting on, and how often."""

BEGIN_SECONDS = 2.0


def in_turns(log: LogSink) -> LogSink:
    """Return a sink that several may write to: it is called for one of them at a time."""
    turn = asyncio.Lock()

    async def write(stream: Stream, lines: Sequence[str]) -> None:
        async with turn:
            await log(stream, lines)

    return write


class RolloutEvents:
    """Tells what happens to the objects of a rollout. To be used once."""

    def __init__(self, moving: ClusterWorkload, digest: EventDigest, *, is_first: bool) -> None:
        self._moving = moving
        self._digest = digest
        self._is_first = is_first
        self._names = (moving.name, *(f"{moving.name}-{track}" for track in tracks.SECOND_TRACKS))
        self._told: set[str] = set()
        self._begun = asyncio.Event()

    async def begun(self) -> None:
        """Wait until it is known which events were there before, unless the cluster does not answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BEGIN_SECONDS if self._is_first else 0):
                await self._begun.wait()

    async def follow(self) -> None:
        """Tell events as they come, until cancelled. Those that were there before the rollout are none of its."""
        try:
            async with aclosing(snapshots(self._moving.cluster, EVENTS, "", _quiet)) as seen:
                async for events in seen:
                    await self._tell(list(events.values()))
        except ClusterRefusedError as error:
            logger.info("events cannot be watched, and are looked at now and then: %s", error)
            await self._look_at_events()

    async def _look_at_events(self) -> None:
        while True:
            try:
                await self._tell(list((await self._moving.cluster.list(EVENTS)).items))
            except ClusterAwayError:
                pass
            except ClusterRefusedError as error:
                logger.warning("events cannot be told: %s", error)
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _tell(self, events: list[Object]) -> None:
        ours = sorted((each for each in events if event_digest.concerns(each, self._names)), key=at)
        for line in self._digest.lines(ours, silently=self._is_first):
            await self._moving.say(line)
        self._is_first = False
        self._begun.set()

    async def look(self) -> None:
        """Tell what keeps the workload from getting on, once it does for a while, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                found = [line for name in self._names for line in await self._hindrances(name)]
            except (ClusterAwayError, ClusterRefusedError):
                continue
            for why, line in found:
                if why not in self._told:
                    await self._moving.say(f"WARN: waiting: {line}.")
            self._told = {why for why, _ in found}

    async def _hindrances(self, name: str) -> list[tuple[str, str]]:
        cluster = self._moving.cluster
        kind = (self._moving.kind if name == self._moving.name else None) or DEPLOYMENTS
        found = await cluster.get(kind, name)
        if found is None:
            return []
        return list(event_digest.rollout_problems(found, await _pods(cluster, found), self._digest.probes))


async def _pods(cluster: Cluster, workload: Object) -> list[Object]:
    """Return the pods of a workload, and not those of another set with its labels."""
    match = workload["spec"]["selector"].get("matchLabels") or {}
    listing = await cluster.list(PODS, ",".join(f"{key}={value}" for key, value in match.items()))
    track = match.get(workloads.TRACK)
    return [
        pod
        for pod in listing.items
        if track or (pod["metadata"].get("labels") or {}).get(workloads.TRACK) not in tracks.SECOND_TRACKS
    ]


@asynccontextmanager
async def told(moving: ClusterWorkload, digest: EventDigest, *, is_first: bool) -> AsyncIterator[None]:
    """Tell what happens to a workload while the block runs. Raises what writing to the log raises."""
    witness = RolloutEvents(moving, digest, is_first=is_first)
    works = [asyncio.create_task(work, name="events of a rollout") for work in (witness.follow(), witness.look())]
    try:
        await witness.begun()
        yield
    finally:
        for work in works:
            work.cancel()
        await asyncio.wait(works)
    for work in works:
        if not work.cancelled() and (error := work.exception()) is not None:
            raise error


async def _quiet(_: str | None) -> None:
    """Say nothing: whoever moves the workload tells of a cluster that is away."""
