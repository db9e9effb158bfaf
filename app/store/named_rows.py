"""Reading rows that have a unique name and can be archived: applications and templates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.core.paging import PageRequest
from app.store.database import Row, fetch, fetch_one
from app.store.paging import in_list_order, page_sql, page_values

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NamedRows(Generic[T]):
    """Rows of a table as core values: `read` makes a value of a row's `columns`, which are a SELECT list."""

    table: str
    columns: str
    read: Callable[[Row], T]

    async def by_ids(self, ids: Sequence[str]) -> dict[str, T]:
        """Return the values that exist among `ids`, by id."""
        rows = await fetch(f"SELECT {self.columns} FROM {self.table} WHERE id = ANY($1)", list(ids))
        return {row["id"]: self.read(row) for row in rows}

    async def by_name(self, name: str) -> T | None:
        """Return the value of that name, archived or not."""
        row = await fetch_one(f"SELECT {self.columns} FROM {self.table} WHERE name = $1", name)
        return self.read(row) if row else None

    async def locked(self, id_: str) -> T | None:
        """Return a value and lock its row until the transaction ends."""
        row = await fetch_one(f"SELECT {self.columns} FROM {self.table} WHERE id = $1 FOR NO KEY UPDATE", id_)
        return self.read(row) if row else None

    async def page(self, request: PageRequest, contains: str | None, *, archived: bool = False) -> list[T]:
        """Return a page of the active (or of the archived) values, by name."""
        rows = await fetch(
            f"SELECT {self.columns} FROM {self.table} WHERE {_listed(archived)} AND {page_sql(request, 'name', 2)}",
            contains,
            *page_values(request),
        )
        return in_list_order([self.read(row) for row in rows], request)

    async def count(self, contains: str | None, *, archived: bool = False) -> int:
        """Return how many values the pages have in total."""
        row = await fetch_one(f"SELECT count(*) AS n FROM {self.table} WHERE {_listed(archived)}", contains)
        return int(row["n"]) if row else 0


def _listed(archived: bool) -> str:
    return (
        f"archived_at IS {'NOT ' if archived else ''}NULL AND ($1::text IS NULL OR strpos(lower(name), lower($1)) > 0)"
    )
