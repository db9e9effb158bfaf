"""What the cluster tells of a Job and its pods as it happens: their events."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

from app.core.kubernetes.manifests import Object, uid_of
from app.gateways.operators.kubernetes.cluster import EVENTS, Cluster
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.list_watch import snapshots

LOOK_SECONDS = 3.0
"""How often events are looked at where they may not be watched."""
WORDS = 500

Hear = Callable[[Sequence[Object]], Awaitable[None]]


class JobEvents:
    """Follows the events of objects as they become known.

    `hear` is told all that one of them has whenever one comes, in their order.
    """

    def __init__(self, cluster: Cluster, hear: Hear) -> None:
        self._cluster = cluster
        self._hear = hear
        self._known: set[str] = set()
        self._new: asyncio.Queue[str] = asyncio.Queue()

    def add(self, body: Object) -> None:
        """Follow the events of an object more."""
        if (uid := uid_of(body)) not in self._known:
            self._known.add(uid)
            self._new.put_nowait(uid)

    async def run(self) -> None:
        """Follow them until cancelled. Raises what hearing raises."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    group.create_task(self._follow(f"involvedObject.uid={await self._new.get()}"))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _follow(self, about: str) -> None:
        try:
            async with aclosing(snapshots(self._cluster, EVENTS, "", _quiet, about)) as seen:
                async for events in seen:
                    await self._hear(sorted(events.values(), key=at))
        except ClusterRefusedError:
            await self._look(about)

    async def _look(self, about: str) -> None:
        """Look at them again and again: rights to list are older than those to watch."""
        while True:
            try:
                await self._hear(sorted((await self._cluster.list(EVENTS, fields=about)).items, key=at))
            except ClusterAwayError:
                pass
            except ClusterRefusedError:
                return
            await asyncio.sleep(LOOK_SECONDS)


def at(event: Object) -> str:
    """Return when an event came last: newer clusters tell it in other fields than older ones."""
    series = event.get("series") or {}
    when = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(when or event["metadata"].get("creationTimestamp") or "")


def told(event: Object) -> str:
    """Return an event as a line of a log."""
    kind = (event.get("involvedObject") or {}).get("kind") or "Object"
    message = " ".join(str(event.get("message") or "").split())[:WORDS]
    level = "WARN: " if event.get("type") == "Warning" else ""
    return f"{level}{kind} {event.get('reason')}: {message}"


async def _quiet(_: str | None) -> None:
    """Say nothing: whoever follows the Job tells of a cluster that is away."""
