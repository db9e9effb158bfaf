"""Following a numbered feed: a replay from the database, then messages of the bus, exactly once.

The numbers decide. A message is used when it follows the last item without a gap. The database is asked when there is
a gap, when the bus dropped messages, and when no message came for `POLL_SECONDS`.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from app.core.logs import LogLine, batch_size
from app.ports import Bus
from app.services.retry import retry_while_away

POLL_SECONDS = 1.5
"""How often the database is asked without a message: the longest delay that a lost message causes."""


class Numbered(Protocol):
    """An item of a feed. Numbers count from 1 without a gap."""

    @property
    def number(self) -> int:
        """The item's number in its feed."""
        ...


T = TypeVar("T")
N = TypeVar("N", bound=Numbered)


@dataclass(frozen=True, slots=True)
class FeedPage(Generic[T]):
    """Items in order. `position` is behind them and behind all items that a filter left out.

    `caught_up` says that nothing newer was stored. A page may be empty, so that a caller can check access regularly.
    """

    items: Sequence[T]
    position: int
    caught_up: bool


@dataclass(frozen=True, slots=True)
class LivePage(FeedPage[T]):
    """Items that the bus brought. `may_end` says that one of its messages announced the end of the feed."""

    may_end: bool = False


ReadPages = Callable[[int], Awaitable[Sequence[FeedPage[T]]]]
"""Returns at least one stored page behind a position; the last one says where to read on."""
IsOver = Callable[[int], Awaitable[bool]]
"""Returns whether a feed has ended and holds nothing behind a position."""
DecodeLive = Callable[[Sequence[bytes], int], LivePage[T] | None]
"""Returns what messages add behind a position, None when the database must be asked."""


def ask_database(_messages: Sequence[bytes], _position: int) -> None:
    """Decode messages that only announce that there is something new."""
    return


@dataclass(frozen=True, slots=True)
class Feed(Generic[T]):
    """Where the items of one feed come from, and when it has ended."""

    topic: str
    read_pages: ReadPages[T]
    is_over: IsOver
    decode_live: DecodeLive[T] = ask_database


async def tail(bus: Bus, feed: Feed[T], position: int) -> AsyncGenerator[FeedPage[T], None]:
    """Yield every item behind a position, and return once the feed has ended and every item was yielded.

    The first page comes at once, with or without items. Later empty pages come while nothing happens.
    """
    over = False
    async with bus.listen(feed.topic) as listener:
        while not over:
            pages = await retry_while_away(partial(feed.read_pages, position))
            for page in pages:
                yield page
            position = page.position
            if not page.caught_up:
                continue
            over = await retry_while_away(partial(feed.is_over, position))
            while not over and (messages := await listener.get(POLL_SECONDS)):
                live = feed.decode_live(messages, position)
                if live is None:
                    break
                position = live.position
                if live.items:
                    yield live
                if live.may_end:
                    over = await retry_while_away(partial(feed.is_over, position))
                    break


def items_behind(position: int, items: Sequence[N]) -> Sequence[N] | None:
    """Return the items with numbers behind a position, None when there is a gap before or between them."""
    behind = [item for item in items if item.number > position]
    numbers = [item.number for item in behind]
    return behind if numbers == list(range(position + 1, position + 1 + len(behind))) else None


def split_lines(
    page: FeedPage[T], line_of: Callable[[T], LogLine], position_of: Callable[[T], int]
) -> Sequence[FeedPage[T]]:
    """Return a page of log lines in pages of a size to send. The last one has the page's position."""
    pages: list[FeedPage[T]] = []
    rest = page.items
    while (count := batch_size([line_of(item) for item in rest])) < len(rest):
        pages.append(FeedPage(rest[:count], position_of(rest[count - 1]), False))
        rest = rest[count:]
    return [*pages, FeedPage(rest, page.position, page.caught_up)]
