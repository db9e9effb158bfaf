"""Retrying while the database is away.

In: work that finds the database away some times, as a coroutine function and as a lambda. Out: its result.
"""

from collections.abc import Awaitable, Callable

import pytest

from app.services.retry import retry_while_away
from app.store.database import UNAVAILABLE


class Work:
    """Fails `failures` times as while the database is away, then returns how often it was called."""

    def __init__(self, failures: int) -> None:
        self._failures = failures
        self.calls = 0

    async def method(self) -> int:
        return await self.add(0)

    async def add(self, number: int) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise UNAVAILABLE[0]("away")
        return self.calls + number


FORMS: dict[str, Callable[[Work], Callable[[], Awaitable[int]]]] = {
    "method": lambda work: work.method,
    "lambda": lambda work: lambda: work.add(0),
}


@pytest.mark.parametrize("failures", [0, 1, 2])
@pytest.mark.parametrize("form", FORMS)
async def test_the_result_is_returned_once_the_database_is_available(failures: int, form: str) -> None:
    work = Work(failures)
    assert await retry_while_away(FORMS[form](work)) == failures + 1 == work.calls
