"""Applications in the database."""

from collections.abc import Sequence
from typing import Any

from app.core.application import Application
from app.store import models
from app.store.convert import plain, reader
from app.store.database import fetch, fetch_one

COLUMNS = "id, name, description, repository_url, build, test, shell, kubernetes, health_check, archived_at, created_at"
_read = reader(Application, "build", "test", "shell", "kubernetes", "health_check")


async def insert(application: Application) -> None:
    """Store a new application."""
    await models.Application.create(**plain_columns(application))


async def update(application: Application) -> None:
    """Store every column of an application again."""
    columns = plain_columns(application)
    await models.Application.filter(id=columns.pop("id")).update(**columns)


def plain_columns(application: Application) -> dict[str, Any]:
    """Return an application's columns, nested values as plain JSON."""
    nested = ("build", "test", "shell", "kubernetes", "health_check")
    columns: dict[str, Any] = {name: getattr(application, name) for name in COLUMNS.split(", ")}
    return columns | {name: plain(columns[name]) for name in nested}


async def by_ids(ids: Sequence[str]) -> dict[str, Application]:
    """Return the applications that exist among `ids`, by id."""
    rows = await fetch(f"SELECT {COLUMNS} FROM applications WHERE id = ANY($1)", list(ids))
    return {row["id"]: _read(row) for row in rows}


async def by_name(name: str) -> Application | None:
    """Return the application of that name, archived or not."""
    row = await fetch_one(f"SELECT {COLUMNS} FROM applications WHERE name = $1", name)
    return _read(row) if row else None


async def locked(id_: str) -> Application | None:
    """Return an application and hold its row until the transaction ends."""
    row = await fetch_one(f"SELECT {COLUMNS} FROM applications WHERE id = $1 FOR NO KEY UPDATE", id_)
    return _read(row) if row else None


async def page(after: str | None, limit: int, contains: str | None) -> list[Application]:
    """Return up to `limit` applications that are not archived, by name, from behind the name `after`."""
    rows = await fetch(
        f"SELECT {COLUMNS} FROM applications WHERE archived_at IS NULL AND ($1::text IS NULL OR name > $1)"
        " AND ($2::text IS NULL OR strpos(lower(name), lower($2)) > 0) ORDER BY name LIMIT $3",
        after,
        contains,
        limit,
    )
    return [_read(row) for row in rows]


async def count(contains: str | None) -> int:
    """Return how many applications `page` would go through."""
    row = await fetch_one(
        "SELECT count(*) AS n FROM applications WHERE archived_at IS NULL"
        " AND ($1::text IS NULL OR strpos(lower(name), lower($1)) > 0)",
        contains,
    )
    return int(row["n"]) if row else 0
