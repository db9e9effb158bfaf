"""For how long conditions of a Job have held."""

import asyncio


class ConditionTimers:
    """Measures for how long each condition has held without a break."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._started = asyncio.get_running_loop().time()

    @property
    def age(self) -> float:
        """Seconds since this was made."""
        return asyncio.get_running_loop().time() - self._started

    @property
    def is_failing(self) -> bool:
        """Whether the Job has failed, and its pod has not ended yet."""
        return "failing" in self._since

    def running(self, holds: bool) -> float:
        """Return the seconds for which a container has run."""
        return self._seconds("running", holds)

    def failing(self, holds: bool) -> float:
        """Return the seconds for which a Job that has failed has waited for the end of its pod."""
        return self._seconds("failing", holds)

    def blocked(self, holds: bool) -> float:
        """Return the seconds for which a fault has kept a pod from starting."""
        return self._seconds("blocked", holds)

    def _seconds(self, condition: str, holds: bool) -> float:
        if not holds:
            self._since.pop(condition, None)
            return 0.0
        now = asyncio.get_running_loop().time()
        return now - self._since.setdefault(condition, now)
