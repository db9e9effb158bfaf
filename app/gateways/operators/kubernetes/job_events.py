"""The events of a Job and its pods, as the cluster records them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

from app.core.kubernetes.manifests import Object, uid_of
from app.gateways.operators.kubernetes.cluster import Cluster
from app.gateways.operators.kubernetes.event_feed import follow_events

POLL_SECONDS = 3.0
"""Between two lists of events where they may not be watched."""
MESSAGE_LENGTH = 500
"""Characters of an event's message that a log line has at most."""

OnEvents = Callable[[Sequence[Object]], Awaitable[None]]
"""Called with all events of one object, the oldest first, whenever one comes."""


class JobEvents:
    """Follows the events of objects, which are added as they become known."""

    def __init__(self, cluster: Cluster, on_events: OnEvents) -> None:
        self._cluster = cluster
        self._on_events = on_events
        self._uids: set[str] = set()
        self._added: asyncio.Queue[str] = asyncio.Queue()

    def add(self, body: Object) -> None:
        """Follow the events of another object. Adding it again does nothing."""
        if (uid := uid_of(body)) not in self._uids:
            self._uids.add(uid)
            self._added.put_nowait(uid)

    async def run(self) -> None:
        """Follow all of them until cancelled. Raises what `on_events` raises."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    group.create_task(self._follow(await self._added.get()))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _follow(self, uid: str) -> None:
        async with aclosing(follow_events(self._cluster, POLL_SECONDS, f"involvedObject.uid={uid}")) as feed:
            async for events in feed:
                await self._on_events(events)


def as_line(event: Object) -> str:
    """Return an event as a line of a log."""
    kind = (event.get("involvedObject") or {}).get("kind") or "Object"
    message = " ".join(str(event.get("message") or "").split())[:MESSAGE_LENGTH]
    level = "WARN: " if event.get("type") == "Warning" else ""
    return f"{level}{kind} {event.get('reason')}: {message}"
