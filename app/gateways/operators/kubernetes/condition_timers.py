"""For how long something has been so, while a Job is watched."""

import asyncio


class ConditionTimers:
    """For how long something has been so, each since it last began."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._born = asyncio.get_running_loop().time()

    @property
    def age(self) -> float:
        """Seconds since this was made."""
        return asyncio.get_running_loop().time() - self._born

    @property
    def is_settling(self) -> bool:
        """Whether it is settled how a Job ends, and it has not ended."""
        return "settled" in self._since

    def running(self, so: bool) -> float:
        """Seconds for which a container has run."""
        return self._seconds("running", so)

    def settled(self, so: bool) -> float:
        """Seconds for which it has been settled how a Job ends."""
        return self._seconds("settled", so)

    def kept(self, so: bool) -> float:
        """Seconds for which something has kept a pod from starting."""
        return self._seconds("kept", so)

    def _seconds(self, what: str, so: bool) -> float:
        if not so:
            self._since.pop(what, None)
            return 0.0
        now = asyncio.get_running_loop().time()
        return now - self._since.setdefault(what, now)
