"""When a live feed reconnects: with backoff, until a deadline, and with one message for all feeds."""

import asyncio

import click
import httpx
from tenacity import stop_after_delay, wait_exponential

from app.cli.backoff import Backoff

DEADLINE_SECONDS = 120.0
"""How long a feed tries to reconnect before it fails."""
STABLE_SECONDS = 10.0
"""A connection that lasted this long counts as recovered, even if the feed brought nothing."""
FIRST_BACKOFF_SECONDS = 0.25
MAX_BACKOFF_SECONDS = 5.0
"""The delay between attempts doubles up to this."""
QUIET_SECONDS = 45.0
"""The server sends a heartbeat every 15 s; a connection without one for three times as long is dead."""


class Reconnection:
    """The connection of one feed. Feeds of a command share `disconnected`: only the first tells the user."""

    def __init__(self, disconnected: "set[Reconnection]") -> None:
        self._disconnected = disconnected
        self._clock = asyncio.get_running_loop().time
        self._connected_at: float | None = None
        self._backoff = Backoff(
            wait=wait_exponential(multiplier=FIRST_BACKOFF_SECONDS, max=MAX_BACKOFF_SECONDS),
            stop=stop_after_delay(DEADLINE_SECONDS),
        )

    def connected(self) -> None:
        """Record that the API accepted the subscription. The connection may still break at once."""
        self._connected_at = self._clock()

    def recovered(self) -> None:
        """Reset the backoff: the next break starts a new deadline."""
        self._backoff.reset()
        self._disconnected.discard(self)

    def close(self) -> None:
        """Forget the feed."""
        self._disconnected.discard(self)

    async def wait(self, error: Exception) -> bool:
        """Wait until the next attempt. Return False if the deadline has passed."""
        if self._was_stable(error):
            self.recovered()
        self._connected_at = None
        if self._backoff.failures == 0:
            if not self._disconnected:
                click.echo("The connection broke. Reconnecting; no event is lost.", err=True)
            self._disconnected.add(self)
        delay = self._backoff.next_delay()
        if delay is None:
            return False
        await asyncio.sleep(delay)
        return True

    def _was_stable(self, error: Exception) -> bool:
        silent = QUIET_SECONDS if isinstance(error, httpx.ReadTimeout) else 0.0
        connected_at = self._connected_at
        return connected_at is not None and self._clock() - silent - connected_at >= STABLE_SECONDS
