"""Applications in the database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app.core.application import Application
from app.store import models
from app.store.codecs import plain, reader
from app.store.database import fetch
from app.store.named_rows import NamedRows

COLUMNS = "id, name, description, repository_url, build, test, shell, kubernetes, health_check, archived_at, created_at"
_read = reader(Application, "build", "test", "shell", "kubernetes", "health_check")
_named = NamedRows("applications", COLUMNS, _read)
by_ids, by_name, locked, page, count = _named.by_ids, _named.by_name, _named.locked, _named.page, _named.count


async def archived_among(ids: Sequence[str]) -> list[str]:
    """Return the names of those applications among `ids` that are archived."""
    rows = await fetch(
        "SELECT name FROM applications WHERE id = ANY($1) AND archived_at IS NOT NULL ORDER BY name", list(ids)
    )
    return [row["name"] for row in rows]


async def naming(names: Mapping[str, Collection[str]], but: str) -> list[Application]:
    """Return the other applications, by name, whose target has one of some names in the field that they are of."""
    rows = await fetch(
        f"SELECT {COLUMNS} FROM applications WHERE id <> $1 AND (kubernetes->>'workload' = ANY($2)"
        " OR kubernetes->>'service' = ANY($3) OR kubernetes->>'http_route' = ANY($4)) ORDER BY name",
        but,
        *(list(names[field]) for field in ("workload", "service", "http_route")),
    )
    return [_read(row) for row in rows]


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
