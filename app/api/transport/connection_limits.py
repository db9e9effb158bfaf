"""How many live connections each actor may have at this process: sockets, and answers that stream."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class TooManyConnectionsError(Exception):
    """An actor has as many live connections as it may."""


class ConnectionLimits:
    """Places for live connections, a number for each actor."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._taken: Counter[str] = Counter()

    def check(self, actor_id: str) -> None:
        """Raise TooManyError where an actor has none left."""
        if self._taken.get(actor_id, 0) >= self._each:
            raise TooManyConnectionsError(f"You have {self._each} live connections already; close some.")

    def take(self, actor_id: str) -> None:
        """Take one. Raises TooManyError."""
        self.check(actor_id)
        self._taken[actor_id] += 1

    def leave(self, actor_id: str) -> None:
        """Give one back."""
        self._taken[actor_id] -= 1
        if self._taken[actor_id] <= 0:
            del self._taken[actor_id]

    @contextmanager
    def taken(self, actor_id: str) -> Iterator[None]:
        """Have one while entered, however many there are: whoever has begun is not sent away."""
        self._taken[actor_id] += 1
        try:
            yield
        finally:
            self.leave(actor_id)
