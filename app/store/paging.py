"""Pages of ordered lists in SQL: from either end, of one list, or of what hangs on many objects in one query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from app.core.paging import PageRequest
from app.store.database import Row, fetch

T = TypeVar("T")
Child = TypeVar("Child")
PARENT = "parent_id"


class Children(Protocol[Child]):
    """What hangs on objects of one kind, in one order. Those that are equal load together."""

    async def pages(self, ids: Sequence[str], span: PageRequest) -> dict[str, list[Child]]:
        """Return a part of what hangs on each object."""
        ...

    async def counts(self, ids: Sequence[str]) -> dict[str, int]:
        """Return how much hangs on each object."""
        ...


def page_sql(span: PageRequest, column: str, place: int, *, type_: str = "text", descending: bool = False) -> str:
    """Return the conditions, order and limit of a span; its values are the parameters from `place` on.

    Bounds that are not asked for are left out, so that an index serves those that are.
    """
    behind, ahead = ("<", ">") if descending else (">", "<")
    bounds = [(behind, span.after), (ahead, span.before)]
    conditions = [
        f"{column} {sign} ${place + number}::{type_}"
        for number, sign in enumerate(sign for sign, position in bounds if position is not None)
    ]
    order = "DESC" if descending is span.forward else "ASC"
    return f"{' AND '.join(conditions) or 'true'} ORDER BY {column} {order} LIMIT ${place + len(conditions)}"


def page_values(span: PageRequest, *, type_: str = "text") -> list[object]:
    """Return the parameters of `page_sql`."""
    positions = [one for one in (span.after, span.before) if one is not None]
    return [*(positions if type_ == "text" else map(int, positions)), span.limit]


def in_list_order(found: Sequence[T], span: PageRequest) -> list[T]:
    """Return what a query brought, in the order of the list."""
    return list(found if span.forward else found[::-1])


@dataclass(frozen=True, slots=True)
class ChildRows(Generic[T]):
    """The rows of a table that hang on a parent, in the order of the column `key`.

    `select` ends with its FROM. `read` makes a core value of a row.
    """

    select: str
    table: str
    parent: str
    key: str
    read: Callable[[Row], T]
    type_: str = "text"
    descending: bool = False

    async def pages(self, ids: Sequence[str], span: PageRequest) -> dict[str, list[T]]:
        """Return a part of what hangs on each object, in one query."""
        wanted = page_sql(span, self.key, 2, type_=self.type_, descending=self.descending)
        rows = await fetch(
            f"SELECT parent.id AS {PARENT}, found.* FROM unnest($1::text[]) AS parent(id) CROSS JOIN LATERAL"
            f" ({self.select} WHERE {self.parent} = parent.id AND {wanted}) AS found",
            list(ids),
            *page_values(span, type_=self.type_),
        )
        return grouped_by_parent(ids, rows, self.read, span)

    async def counts(self, ids: Sequence[str]) -> dict[str, int]:
        """Return how much hangs on each object, in one query."""
        rows = await fetch(
            f"SELECT {self.parent} AS {PARENT}, count(*) AS n FROM {self.table} WHERE {self.parent} = ANY($1)"
            f" GROUP BY {self.parent}",
            list(ids),
        )
        return dict.fromkeys(ids, 0) | {row[PARENT]: row["n"] for row in rows}


def grouped_by_parent(
    ids: Sequence[str], rows: Sequence[Row], read: Callable[[Row], T], span: PageRequest
) -> dict[str, list[T]]:
    """Return what was found by its parent, in the order of the list."""
    found: dict[str, list[T]] = {id_: [] for id_ in ids}
    for row in rows:
        found[row[PARENT]].append(read({name: value for name, value in row.items() if name != PARENT}))
    return {id_: in_list_order(children, span) for id_, children in found.items()}
