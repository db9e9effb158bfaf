"""How many live connections each actor may have to this process: sockets, and responses that stream."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class TooManyConnectionsError(Exception):
    """An actor has its maximum of live connections."""


class ConnectionLimits:
    """Counts the live connections of each actor."""

    def __init__(self, max_per_actor: int) -> None:
        self._max_per_actor = max_per_actor
        self._counts: Counter[str] = Counter()

    def check(self, actor_id: str) -> None:
        """Raise TooManyConnectionsError where an actor has its maximum."""
        if self._counts.get(actor_id, 0) >= self._max_per_actor:
            raise TooManyConnectionsError(
                f"You have {self._max_per_actor} live connections, which is the maximum. Close some."
            )

    def acquire(self, actor_id: str) -> None:
        """Count a connection. Raises TooManyConnectionsError."""
        self.check(actor_id)
        self._counts[actor_id] += 1

    def release(self, actor_id: str) -> None:
        """Stop counting a connection."""
        self._counts[actor_id] -= 1
        if self._counts[actor_id] <= 0:
            del self._counts[actor_id]

    @contextmanager
    def counted(self, actor_id: str) -> Iterator[None]:
        """Count a connection for the block, even beyond the maximum: its response has already begun."""
        self._counts[actor_id] += 1
        try:
            yield
        finally:
            self.release(actor_id)
