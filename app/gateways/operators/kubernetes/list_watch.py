"""Lists and watches of a cluster's objects, over any number of broken connections."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from app.core.kubernetes.manifests import Object, name_of, version_of
from app.gateways.operators.kubernetes.cluster import Cluster, Kind
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError

T = TypeVar("T")
logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
"""Between two tries at a cluster that is away: from the first figure up to the second, doubled each time."""

OutageReport = Callable[[str | None], Awaitable[None]]
"""Called once with what is wrong when the cluster is away, and with None when it answers again."""


async def retry_while_away(call: Callable[[], Awaitable[T]], report: OutageReport) -> T:
    """Repeat a call until the cluster answers, without a limit: cancel to stop. Raises ClusterRefusedError."""
    try:
        # Most calls succeed at once, and go without the cost of a policy.
        return await call()
    except ClusterAwayError as error:
        await report(error.description)

    async def repeat() -> T:  # tenacity awaits coroutine functions only, and many calls are lambdas
        return await call()

    await asyncio.sleep(FIRST_PAUSE_SECONDS)
    answer: T = await AsyncRetrying(
        retry=retry_if_exception_type(ClusterAwayError),
        wait=wait_exponential(2 * FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
    )(repeat)
    await report(None)
    return answer


async def ignore_outage(_: str | None) -> None:
    """Report nothing: another reader of the same cluster reports the outage."""


async def list_and_watch(
    cluster: Cluster, kind: Kind, selector: str, report: OutageReport, fields: str = ""
) -> AsyncGenerator[dict[str, Object], None]:
    """Yield all objects with these labels and fields, by name: the list, then the whole after each change. Never ends.

    A watch that breaks, or whose version is too old, begins anew with a list, so that no change is missed.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        listing = await retry_while_away(lambda: cluster.list(kind, selector, fields), report)
        objects = {name_of(item): item for item in listing.items}
        yield dict(objects)
        version, is_broken = listing.version, False
        while not is_broken:
            try:
                async with aclosing(cluster.watch(kind, selector, version, fields)) as events:
                    async for event in events:
                        body = event["object"]
                        if event["type"] == "ERROR":
                            is_broken = True
                            break
                        version = version_of(body) or version
                        if event["type"] == "BOOKMARK":
                            continue
                        if event["type"] == "DELETED":
                            objects.pop(name_of(body), None)
                        else:
                            objects[name_of(body)] = body
                        pause = FIRST_PAUSE_SECONDS
                        yield dict(objects)
            except ClusterAwayError as error:
                logger.info("a watch broke, watching again: %s", error)
                is_broken = True
            except ClusterRefusedError as error:
                if not error.is_gone:
                    raise
                is_broken = True
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


class ChangeSignal:
    """Wakes a reader when an object has changed; where it cannot be watched, at intervals."""

    def __init__(self, poll_seconds: float, watched_poll_seconds: float) -> None:
        self._changed = asyncio.Event()
        self._is_watching = True
        self._poll_seconds = poll_seconds
        self._watched_poll_seconds = watched_poll_seconds

    async def wait(self) -> None:
        """Return when the object has changed since the last call, or when it is time to read it anyway."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._watched_poll_seconds if self._is_watching else self._poll_seconds):
                await self._changed.wait()
                await asyncio.sleep(self._poll_seconds / 10)
        self._changed.clear()

    async def watch(self, cluster: Cluster, kind: Kind, name: str) -> None:
        """Watch the object until cancelled, or until the cluster refuses the watch."""
        try:
            async with aclosing(list_and_watch(cluster, kind, "", ignore_outage, f"metadata.name={name}")) as changes:
                async for _ in changes:
                    self._changed.set()
        except ClusterRefusedError as error:
            logger.warning("%s %s cannot be watched, and is polled instead: %s", kind.name, name, error)
        finally:
            self._is_watching = False
            self._changed.set()


@asynccontextmanager
async def watch_object(
    cluster: Cluster, kind: Kind, name: str, poll_seconds: float, watched_poll_seconds: float
) -> AsyncIterator[ChangeSignal]:
    """Watch an object beside the block.

    `ChangeSignal.wait` returns at each change and every `watched_poll_seconds`; without a watch every `poll_seconds`.
    """
    signal = ChangeSignal(poll_seconds, watched_poll_seconds)
    watching = asyncio.create_task(signal.watch(cluster, kind, name), name=f"watch of {name}")
    try:
        yield signal
    finally:
        watching.cancel()
        await asyncio.wait([watching])
