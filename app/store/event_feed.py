"""The event feed of a deployment. Events are numbered under its row lock, so numbers have no gaps."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.core.batch_history import ProgressPoint
from app.core.events import BODIES, Event
from app.core.metrics import MetricResult
from app.core.strategy.model import Phase
from app.store.codecs import encode_json
from app.store.database import Row, fetch
from app.store.paging import ChildRows

CHANGES = "deployments"
"""The topic on which the ids of changed deployments are published."""


def topic(deployment_id: str) -> str:
    """Return the topic on which a deployment's events are published."""
    return f"events:{deployment_id}"


async def pages(deployment_ids: Sequence[str], after: int, limit: int) -> dict[str, list[Event]]:
    """Return up to `limit` events behind the number `after` of each deployment, in order."""
    rows = await fetch(
        "SELECT event.* FROM unnest($1::text[]) AS deployment(id) CROSS JOIN LATERAL ("
        "SELECT deployment_id, number, at, actor_id, type, body FROM deployment_events"
        " WHERE deployment_id = deployment.id AND number > $2 ORDER BY number LIMIT $3) AS event",
        list(deployment_ids),
        after,
        limit,
    )
    events: dict[str, list[Event]] = {id_: [] for id_ in deployment_ids}
    for row in rows:
        events[row["deployment_id"]].append(_read(row))
    return events


async def progress_of_rollouts(task_ids: Sequence[str]) -> dict[str, list[ProgressPoint]]:
    """Return the progress of each deploy task's rollout in order, without its instances."""
    rows = await fetch(
        "SELECT event.body->>'task_id' AS task, event.at, event.body->'progress'->>'phase' AS phase,"
        " (event.body->'progress'->>'step_index')::int AS step, (event.body->'progress'->>'batch')::int AS batch,"
        " event.body->'progress'->'metrics' AS metrics"
        " FROM tasks task JOIN deployment_events event ON event.deployment_id = task.deployment_id"
        " WHERE task.id = ANY($1) AND event.type = 'RolloutProgressed' AND event.body->>'task_id' = task.id"
        " ORDER BY event.deployment_id, event.number",
        list(task_ids),
    )
    points: dict[str, list[ProgressPoint]] = {id_: [] for id_ in task_ids}
    for row in rows:
        metrics = msgspec.json.decode(row["metrics"] or "[]", type=tuple[MetricResult, ...])
        point = ProgressPoint(row["at"], Phase(row["phase"]), row["step"], row["batch"], metrics)
        points[row["task"]].append(point)
    return points


def _read(row: Row) -> Event:
    return Event(
        deployment_id=row["deployment_id"],
        number=row["number"],
        at=row["at"],
        actor_id=row["actor_id"],
        body=msgspec.json.decode(row["body"], type=BODIES[row["type"]]),
    )


EVENTS = ChildRows(
    "SELECT deployment_id, number, at, actor_id, type, body FROM deployment_events",
    "deployment_events",
    "deployment_id",
    "number",
    _read,
    type_="bigint",
)
"""The events of deployments, the oldest first."""


class _Message(msgspec.Struct):
    deployment_id: str
    number: int
    at: datetime
    actor_id: str | None
    type: str
    body: msgspec.Raw


_decode_message = msgspec.json.Decoder(list[_Message]).decode


def encode(events: Sequence[Event]) -> bytes:
    """Return a message with events of one deployment."""
    return encode_json(
        [
            {
                "deployment_id": event.deployment_id,
                "number": event.number,
                "at": event.at,
                "actor_id": event.actor_id,
                "type": type(event.body).__name__,
                "body": event.body,
            }
            for event in events
        ]
    )


def decode(message: bytes) -> list[Event]:
    """Return the events of a message."""
    return [
        Event(
            deployment_id=event.deployment_id,
            number=event.number,
            at=event.at,
            actor_id=event.actor_id,
            body=msgspec.json.decode(event.body, type=BODIES[event.type]),
        )
        for event in _decode_message(message)
    ]
