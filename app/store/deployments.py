"""Deployments in the database: reading, locking and changing."""

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
from app.store.columns import assignments, json_object, names_of, row_of, select_list
from app.store.database import execute, fetch, fetch_one
from app.store.paging import in_list_order, page_sql, page_values
from app.store.tasks import WRITE, Writes

COLUMNS = names_of(Deployment, but=("applications", "rollback"))
"""Fields that are columns of the table."""
RENAMED = {"created_by": "created_by_id"}
JSON_COLUMNS = ("strategy", "must_in_order")
FIELDS = (
    f"{select_list(COLUMNS, alias='d', columns=RENAMED)},"
    f" (SELECT json_agg({json_object('a', names_of(DeploymentApplication))} ORDER BY a.position)"
    " FROM deployment_applications a WHERE a.deployment_id = d.id) AS applications,"
    f" (SELECT {json_object('r', names_of(Rollback))} FROM rollbacks r"
    " WHERE r.deployment_id = d.id ORDER BY r.id DESC LIMIT 1) AS rollback"
)
SELECT = f"SELECT {FIELDS} FROM deployments d"
SELECT_WITH_RULES = (
    f"SELECT {FIELDS},"
    " (SELECT json_build_object('pools', json_build_object('main', e.worker_pool, 'build', e.build_pool),"
    " 'policy', e.approval_policy) FROM environments e WHERE e.id = d.environment_id) AS rules,"
    " EXISTS (SELECT 1 FROM approvals p WHERE p.deployment_id = d.id AND p.status = 'PENDING') AS pending"
    " FROM deployments d"
)
read = reader(Deployment, *JSON_COLUMNS, "applications", "rollback")


@dataclass(frozen=True, slots=True)
class EnvironmentRules:
    """What a tick needs of a deployment's environment: the pools that serve it, and its approval policy."""

    pools: Pools
    policy: ApprovalPolicy | None


_read_rules = msgspec.json.Decoder(EnvironmentRules).decode


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


def filter_values(filter_: DeploymentFilter) -> list[object]:
    """Return the parameters of `MATCHES`."""
    lists = (filter_.statuses, filter_.environment_ids, filter_.application_ids)
    return [
        *(None if items is None else list(items) for items in lists),
        filter_.version_id,
        filter_.created_by_id,
        filter_.created_after,
        filter_.created_before,
        [environment for environment, _ in filter_.visible],
        [application for _, application in filter_.visible],
    ]


async def insert(deployment: Deployment, definitions: Mapping[str, Definition]) -> None:
    """Store a new deployment with the present definitions of its applications, by application id."""
    await models.Deployment.create(**row_of(deployment, COLUMNS, json=JSON_COLUMNS, columns=RENAMED))
    await models.DeploymentApplication.bulk_create(
        models.DeploymentApplication(
            deployment_id=deployment.id,
            application_id=application.application_id,
            position=position,
            definition=plain(definitions[application.application_id]),
        )
        for position, application in enumerate(deployment.applications)
    )


MUTABLE = (
    "status",
    "progress",
    "error_message",
    "attempt",
    "revision",
    "last_event",
    "updated_at",
    "queued_at",
    "started_at",
    "completed_at",
    "resumed_at",
    "paused",
)
"""Columns that change over the life of a deployment."""
EVENT_TYPES = {"number": "bigint", "at": "timestamptz", "actor_id": "text", "type": "text", "body": "jsonb"}
"""Columns of an event beside its deployment, with the types of their arrays' items."""
FIRST_EVENT = 2 + len(MUTABLE)
FIRST_TASK = FIRST_EVENT + len(EVENT_TYPES)
"""Numbers of parameters; $1 is the deployment's id."""
_arrays = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(EVENT_TYPES.values(), FIRST_EVENT))
SAVE = (
    f"events_written AS (INSERT INTO deployment_events (deployment_id, {', '.join(EVENT_TYPES)})"
    f" SELECT $1, * FROM unnest({_arrays}))"
    f" UPDATE deployments SET {assignments(MUTABLE, 2)} WHERE id = $1"
)
SAVE_WITH_TASKS = (
    f"WITH {WRITE.format(tasks=f'${FIRST_TASK}', begun=f'${FIRST_TASK + 1}', ended=f'${FIRST_TASK + 2}')}, {SAVE}"
)


async def save(deployment: Deployment, events: Sequence[Event], writes: Writes) -> None:
    """Store the mutable columns of a deployment, its new events and its tasks in one statement.

    The caller holds the deployment's row lock.
    """
    parameters = [
        deployment.id,
        *(getattr(deployment, name) for name in MUTABLE),
        [event.number for event in events],
        [event.at for event in events],
        [event.actor_id for event in events],
        [type(event.body).__name__ for event in events],
        [dump(event.body) for event in events],
    ]
    if writes.tasks:
        await fetch(SAVE_WITH_TASKS, *parameters, *writes.values())
    else:
        await fetch(f"WITH {SAVE}", *parameters)


async def by_ids(ids: Sequence[str]) -> dict[str, Deployment]:
    """Return the deployments that exist among `ids`, by id."""
    rows = await fetch(f"{SELECT} WHERE d.id = ANY($1)", list(ids))
    return {row["id"]: read(row) for row in rows}


@dataclass(frozen=True, slots=True)
class LockedRow:
    """A deployment whose row is locked, and the rules of its environment.

    `has_pending_approvals` is as of when the lock was requested.
    """

    deployment: Deployment
    rules: EnvironmentRules
    has_pending_approvals: bool


async def locked(id_: str) -> LockedRow | None:
    """Return a deployment and lock its row until the transaction ends.

    After waiting for the lock, PostgreSQL reads the row again but not the subqueries. A second statement reads those in
    ROLLING_BACK, the only state in which their results change.
    """
    row = await fetch_one(f"{SELECT_WITH_RULES} WHERE d.id = $1 FOR NO KEY UPDATE OF d", id_)
    if row is not None and row["status"] == DeploymentStatus.ROLLING_BACK:
        row = await fetch_one(f"{SELECT_WITH_RULES} WHERE d.id = $1", id_)
    return LockedRow(read(row), _read_rules(row["rules"]), row["pending"]) if row else None


async def updated_since(at: datetime) -> list[Deployment]:
    """Return the deployments that were updated at or after a moment, the oldest update first."""
    return [read(row) for row in await fetch(f"{SELECT} WHERE d.updated_at >= $1 ORDER BY d.updated_at, d.id", at)]


async def page(filter_: DeploymentFilter, request: PageRequest) -> list[Deployment]:
    """Return a page of the deployments that match, newest first."""
    rows = await fetch(
        f"{SELECT} WHERE {MATCHES} AND {page_sql(request, 'd.id', 10, descending=True)}",
        *filter_values(filter_),
        *page_values(request),
    )
    return in_list_order([read(row) for row in rows], request)


async def count(filter_: DeploymentFilter) -> int:
    """Return how many deployments match."""
    row = await fetch_one(f"SELECT count(*) AS n FROM deployments d WHERE {MATCHES}", *filter_values(filter_))
    return int(row["n"]) if row else 0


async def save_previous_release(deployment_id: str, release: Release) -> None:
    """Store what ran before a deployment began to change an application. Later calls change nothing."""
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
    """Return the release that the deployment replaced; None if nothing ran before."""
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
    """Store a rollback that begins."""
    await models.Rollback.create(deployment_id=deployment_id, **plain(rollback))


async def update_rollback(deployment_id: str, rollback: Rollback) -> None:
    """Store the status of a deployment's newest rollback."""
    await execute(
        "UPDATE rollbacks SET status = $2, completed_at = $3, error_message = $4"
        " WHERE id = (SELECT max(id) FROM rollbacks WHERE deployment_id = $1)",
        deployment_id,
        rollback.status,
        rollback.completed_at,
        rollback.error_message,
    )
