"""Versions in the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.paging import PageRequest
from app.core.version import Version, VersionFilter
from app.store import models
from app.store.codecs import reader
from app.store.columns import names_of, row_of, select_list
from app.store.database import fetch, fetch_one
from app.store.paging import PARENT, grouped_by_parent, in_list_order, page_sql, page_values

COLUMNS = names_of(Version, but=("artifacts",))
RENAMED = {"created_by": "created_by_id"}
SELECT = (
    f"SELECT {select_list(COLUMNS, alias='v', columns=RENAMED)},"
    " (SELECT coalesce(json_agg(json_build_object('application_id', a.application_id, 'image', a.image)"
    " ORDER BY a.position), '[]') FROM artifacts a WHERE a.version_id = v.id) AS artifacts FROM versions v"
)
_read = reader(Version, "artifacts")


async def insert(version: Version) -> None:
    """Store a new version with its artifacts."""
    await models.Version.create(**row_of(version, COLUMNS, columns=RENAMED))
    await models.Artifact.bulk_create(
        models.Artifact(
            version_id=version.id, application_id=artifact.application_id, position=position, image=artifact.image
        )
        for position, artifact in enumerate(version.artifacts)
    )


async def named(name: str, application_ids: Sequence[str]) -> list[Version]:
    """Return the versions of exactly that name that have any of the applications, newest first."""
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


MATCHES = (
    "($1::text IS NULL OR strpos(lower(v.name), lower($1)) > 0) AND ($2::text IS NULL OR EXISTS (SELECT 1"
    " FROM artifacts a WHERE a.version_id = v.id AND a.application_id = $2))"
    " AND ($3::text IS NULL OR starts_with(v.commit, $3))"
)


def _filter_values(filter_: VersionFilter) -> tuple[str | None, ...]:
    return filter_.contains, filter_.application_id, filter_.commit


async def page(filter_: VersionFilter, request: PageRequest) -> list[Version]:
    """Return a page of the versions that match, newest first."""
    rows = await fetch(
        f"{SELECT} WHERE {MATCHES} AND {page_sql(request, 'v.id', 4, descending=True)}",
        *_filter_values(filter_),
        *page_values(request),
    )
    return in_list_order([_read(row) for row in rows], request)


async def count(filter_: VersionFilter) -> int:
    """Return how many versions match."""
    row = await fetch_one(f"SELECT count(*) AS n FROM versions v WHERE {MATCHES}", *_filter_values(filter_))
    return int(row["n"]) if row else 0


@dataclass(frozen=True, slots=True)
class OfApplications:
    """The versions that have an application, newest first."""

    async def pages(self, ids: Sequence[str], request: PageRequest) -> dict[str, list[Version]]:
        """Return a page of the versions of each application."""
        rows = await fetch(
            f"SELECT parent.id AS {PARENT}, found.* FROM unnest($1::text[]) AS parent(id) CROSS JOIN LATERAL ({SELECT}"
            " WHERE v.id IN (SELECT b.version_id FROM artifacts b WHERE b.application_id = parent.id)"
            f" AND {page_sql(request, 'v.id', 2, descending=True)}) AS found",
            list(ids),
            *page_values(request),
        )
        return grouped_by_parent(ids, rows, _read, request)

    async def counts(self, ids: Sequence[str]) -> dict[str, int]:
        """Return how many versions each application has."""
        rows = await fetch(
            "SELECT application_id, count(*) AS n FROM artifacts WHERE application_id = ANY($1)"
            " GROUP BY application_id",
            list(ids),
        )
        return dict.fromkeys(ids, 0) | {row["application_id"]: row["n"] for row in rows}


OF_APPLICATIONS = OfApplications()
