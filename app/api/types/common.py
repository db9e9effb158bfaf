"""What every list and object shares: nodes, pages, permissions."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import strawberry

from app.api.documents.costs import MAX_PAGE
from app.api.scalars import Cursor, decode_cursor, decode_number_cursor, encode_cursor
from app.core.errors import ErrorCode, InvalidInput, Problem, Refused
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


T = TypeVar("T")
U = TypeVar("U")


@strawberry.type(description="An item of a list, with its cursor.")
class Edge(Generic[T]):
    cursor: Cursor
    node: T


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    edges: list[Edge[T]]
    nodes: list[T]
    page_info: PageInfo

    @strawberry.field(description="The number of items in the whole list.")
    async def total_count(self) -> int:
        return await self.count()


@strawberry.type(description="Whether you may do something now.")
class Permission:
    allowed: bool
    reason: str | None = strawberry.field(
        description="Why you may not, in full sentences. Null if you may. For an approval that you may give: what "
        "else blocks the deployment."
    )
    code: ErrorCode | None = strawberry.field(
        default=None, description="The error code that the mutation would return. Null if you may."
    )

    @classmethod
    def of(cls, problem: Problem | None) -> "Permission":
        """Return what would be answered, with that problem or with none."""
        if problem is None:
            return cls(allowed=True, reason=None)
        return cls(allowed=False, reason=problem.message, code=problem.code)


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a list of some kind that is asked for, in cursors' positions. `limit` has one more than is shown."""

    kind: str
    after: str | None
    before: str | None
    size: int
    forward: bool

    @property
    def limit(self) -> int:
        """How many to load: one more tells whether there are more."""
        return self.size + 1

    @property
    def span(self) -> PageRequest:
        """What to load."""
        return PageRequest(self.limit, self.after, self.before, self.forward)

    def cut(self, found: Sequence[T]) -> tuple[list[T], bool, bool]:
        """Return what is shown of what was loaded (in list order), and whether more stands before and behind it."""
        more = len(found) > self.size
        shown = list(found[: self.size]) if self.forward else list(found[-self.size :] if self.size else [])
        before = self.after is not None if self.forward else more
        behind = more if self.forward else self.before is not None
        return shown, before, behind


def window(
    kind: str,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    default: int = 20,
) -> Window:
    """Return the part of a list that Relay's arguments ask for. Raises Refused."""
    if last is not None:
        _page_size(last, "last")
        if after is not None:
            raise Refused(InvalidInput(message="last goes with before, first with after.", path=("after",)))
        return Window(kind, None, decode_cursor(kind, before, "before"), last, forward=False)
    if before is not None:
        raise Refused(InvalidInput(message="before goes with last.", path=("before",)))
    size = default if first is None else first
    _page_size(size, "first")
    return Window(kind, decode_cursor(kind, after, "after"), None, size, forward=True)


@dataclass(frozen=True, slots=True)
class PageArguments:
    """Relay's arguments of a list, as they came."""

    first: int | None = None
    after: Cursor | None = None
    last: int | None = None
    before: Cursor | None = None

    def window(self, kind: str, default: int = 20, *, numbered: bool = False) -> Window:
        """Return the part of the list that they ask for; `numbered`: its positions are numbers. Raises Refused."""
        if numbered:
            decode_number_cursor(kind, self.after, "after")
            decode_number_cursor(kind, self.before, "before")
        first = None if self.last is not None else self.first
        return window(kind, first=first, after=self.after, last=self.last, before=self.before, default=default)


def _page_size(value: int, argument: str) -> None:
    if not 0 <= value <= MAX_PAGE:
        raise Refused(InvalidInput(message=f"A page has 0 to {MAX_PAGE} items.", path=(argument,)))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What a page shows: nodes with their cursors, and whether there is more on either side.

    `start` and `end` are where to go on from, where that is not at the first and the last node.
    """

    nodes: Sequence[T]
    cursors: Sequence[Cursor]
    has_previous: bool
    has_next: bool
    start: Cursor | None = None
    end: Cursor | None = None

    @property
    def page_info(self) -> PageInfo:
        """Return where the page stands."""
        return PageInfo(
            has_next_page=self.has_next,
            has_previous_page=self.has_previous,
            start_cursor=self.start or (self.cursors[0] if self.cursors else None),
            end_cursor=self.end or (self.cursors[-1] if self.cursors else None),
        )


def connection(shown: Page[T], count: Callable[[], Awaitable[int]]) -> Connection[T]:
    """Return a page as clients see it."""
    edges = [Edge(cursor=cursor, node=node) for cursor, node in zip(shown.cursors, shown.nodes, strict=True)]
    return Connection(count=count, edges=edges, nodes=list(shown.nodes), page_info=shown.page_info)


def page_of_list(
    part: Window, everything: Sequence[U], position: Callable[[U], str], show: Callable[[U], T]
) -> Connection[T]:
    """Return a page of a list that is there as a whole, in the order of its positions."""
    rest = [
        one
        for one in everything
        if (part.after is None or position(one) > part.after) and (part.before is None or position(one) < part.before)
    ]
    found, before, behind = part.cut(rest[: part.limit] if part.forward else rest[-part.limit :])

    async def count() -> int:
        return len(everything)

    cursors = [encode_cursor(part.kind, position(one)) for one in found]
    return connection(Page([show(one) for one in found], cursors, before, behind), count)
