"""Applications in the database."""

from collections.abc import Collection, Mapping, Sequence

from app.core.application import Application
from app.store import models
from app.store.codecs import reader
from app.store.columns import names_of, row_of
from app.store.database import fetch
from app.store.named_rows import NamedRows

COLUMNS = names_of(Application)
SELECT_LIST = ", ".join(COLUMNS)
JSON_COLUMNS = ("build", "test", "shell", "kubernetes", "health_check")
_read = reader(Application, *JSON_COLUMNS)
_named = NamedRows("applications", SELECT_LIST, _read)
by_ids, by_name, locked, page, count = _named.by_ids, _named.by_name, _named.locked, _named.page, _named.count


async def archived_among(ids: Sequence[str]) -> list[str]:
    """Return the names of those applications among `ids` that are archived."""
    rows = await fetch(
        "SELECT name FROM applications WHERE id = ANY($1) AND archived_at IS NOT NULL ORDER BY name", list(ids)
    )
    return [row["name"] for row in rows]


async def using_objects(names: Mapping[str, Collection[str]], but: str) -> list[Application]:
    """Return applications, by name, whose Kubernetes target uses one of the names in `names`.

    `names` has names of objects by field: workload, service and http_route. `but` is the id of an application to leave
    out.
    """
    rows = await fetch(
        f"SELECT {SELECT_LIST} FROM applications WHERE id <> $1 AND (kubernetes->>'workload' = ANY($2)"
        " OR kubernetes->>'service' = ANY($3) OR kubernetes->>'http_route' = ANY($4)) ORDER BY name",
        but,
        *(list(names[field]) for field in ("workload", "service", "http_route")),
    )
    return [_read(row) for row in rows]


async def insert(application: Application) -> None:
    """Store a new application."""
    await models.Application.create(**row_of(application, COLUMNS, json=JSON_COLUMNS))


async def update(application: Application) -> None:
    """Store all columns of an application."""
    row = row_of(application, COLUMNS, json=JSON_COLUMNS)
    await models.Application.filter(id=row.pop("id")).update(**row)
