"""What a shared feed is made of, for those who read it: its parts, and where a reader stands among them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from app.core.access import Principal

Cursor = str | None
"""A position in a feed: the cursor behind what came before, None at its beginning."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a feed, and the positions before and behind it.

    It is encoded as the payload of a `next`, with the brace that ends the message: thousands of messages end with it.
    """

    start: Cursor
    end: Cursor
    ending: bytes

    @property
    def payload(self) -> bytes:
        """What was executed, encoded."""
        return self.ending[:-1]


Sink = Callable[[bytes], bool]
"""Delivers the ending of a part at once, or returns False where it can not."""


class Subscriber:
    """A subscriber: what wakes it, and where it stands among the parts of its group, and in the feed."""

    __slots__ = ("_asleep", "_push", "changed", "position", "principal", "seq", "waiting")

    def __init__(self, position: Cursor, push: Sink | None = None) -> None:
        self.seq = 0
        self.position = position
        self.waiting = False
        self.changed = False
        self.principal: Principal | None = None
        self._push = push
        self._asleep: asyncio.Future[None] | None = None

    def hand(self, part: Message, seq: int) -> None:
        """Deliver a part that it waits for, or else wake it."""
        ready = self.waiting and self.seq == seq and not self.changed
        if ready and self._push is not None and self._push(part.ending):
            self.seq += 1
            self.position = part.end
        else:
            self.wake()

    def tell(self, principal: Principal | None) -> None:
        """Take note of who it is now."""
        self.principal, self.changed = principal, True
        self.wake()

    def wake(self) -> None:
        """Let it look at what there is, if it waits: who does not wait looks by itself before it does."""
        self.waiting = False
        if self._asleep is not None and not self._asleep.done():
            self._asleep.set_result(None)

    async def wait(self) -> None:
        """Wait to be woken, and meanwhile take what is handed. Whoever calls has seen that there is nothing to do."""
        self._asleep = asyncio.get_running_loop().create_future()
        self.waiting = True
        try:
            await self._asleep
        finally:
            self.waiting = False
            self._asleep = None
