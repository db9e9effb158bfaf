"""Events that a cluster records about objects, as they come."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from app.core.kubernetes.manifests import Object
from app.gateways.operators.kubernetes.cluster import EVENTS, Cluster
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.list_watch import ignore_outage, list_and_watch

logger = logging.getLogger(__name__)


async def follow_events(cluster: Cluster, poll_seconds: float, fields: str = "") -> AsyncGenerator[list[Object], None]:
    """Yield all events with these fields, the oldest first: those that exist, and all again when one comes.

    Where they may be listed but not watched, list them every `poll_seconds`: older roles grant only that. Ends where
    they may not be listed either.
    """
    try:
        async with aclosing(list_and_watch(cluster, EVENTS, "", ignore_outage, fields)) as snapshots:
            async for events in snapshots:
                yield sorted(events.values(), key=event_time)
    except ClusterRefusedError as error:
        logger.info("events cannot be watched, and are polled instead: %s", error)
    while True:
        try:
            listing = await cluster.list(EVENTS, fields=fields)
        except ClusterAwayError:
            pass
        except ClusterRefusedError as error:
            logger.warning("events cannot be read, so logs do not have them: %s", error)
            return
        else:
            yield sorted(listing.items, key=event_time)
        await asyncio.sleep(poll_seconds)


def event_time(event: Object) -> str:
    """Return when an event came last: newer clusters have it in other fields than older ones."""
    series = event.get("series") or {}
    when = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(when or event["metadata"].get("creationTimestamp") or "")
