"""Pages of ordered lists in SQL: of one list, or of the children of many parents in one query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from app.core.paging import PageRequest
from app.store.database import Row, fetch

T = TypeVar("T")
Child = TypeVar("Child")
PARENT = "parent_id"
"""The column of a row that has its parent's id."""


class Children(Protocol[Child]):
    """Children of parents of one kind, in one order. Requests for equal `Children` are loaded together."""

    async def pages(self, ids: Sequence[str], request: PageRequest) -> dict[str, list[Child]]:
        """Return a page of the children of each parent."""
        ...

    async def counts(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the number of children of each parent."""
        ...


def page_sql(request: PageRequest, column: str, first: int, *, type_: str = "text", descending: bool = False) -> str:
    """Return the conditions, order and limit of a page; its parameters are numbered from `first` on.

    Conditions are left out for bounds that are not requested, so that an index can serve the others.
    """
    behind, ahead = ("<", ">") if descending else (">", "<")
    bounds = [(behind, request.after), (ahead, request.before)]
    conditions = [
        f"{column} {sign} ${first + number}::{type_}"
        for number, sign in enumerate(sign for sign, position in bounds if position is not None)
    ]
    order = "DESC" if descending is request.forward else "ASC"
    return f"{' AND '.join(conditions) or 'true'} ORDER BY {column} {order} LIMIT ${first + len(conditions)}"


def page_values(request: PageRequest, *, type_: str = "text") -> list[object]:
    """Return the parameters of `page_sql`."""
    positions = [position for position in (request.after, request.before) if position is not None]
    return [*(positions if type_ == "text" else map(int, positions)), request.limit]


def in_list_order(items: Sequence[T], request: PageRequest) -> list[T]:
    """Return the items of a query in the order of the list: a backward page is queried in reverse."""
    return list(items if request.forward else items[::-1])


@dataclass(frozen=True, slots=True)
class ChildRows(Generic[T]):
    """Children that are rows of a table, in the order of the column `key`.

    `parent` is the column of the parent's id. `select` ends with its FROM. `read` makes a core value of a row.
    """

    select: str
    table: str
    parent: str
    key: str
    read: Callable[[Row], T]
    type_: str = "text"
    descending: bool = False

    async def pages(self, ids: Sequence[str], request: PageRequest) -> dict[str, list[T]]:
        """Return a page of the children of each parent, in one query."""
        conditions = page_sql(request, self.key, 2, type_=self.type_, descending=self.descending)
        rows = await fetch(
            f"SELECT parent.id AS {PARENT}, child.* FROM unnest($1::text[]) AS parent(id) CROSS JOIN LATERAL"
            f" ({self.select} WHERE {self.parent} = parent.id AND {conditions}) AS child",
            list(ids),
            *page_values(request, type_=self.type_),
        )
        return grouped_by_parent(ids, rows, self.read, request)

    async def counts(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the number of children of each parent, in one query."""
        rows = await fetch(
            f"SELECT {self.parent} AS {PARENT}, count(*) AS n FROM {self.table} WHERE {self.parent} = ANY($1)"
            f" GROUP BY {self.parent}",
            list(ids),
        )
        return dict.fromkeys(ids, 0) | {row[PARENT]: row["n"] for row in rows}


def grouped_by_parent(
    ids: Sequence[str], rows: Sequence[Row], read: Callable[[Row], T], request: PageRequest
) -> dict[str, list[T]]:
    """Return the children of each parent in the order of the list, read from rows with a `PARENT` column."""
    children: dict[str, list[T]] = {id_: [] for id_ in ids}
    for row in rows:
        children[row[PARENT]].append(read({name: value for name, value in row.items() if name != PARENT}))
    return {id_: in_list_order(items, request) for id_, items in children.items()}
