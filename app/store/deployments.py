"""Deployments in the database: reading, holding and changing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from app.core.approval import ApprovalPolicy
from app.core.deployment import (
    Definition,
    Deployment,
    DeploymentApplication,
    DeploymentFilter,
    DeploymentStatus,
    Rollback,
)
from app.core.environment import Pools, Release
from app.core.events import Event
from app.core.paging import PageRequest
from app.store import models
from app.store.codecs import dump, plain, reader
from app.store.database import execute, fetch, fetch_one
from app.store.paging import in_list_order, page_sql, page_values
from app.store.tasks import WRITE, Writes

SELECT = (
    "SELECT d.id, d.version_id, d.environment_id, d.status, d.progress, d.strategy, d.must_in_order,"
    " d.created_by_id AS created_by, d.created_at, d.updated_at, d.error_message, d.queued_at, d.started_at,"
    " d.resumed_at, d.completed_at, d.paused, d.attempt, d.revision, d.last_event, d.rollback_of,"
    " d.manual_approval, d.freeze_override_reason, d.template_version_id, d.source,"
    " (SELECT json_agg(json_build_object('application_id', a.application_id,"
    " 'previous_version_id', a.previous_version_id, 'previous_deployment_id', a.previous_deployment_id,"
    " 'previous_since', a.previous_since) ORDER BY a.position)"
    " FROM deployment_applications a WHERE a.deployment_id = d.id) AS applications,"
    " (SELECT json_build_object('status', r.status, 'automatic', r.automatic, 'reason', r.reason,"
    " 'requested_by', r.requested_by, 'started_at', r.started_at, 'completed_at', r.completed_at,"
    " 'error_message', r.error_message)"
    " FROM rollbacks r WHERE r.deployment_id = d.id ORDER BY r.id DESC LIMIT 1) AS rollback FROM deployments d"
)
SELECT_WITH_PLACE = SELECT.removesuffix(" FROM deployments d") + (
    ", (SELECT json_build_object('pools', json_build_object('main', e.worker_pool, 'build', e.build_pool),"
    " 'policy', e.approval_policy) FROM environments e WHERE e.id = d.environment_id) AS place,"
    " EXISTS (SELECT 1 FROM approvals p WHERE p.deployment_id = d.id AND p.status = 'PENDING') AS asked"
    " FROM deployments d"
)
read = reader(Deployment, "strategy", "must_in_order", "applications", "rollback")


@dataclass(frozen=True, slots=True)
class EnvironmentRules:
    """What a tick needs to know of a deployment's environment: the pools that serve it, and its approval policy."""

    pools: Pools
    policy: ApprovalPolicy | None


_read_place = msgspec.json.Decoder(EnvironmentRules).decode


MATCHES = (
    "($1::text[] IS NULL OR d.status = ANY($1)) AND ($2::text[] IS NULL OR d.environment_id = ANY($2))"
    " AND ($3::text[] IS NULL OR EXISTS (SELECT 1 FROM deployment_applications a"
    " WHERE a.deployment_id = d.id AND a.application_id = ANY($3)))"
    " AND ($4::text IS NULL OR d.version_id = $4) AND ($5::text IS NULL OR d.created_by_id = $5)"
    " AND ($6::timestamptz IS NULL OR d.created_at >= $6) AND ($7::timestamptz IS NULL OR d.created_at < $7)"
    " AND NOT EXISTS (SELECT 1 FROM deployment_applications a WHERE a.deployment_id = d.id AND NOT EXISTS"
    " (SELECT 1 FROM unnest($8::text[], $9::text[]) AS g(environment, application)"
    " WHERE (g.environment IS NULL OR g.environment = d.environment_id)"
    " AND (g.application IS NULL OR g.application = a.application_id)))"
)


def filter_values(wanted: DeploymentFilter) -> list[object]:
    """Return the parameters of `MATCHES`."""
    lists = (wanted.statuses, wanted.environment_ids, wanted.application_ids)
    return [
        *(None if items is None else list(items) for items in lists),
        wanted.version_id,
        wanted.created_by_id,
        wanted.created_after,
        wanted.created_before,
        [environment for environment, _ in wanted.visible],
        [application for _, application in wanted.visible],
    ]


async def insert(deployment: Deployment, definitions: Mapping[str, Definition]) -> None:
    """Store a new deployment. `definitions` says, by application id, how its applications are defined now."""
    columns = {name: getattr(deployment, name) for name in PLAIN_COLUMNS}
    await models.Deployment.create(
        **columns,
        created_by_id=deployment.created_by,
        strategy=plain(deployment.strategy),
        rollback_of=deployment.rollback_of,
    )
    await models.DeploymentApplication.bulk_create(
        models.DeploymentApplication(
            deployment_id=deployment.id,
            application_id=application.application_id,
            position=position,
            definition=plain(definitions[application.application_id]),
        )
        for position, application in enumerate(deployment.applications)
    )


PLAIN_COLUMNS = (
    "id",
    "version_id",
    "environment_id",
    "status",
    "progress",
    "must_in_order",
    "error_message",
    "attempt",
    "revision",
    "last_event",
    "created_at",
    "updated_at",
    "queued_at",
    "started_at",
    "resumed_at",
    "completed_at",
    "paused",
    "manual_approval",
    "freeze_override_reason",
    "template_version_id",
    "source",
)


SAVE = (
    "events_written AS (INSERT INTO deployment_events (deployment_id, number, at, actor_id, type, body)"
    " SELECT $1, * FROM unnest($14::bigint[], $15::timestamptz[], $16::text[], $17::text[], $18::jsonb[]))"
    " UPDATE deployments SET status = $2, progress = $3, error_message = $4, attempt = $5, revision = $6,"
    " last_event = $7, updated_at = $8, queued_at = $9, started_at = $10, completed_at = $11, resumed_at = $12,"
    " paused = $13 WHERE id = $1"
)
SAVE_ALL = f"WITH {WRITE.format(tasks='$19', begun='$20', ended='$21')}, {SAVE}"


async def save(deployment: Deployment, events: Sequence[Event], writes: Writes) -> None:
    """Store what changes of a deployment over its life, its new events, and its tasks, in one statement.

    Its row must be held.
    """
    parameters = [
        deployment.id,
        deployment.status,
        deployment.progress,
        deployment.error_message,
        deployment.attempt,
        deployment.revision,
        deployment.last_event,
        deployment.updated_at,
        deployment.queued_at,
        deployment.started_at,
        deployment.completed_at,
        deployment.resumed_at,
        deployment.paused,
        [event.number for event in events],
        [event.at for event in events],
        [event.actor_id for event in events],
        [type(event.body).__name__ for event in events],
        [dump(event.body) for event in events],
    ]
    if writes.tasks:
        await fetch(SAVE_ALL, *parameters, *writes.values())
    else:
        await fetch(f"WITH {SAVE}", *parameters)


async def by_ids(ids: Sequence[str]) -> dict[str, Deployment]:
    """Return the deployments that exist among `ids`, by id."""
    rows = await fetch(f"{SELECT} WHERE d.id = ANY($1)", list(ids))
    return {row["id"]: read(row) for row in rows}


@dataclass(frozen=True, slots=True)
class LockedRow:
    """A deployment whose row is held, and its environment's pools and approval policy.

    `asked` tells that people were asked and have not decided, as of when the lock was asked for.
    """

    deployment: Deployment
    place: EnvironmentRules
    asked: bool


async def locked(id_: str) -> LockedRow | None:
    """Return a deployment and hold its row until the transaction ends.

    Where the lock was waited for, PostgreSQL reads the row itself again, but not what was joined to it: that is read by
    a second statement in the one state in which it changes.
    """
    row = await fetch_one(f"{SELECT_WITH_PLACE} WHERE d.id = $1 FOR NO KEY UPDATE OF d", id_)
    if row is not None and row["status"] == DeploymentStatus.ROLLING_BACK:
        row = await fetch_one(f"{SELECT_WITH_PLACE} WHERE d.id = $1", id_)
    return LockedRow(read(row), _read_place(row["place"]), row["asked"]) if row else None


async def updated_since(at: datetime) -> list[Deployment]:
    """Return the deployments that have changed since, the longest ago first."""
    return [read(row) for row in await fetch(f"{SELECT} WHERE d.updated_at >= $1 ORDER BY d.updated_at, d.id", at)]


async def page(wanted: DeploymentFilter, span: PageRequest) -> list[Deployment]:
    """Return a part of the deployments that match, newest first."""
    rows = await fetch(
        f"{SELECT} WHERE {MATCHES} AND {page_sql(span, 'd.id', 10, descending=True)}",
        *filter_values(wanted),
        *page_values(span),
    )
    return in_list_order([read(row) for row in rows], span)


async def count(wanted: DeploymentFilter) -> int:
    """Return how many deployments match."""
    row = await fetch_one(f"SELECT count(*) AS n FROM deployments d WHERE {MATCHES}", *filter_values(wanted))
    return int(row["n"]) if row else 0


async def save_previous_release(deployment_id: str, release: Release) -> None:
    """Remember, once, what ran before a deployment began to change an application."""
    await execute(
        "UPDATE deployment_applications SET previous_version_id = $3, previous_deployment_id = $4, previous_since = $5"
        " WHERE deployment_id = $1 AND application_id = $2 AND previous_version_id IS NULL",
        deployment_id,
        release.application_id,
        release.version_id,
        release.deployment_id,
        release.since,
    )


def previous_release(deployment: Deployment, application: DeploymentApplication) -> Release | None:
    """Return what ran before, None when nothing did."""
    if application.previous_version_id is None:
        return None
    return Release(
        environment_id=deployment.environment_id,
        application_id=application.application_id,
        version_id=application.previous_version_id,
        deployment_id=application.previous_deployment_id or deployment.id,
        since=application.previous_since or deployment.created_at,
    )


async def begin_rollback(deployment_id: str, rollback: Rollback) -> None:
    """Store that a rollback has begun."""
    await models.Rollback.create(deployment_id=deployment_id, **plain(rollback))


async def update_rollback(deployment_id: str, rollback: Rollback) -> None:
    """Store how the newest rollback stands."""
    await execute(
        "UPDATE rollbacks SET status = $2, completed_at = $3, error_message = $4"
        " WHERE id = (SELECT max(id) FROM rollbacks WHERE deployment_id = $1)",
        deployment_id,
        rollback.status,
        rollback.completed_at,
        rollback.error_message,
    )
