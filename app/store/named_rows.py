"""Reading what has a name of its own and may be archived: applications and templates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.core.paging import PageRequest
from app.store.database import Row, fetch, fetch_one
from app.store.paging import in_list_order, page_sql, page_values

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NamedRows(Generic[T]):
    """The rows of a table as core values: `read` makes one of its `columns`."""

    table: str
    columns: str
    read: Callable[[Row], T]

    async def by_ids(self, ids: Sequence[str]) -> dict[str, T]:
        """Return those that exist among `ids`, by id."""
        rows = await fetch(f"SELECT {self.columns} FROM {self.table} WHERE id = ANY($1)", list(ids))
        return {row["id"]: self.read(row) for row in rows}

    async def by_name(self, name: str) -> T | None:
        """Return the one of that name, archived or not."""
        row = await fetch_one(f"SELECT {self.columns} FROM {self.table} WHERE name = $1", name)
        return self.read(row) if row else None

    async def locked(self, id_: str) -> T | None:
        """Return one and hold its row until the transaction ends."""
        row = await fetch_one(f"SELECT {self.columns} FROM {self.table} WHERE id = $1 FOR NO KEY UPDATE", id_)
        return self.read(row) if row else None

    async def page(self, span: PageRequest, contains: str | None, *, archived: bool = False) -> list[T]:
        """Return a part of those that are not archived (or only of those that are), by name."""
        rows = await fetch(
            f"SELECT {self.columns} FROM {self.table} WHERE {_listed(archived)} AND {page_sql(span, 'name', 2)}",
            contains,
            *page_values(span),
        )
        return in_list_order([self.read(row) for row in rows], span)

    async def count(self, contains: str | None, *, archived: bool = False) -> int:
        """Return how many `page` would go through."""
        row = await fetch_one(f"SELECT count(*) AS n FROM {self.table} WHERE {_listed(archived)}", contains)
        return int(row["n"]) if row else 0


def _listed(archived: bool) -> str:
    return (
        f"archived_at IS {'NOT ' if archived else ''}NULL AND ($1::text IS NULL OR strpos(lower(name), lower($1)) > 0)"
    )
