"""Environments, and what runs in them, in the database."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from app.core.environment import Environment, Release
from app.store import models
from app.store.codecs import plain, reader
from app.store.database import execute, fetch, fetch_one

COLUMNS = ", ".join(field.name for field in fields(Environment))
RELEASE = "environment_id, application_id, version_id, deployment_id, since, color"
NESTED = ("kubernetes", "approval_policy")
_read = reader(Environment, *NESTED)
_read_release = reader(Release)


async def insert(environment: Environment) -> None:
    """Store a new environment."""
    await models.Environment.create(**_columns(environment))


async def update(environment: Environment) -> None:
    """Store every column of an environment again."""
    columns = _columns(environment)
    await models.Environment.filter(id=columns.pop("id")).update(**columns)


def _columns(environment: Environment) -> dict[str, Any]:
    columns = {field.name: getattr(environment, field.name) for field in fields(environment)}
    return columns | {name: plain(columns[name]) for name in NESTED}


async def by_ids(ids: Sequence[str]) -> dict[str, Environment]:
    """Return the environments that exist among `ids`, by id."""
    rows = await fetch(f"SELECT {COLUMNS} FROM environments WHERE id = ANY($1)", list(ids))
    return {row["id"]: _read(row) for row in rows}


async def by_name(name: str) -> Environment | None:
    """Return the environment of that name."""
    row = await fetch_one(f"SELECT {COLUMNS} FROM environments WHERE name = $1", name)
    return _read(row) if row else None


async def locked(id_: str) -> Environment | None:
    """Return an environment and hold its row until the transaction ends: starts in it come one after another."""
    row = await fetch_one(f"SELECT {COLUMNS} FROM environments WHERE id = $1 FOR NO KEY UPDATE", id_)
    return _read(row) if row else None


async def all_by_rank() -> list[Environment]:
    """Return every environment in promotion order."""
    rows = await fetch(f"SELECT {COLUMNS} FROM environments ORDER BY rank, name")
    return [_read(row) for row in rows]


async def served_by(pool: str, operators: Sequence[str]) -> list[Environment]:
    """Return the environments of a pool that have one of the operators."""
    rows = await fetch(
        f"SELECT {COLUMNS} FROM environments WHERE $1 IN (worker_pool, build_pool) AND operator = ANY($2) ORDER BY id",
        pool,
        list(operators),
    )
    return [_read(row) for row in rows]


async def releases_in(environment_ids: Sequence[str]) -> list[Release]:
    """Return what runs in the environments."""
    rows = await fetch(
        f"SELECT {RELEASE} FROM releases WHERE environment_id = ANY($1) ORDER BY application_id",
        list(environment_ids),
    )
    return [_read_release(row) for row in rows]


async def releases_of(application_ids: Sequence[str]) -> list[Release]:
    """Return where the applications run, and what."""
    rows = await fetch(
        f"SELECT {RELEASE} FROM releases WHERE application_id = ANY($1) ORDER BY environment_id",
        list(application_ids),
    )
    return [_read_release(row) for row in rows]


async def put_release(release: Release) -> None:
    """Record what runs now."""
    await execute(
        f"INSERT INTO releases ({RELEASE}) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (environment_id, application_id) DO UPDATE SET version_id = excluded.version_id,"
        " deployment_id = excluded.deployment_id, since = excluded.since, color = excluded.color",
        release.environment_id,
        release.application_id,
        release.version_id,
        release.deployment_id,
        release.since,
        release.color,
    )


async def set_color(environment_id: str, application_id: str, color: str | None) -> None:
    """Record which set of an application serves now, where something is known to run."""
    await execute(
        "UPDATE releases SET color = $3 WHERE environment_id = $1 AND application_id = $2",
        environment_id,
        application_id,
        color,
    )


async def remove_release(environment_id: str, application_id: str) -> None:
    """Record that nothing of ours runs any more."""
    await execute(
        "DELETE FROM releases WHERE environment_id = $1 AND application_id = $2", environment_id, application_id
    )
