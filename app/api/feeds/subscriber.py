"""The messages of a shared feed, and a subscriber's place among them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from app.api.feeds.errors import AccessLostError
from app.core.access import Principal

Cursor = str | None
"""A place in a feed, as clients name it: behind the item with this cursor, None at the beginning."""
Sink = Callable[[bytes], bool]
"""Sends the suffix of a message at once, or returns False when it cannot."""


@dataclass(frozen=True, slots=True)
class Message:
    """One encoded result of a feed, and the cursors before and behind it.

    `suffix` is the payload and the brace that closes a WebSocket message: thousands of messages end with these bytes.
    """

    start: Cursor
    end: Cursor
    suffix: bytes

    @property
    def payload(self) -> bytes:
        """The encoded result."""
        return self.suffix[:-1]


class Subscriber:
    """One subscriber: its next message (`seq`) in an execution, its cursor, and how to wake it."""

    __slots__ = ("_sink", "_wakeup", "access_changed", "cursor", "principal", "seq", "waiting")

    def __init__(self, cursor: Cursor, sink: Sink | None = None) -> None:
        self.seq = 0
        self.cursor = cursor
        self.waiting = False
        self.access_changed = False
        self.principal: Principal | None = None
        self._sink = sink
        self._wakeup: asyncio.Future[None] | None = None

    def deliver(self, message: Message, seq: int) -> None:
        """Send a message by the sink if the subscriber waits for just this one, else wake the subscriber."""
        is_next = self.waiting and self.seq == seq and not self.access_changed
        if is_next and self._sink is not None and self._sink(message.suffix):
            self.seq += 1
            self.cursor = message.end
        else:
            self.wake()

    def change_access(self, principal: Principal | None) -> None:
        """Set the principal that the subscriber's token has now, None once the token is not valid."""
        self.principal, self.access_changed = principal, True
        self.wake()

    def take_access(self, principal: Principal) -> Principal:
        """Return the principal to go on with: a changed one, or else the given one. Raises AccessLostError."""
        if not self.access_changed:
            return principal
        self.access_changed = False
        if self.principal is None:
            raise AccessLostError
        return self.principal

    def wake(self) -> None:
        """Wake the subscriber if it waits. Otherwise it looks for messages before it waits again."""
        self.waiting = False
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    async def wait(self) -> None:
        """Wait for `wake`; meanwhile messages go to the sink. The caller has found nothing to do."""
        self._wakeup = asyncio.get_running_loop().create_future()
        self.waiting = True
        try:
            await self._wakeup
        finally:
            self.waiting = False
            self._wakeup = None
