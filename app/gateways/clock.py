"""The system's time and randomness, behind the ports, so that everything else takes both as given."""

import secrets
from datetime import UTC, datetime

_RANDOM = secrets.SystemRandom()


class SystemClock:
    """Tells the machine's time."""

    def now(self) -> datetime:
        """Return the current moment, aware, in UTC."""
        return datetime.now(UTC)


class SystemChance:
    """Gives the operating system's randomness: ids and tokens are made of it, so it may not be guessable."""

    def random_bytes(self, size: int) -> bytes:
        """Return `size` unpredictable bytes."""
        return secrets.token_bytes(size)

    def random_fraction(self) -> float:
        """Return a number from 0 up to, not including, 1."""
        return _RANDOM.random()
