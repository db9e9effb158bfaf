"""Following a deployment's events, in order, exactly once."""

from collections.abc import AsyncGenerator, Sequence
from functools import partial

from app.core.deployment import ENDED
from app.core.events import DeploymentStatusChanged, Event
from app.services.feeds.tail import Feed, FeedPage, LivePage, items_behind, tail
from app.services.runtime import Runtime
from app.store import deployments as deployment_store
from app.store import event_feed as store

MAX_EVENTS = 500
"""Events that are read at once."""


def follow(runtime: Runtime, deployment_id: str, after: int) -> AsyncGenerator[FeedPage[Event], None]:
    """Yield every event behind the number `after`, up to the last one of an ended deployment."""
    feed = Feed(
        store.topic(deployment_id),
        partial(_read_pages, deployment_id),
        partial(_is_over, deployment_id),
        decode_live=_decode_live,
    )
    return tail(runtime.bus, feed, after)


async def _read_pages(deployment_id: str, position: int) -> Sequence[FeedPage[Event]]:
    events = (await store.pages([deployment_id], position, MAX_EVENTS))[deployment_id]
    return [FeedPage(events, events[-1].number if events else position, len(events) < MAX_EVENTS)]


def _decode_live(messages: Sequence[bytes], position: int) -> LivePage[Event] | None:
    events = items_behind(position, [event for message in messages for event in store.decode(message)])
    if events is None:
        return None
    return LivePage(events, position + len(events), True, may_end=any(_ends(event) for event in events))


def _ends(event: Event) -> bool:
    return isinstance(event.body, DeploymentStatusChanged) and event.body.to in ENDED


async def _is_over(deployment_id: str, position: int) -> bool:
    """Return whether a deployment has ended, or is gone, and has no event behind a position."""
    deployment = (await deployment_store.by_ids([deployment_id])).get(deployment_id)
    return deployment is None or (deployment.status in ENDED and deployment.last_event <= position)
