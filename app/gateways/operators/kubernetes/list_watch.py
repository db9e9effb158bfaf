"""Knowing what there is: a list, then what changes, over any number of broken connections."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TypeVar

from app.core.kubernetes.manifests import Object, name_of, version_of
from app.gateways.operators.kubernetes.cluster import Cluster, Kind
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError

T = TypeVar("T")
logger = logging.getLogger(__name__)

AGAIN_SECONDS = 0.2
LONGEST_SECONDS = 5.0
"""Between two tries at a cluster that is away: from the first figure up to the second."""

Trouble = Callable[[str | None], Awaitable[None]]
"""Told what is wrong with the cluster, once, and None when it answers again."""


async def persistently(call: Callable[[], Awaitable[T]], trouble: Trouble) -> T:
    """Call again and again until the cluster answers. Raises ClusterRefusedError. Who can not wait for ever cancels."""
    pause, away = AGAIN_SECONDS, False
    while True:
        try:
            answer = await call()
        except ClusterAwayError as error:
            if not away:
                away = True
                await trouble(error.told)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_SECONDS)
        else:
            if away:
                await trouble(None)
            return answer


async def snapshots(
    cluster: Cluster, kind: Kind, selector: str, trouble: Trouble, fields: str = ""
) -> AsyncGenerator[dict[str, Object], None]:
    """Yield all the objects with these labels and fields, by name: as they are, and after each change. Never ends.

    A watch that breaks begins anew with a list, so that nothing is missed; so does one whose version is too old.
    """
    pause = AGAIN_SECONDS
    while True:
        listing = await persistently(lambda: cluster.list(kind, selector, fields), trouble)
        objects = {name_of(item): item for item in listing.items}
        yield dict(objects)
        version, broken = listing.version, False
        while not broken:
            try:
                async with aclosing(cluster.watch(kind, selector, version, fields)) as events:
                    async for event in events:
                        body = event["object"]
                        if event["type"] == "ERROR":
                            broken = True
                            break
                        version = version_of(body) or version
                        if event["type"] == "BOOKMARK":
                            continue
                        if event["type"] == "DELETED":
                            objects.pop(name_of(body), None)
                        else:
                            objects[name_of(body)] = body
                        pause = AGAIN_SECONDS
                        yield dict(objects)
            except ClusterAwayError as error:
                logger.info("watching again: %s", error)
                broken = True
            except ClusterRefusedError as error:
                if not error.is_gone:
                    raise
                broken = True
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_SECONDS)


class Alarm:
    """Tells whoever waits that an object has changed; where it can not be watched, only that some time has passed."""

    def __init__(self, seconds: float, watched_seconds: float) -> None:
        self._changed = asyncio.Event()
        self._watching = True
        self._seconds = seconds
        self._watched_seconds = watched_seconds

    async def wait(self) -> None:
        """Return when something has changed since the last call, or may have, as it was so long ago."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._watched_seconds if self._watching else self._seconds):
                await self._changed.wait()
                await asyncio.sleep(self._seconds / 10)
        self._changed.clear()

    async def follow(self, cluster: Cluster, kind: Kind, name: str) -> None:
        """Watch the object until cancelled, or until the cluster refuses that."""
        try:
            async with aclosing(snapshots(cluster, kind, "", _quiet, f"metadata.name={name}")) as seen:
                async for _ in seen:
                    self._changed.set()
        except ClusterRefusedError as error:
            logger.warning("%s %s can not be watched, and is looked at now and then: %s", kind.name, name, error)
        finally:
            self._watching = False
            self._changed.set()


@asynccontextmanager
async def alarmed(
    cluster: Cluster, kind: Kind, name: str, seconds: float, watched_seconds: float
) -> AsyncIterator[Alarm]:
    """Watch an object beside the block. Without a watch `wait` returns each `seconds`, with one after more of them."""
    alarm = Alarm(seconds, watched_seconds)
    following = asyncio.create_task(alarm.follow(cluster, kind, name), name=f"watch of {name}")
    try:
        yield alarm
    finally:
        following.cancel()
        await asyncio.wait([following])


async def _quiet(_: str | None) -> None:
    """Say nothing: whoever looks at the object tells of a cluster that is away."""
