"""Knowing what there is: a list, then what changes, over any number of broken connections."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from app.core.manifests import Object, name_of, version_of
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
                await trouble(str(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_SECONDS)
        else:
            if away:
                await trouble(None)
            return answer


async def snapshots(
    cluster: Cluster, kind: Kind, selector: str, trouble: Trouble
) -> AsyncGenerator[dict[str, Object], None]:
    """Yield all the objects with these labels, by name: as they are, and again after each change. Never ends.

    A watch that breaks begins anew with a list, so that nothing is missed; so does one whose version is too old.
    """
    pause = AGAIN_SECONDS
    while True:
        listing = await persistently(lambda: cluster.list(kind, selector), trouble)
        objects = {name_of(item): item for item in listing.items}
        yield dict(objects)
        version, broken = listing.version, False
        while not broken:
            try:
                async with aclosing(cluster.watch(kind, selector, version)) as events:
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
