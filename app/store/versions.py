"""Versions in the database."""

from collections.abc import Sequence

from app.core.version import Version
from app.store import models
from app.store.convert import reader
from app.store.database import fetch, fetch_one

SELECT = (
    "SELECT v.id, v.name, v.commit, v.created_by_id AS created_by, v.created_at,"
    " (SELECT coalesce(json_agg(json_build_object('application_id', a.application_id, 'image', a.image)"
    " ORDER BY a.position), '[]') FROM artifacts a WHERE a.version_id = v.id) AS artifacts FROM versions v"
)
_read = reader(Version, "artifacts")


async def insert(version: Version) -> None:
    """Store a new version with its artifacts."""
    await models.Version.create(
        id=version.id,
        name=version.name,
        commit=version.commit,
        created_by_id=version.created_by,
        created_at=version.created_at,
    )
    await models.Artifact.bulk_create(
        models.Artifact(
            version_id=version.id, application_id=artifact.application_id, position=position, image=artifact.image
        )
        for position, artifact in enumerate(version.artifacts)
    )


async def of_name(name: str, application_ids: Sequence[str]) -> list[Version]:
    """Return the versions of exactly that name that hold any of the applications, newest first."""
    rows = await fetch(
        f"{SELECT} WHERE v.name = $1 AND EXISTS (SELECT 1 FROM artifacts a"
        " WHERE a.version_id = v.id AND a.application_id = ANY($2)) ORDER BY v.id DESC",
        name,
        list(application_ids),
    )
    return [_read(row) for row in rows]


async def by_ids(ids: Sequence[str]) -> dict[str, Version]:
    """Return the versions that exist among `ids`, by id."""
    rows = await fetch(f"{SELECT} WHERE v.id = ANY($1)", list(ids))
    return {row["id"]: _read(row) for row in rows}


async def page(after: str | None, limit: int, contains: str | None) -> list[Version]:
    """Return up to `limit` versions, newest first, made before the one with the id `after`."""
    rows = await fetch(
        f"{SELECT} WHERE ($1::text IS NULL OR v.id < $1)"
        " AND ($2::text IS NULL OR strpos(lower(v.name), lower($2)) > 0) ORDER BY v.id DESC LIMIT $3",
        after,
        contains,
        limit,
    )
    return [_read(row) for row in rows]


async def count(contains: str | None) -> int:
    """Return how many versions `page` would go through."""
    row = await fetch_one(
        "SELECT count(*) AS n FROM versions WHERE $1::text IS NULL OR strpos(lower(name), lower($1)) > 0", contains
    )
    return int(row["n"]) if row else 0
