"""Environments, and the releases that run in them, in the database."""

from collections.abc import Sequence

from app.core.environment import Environment, Release
from app.store import models
from app.store.codecs import reader
from app.store.columns import names_of, row_of
from app.store.database import execute, fetch, fetch_one

COLUMNS = names_of(Environment)
SELECT = f"SELECT {', '.join(COLUMNS)} FROM environments"
JSON_COLUMNS = ("kubernetes", "approval_policy")
RELEASE_COLUMNS = names_of(Release)
SELECT_RELEASE = f"SELECT {', '.join(RELEASE_COLUMNS)} FROM releases"
_read = reader(Environment, *JSON_COLUMNS)
_read_release = reader(Release)


async def insert(environment: Environment) -> None:
    """Store a new environment."""
    await models.Environment.create(**row_of(environment, COLUMNS, json=JSON_COLUMNS))


async def update(environment: Environment) -> None:
    """Store all columns of an environment."""
    row = row_of(environment, COLUMNS, json=JSON_COLUMNS)
    await models.Environment.filter(id=row.pop("id")).update(**row)


async def by_ids(ids: Sequence[str]) -> dict[str, Environment]:
    """Return the environments that exist among `ids`, by id."""
    rows = await fetch(f"{SELECT} WHERE id = ANY($1)", list(ids))
    return {row["id"]: _read(row) for row in rows}


async def by_name(name: str) -> Environment | None:
    """Return the environment of that name."""
    row = await fetch_one(f"{SELECT} WHERE name = $1", name)
    return _read(row) if row else None


async def locked(id_: str) -> Environment | None:
    """Return an environment and lock its row, and so its queue, until the transaction ends."""
    row = await fetch_one(f"{SELECT} WHERE id = $1 FOR NO KEY UPDATE", id_)
    return _read(row) if row else None


async def all_by_rank() -> list[Environment]:
    """Return every environment in promotion order."""
    rows = await fetch(f"{SELECT} ORDER BY rank, name")
    return [_read(row) for row in rows]


async def served_by(pool: str, operators: Sequence[str]) -> list[Environment]:
    """Return the environments that a pool serves and that use one of the operators."""
    rows = await fetch(
        f"{SELECT} WHERE $1 IN (worker_pool, build_pool) AND operator = ANY($2) ORDER BY id",
        pool,
        list(operators),
    )
    return [_read(row) for row in rows]


async def releases_in(environment_ids: Sequence[str]) -> list[Release]:
    """Return the releases that run in the environments."""
    rows = await fetch(
        f"{SELECT_RELEASE} WHERE environment_id = ANY($1) ORDER BY application_id",
        list(environment_ids),
    )
    return [_read_release(row) for row in rows]


async def releases_of(application_ids: Sequence[str]) -> list[Release]:
    """Return the releases of the applications in all environments."""
    rows = await fetch(
        f"{SELECT_RELEASE} WHERE application_id = ANY($1) ORDER BY environment_id",
        list(application_ids),
    )
    return [_read_release(row) for row in rows]


async def put_release(release: Release) -> None:
    """Store the release that runs now, in place of an earlier one."""
    await execute(
        f"INSERT INTO releases ({', '.join(RELEASE_COLUMNS)}) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (environment_id, application_id) DO UPDATE SET version_id = excluded.version_id,"
        " deployment_id = excluded.deployment_id, since = excluded.since, color = excluded.color",
        *(getattr(release, name) for name in RELEASE_COLUMNS),
    )


async def set_color(environment_id: str, application_id: str, color: str | None) -> None:
    """Store which set (blue or green) of an application serves now, if a release of it is stored."""
    await execute(
        "UPDATE releases SET color = $3 WHERE environment_id = $1 AND application_id = $2",
        environment_id,
        application_id,
        color,
    )


async def remove_release(environment_id: str, application_id: str) -> None:
    """Delete the release of an application that no longer runs."""
    await execute(
        "DELETE FROM releases WHERE environment_id = $1 AND application_id = $2", environment_id, application_id
    )
