"""What every list and object shares: nodes, pages and permissions."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import strawberry

from app.api.documents.costs import MAX_PAGE
from app.api.scalars import Cursor, decode_cursor, decode_number_cursor, encode_cursor
from app.core.errors import InvalidInput, Refused
from app.core.paging import PageRequest


@strawberry.interface(description="An object with an id. The query `node` finds it.")
class Node:
    id: strawberry.ID = strawberry.field(description="An opaque id, unique among all objects.")


@strawberry.type(description="The place of a page in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: Cursor | None
    end_cursor: Cursor | None


NodeT = TypeVar("NodeT")
Row = TypeVar("Row")
Count = Callable[[], Awaitable[int]]
"""Counts the items of the whole list, when a client asks for it."""


@strawberry.type(description="An item of a list, with its cursor.")
class Edge(Generic[NodeT]):
    cursor: Cursor
    node: NodeT


@strawberry.type(description="A page of a list.")
class Connection(Generic[NodeT]):
    count: strawberry.Private[Count]
    edges: list[Edge[NodeT]]
    nodes: list[NodeT]
    page_info: PageInfo

    @strawberry.field(description="The number of items in the whole list.")
    async def total_count(self) -> int:
        return await self.count()


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a list that a client requests, with the positions of its cursors. `kind` names the list."""

    kind: str
    after: str | None
    before: str | None
    size: int
    forward: bool

    @property
    def limit(self) -> int:
        """The number of rows to load: one more than the page has tells whether the list goes on."""
        return self.size + 1

    @property
    def request(self) -> PageRequest:
        """The rows to load."""
        return PageRequest(self.limit, self.after, self.before, self.forward)

    def cut(self, rows: Sequence[Row]) -> tuple[list[Row], bool, bool]:
        """Return the rows of the page, and whether the list has more rows before and after it."""
        has_more = len(rows) > self.size
        page_rows = list(rows[: self.size]) if self.forward else list(rows[-self.size :] if self.size else [])
        has_previous = self.after is not None if self.forward else has_more
        has_next = has_more if self.forward else self.before is not None
        return page_rows, has_previous, has_next


@dataclass(frozen=True, slots=True)
class PageArguments:
    """The arguments of a list, as Relay defines them."""

    first: int | None = None
    after: Cursor | None = None
    last: int | None = None
    before: Cursor | None = None

    def window(self, kind: str, default: int = 20, *, numbered: bool = False) -> Window:
        """Return the requested part of a list. `numbered` means that its positions are numbers.

        Raises Refused.

        `last` wins over `first`, which has a default in the schema.
        """
        if numbered:
            decode_number_cursor(kind, self.after, "after")
            decode_number_cursor(kind, self.before, "before")
        return self._forward(kind, default) if self.last is None else self._backward(kind, self.last)

    def _forward(self, kind: str, default: int) -> Window:
        if self.before is not None:
            raise Refused(InvalidInput(message="Use before with last.", path=("before",)))
        size = default if self.first is None else self.first
        _check_size(size, "first")
        return Window(kind, decode_cursor(kind, self.after, "after"), None, size, forward=True)

    def _backward(self, kind: str, size: int) -> Window:
        _check_size(size, "last")
        if self.after is not None:
            raise Refused(InvalidInput(message="Use after with first, and before with last.", path=("after",)))
        return Window(kind, None, decode_cursor(kind, self.before, "before"), size, forward=False)


def _check_size(size: int, argument: str) -> None:
    if not 0 <= size <= MAX_PAGE:
        raise Refused(InvalidInput(message=f"A page has 0 to {MAX_PAGE} items.", path=(argument,)))


@dataclass(frozen=True, slots=True)
class Page(Generic[NodeT]):
    """The nodes of a page with their cursors, and whether the list has more on either side.

    `start` and `end` are the cursors to continue from, if these are not the cursors of the first and last node.
    """

    nodes: Sequence[NodeT]
    cursors: Sequence[Cursor]
    has_previous: bool
    has_next: bool
    start: Cursor | None = None
    end: Cursor | None = None

    @property
    def page_info(self) -> PageInfo:
        """The place of the page in its list."""
        return PageInfo(
            has_next_page=self.has_next,
            has_previous_page=self.has_previous,
            start_cursor=self.start or (self.cursors[0] if self.cursors else None),
            end_cursor=self.end or (self.cursors[-1] if self.cursors else None),
        )


def connection(page: Page[NodeT], count: Count) -> Connection[NodeT]:
    """Return a page as clients see it."""
    edges = [Edge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, page.nodes, strict=True)]
    return Connection(count=count, edges=edges, nodes=list(page.nodes), page_info=page.page_info)


def page_of(
    window: Window,
    rows: Sequence[Row],
    position: Callable[[Row], str | int],
    to_type: Callable[[Row], NodeT],
    count: Count,
) -> Connection[NodeT]:
    """Return the page of a window, from the rows that were loaded for its `request`."""
    page_rows, has_previous, has_next = window.cut(rows)
    cursors = [encode_cursor(window.kind, position(row)) for row in page_rows]
    return connection(Page([to_type(row) for row in page_rows], cursors, has_previous, has_next), count)


def page_of_list(
    window: Window, items: Sequence[Row], position: Callable[[Row], str], to_type: Callable[[Row], NodeT]
) -> Connection[NodeT]:
    """Return a page of a list that is in memory as a whole, in the order of its positions."""
    rows = [
        item
        for item in items
        if (window.after is None or position(item) > window.after)
        and (window.before is None or position(item) < window.before)
    ]

    async def count() -> int:
        return len(items)

    limited = rows[: window.limit] if window.forward else rows[-window.limit :]
    return page_of(window, limited, position, to_type, count)
