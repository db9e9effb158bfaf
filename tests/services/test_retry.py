"""Retrying while the database is away.

In: work that fails for a while, fails for good, or hangs. Out: its result, its error, or a cancellation.
Tested: which errors are retried, that every call counts once, and that a cancellation ends the retries.
"""

import asyncio

import pytest

from app.services.retry import retry_while_away


class Work:
    """Work that raises errors one after another, and then returns how often it was called."""

    def __init__(self, *errors: Exception, hangs: bool = False) -> None:
        self.calls = 0
        self._errors = list(errors)
        self._hangs = hangs

    async def __call__(self) -> int:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        if self._hangs:
            await asyncio.Event().wait()
        return self.calls


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_work_is_retried_until_the_database_answers(failures: int) -> None:
    errors = [ConnectionRefusedError("down"), TimeoutError()][:failures]
    assert await retry_while_away(Work(*errors)) == failures + 1


@pytest.mark.parametrize("failures", [0, 1])
async def test_other_errors_are_not_retried(failures: int) -> None:
    work = Work(*[ConnectionResetError()] * failures, ValueError("a fault of the work"))
    with pytest.raises(ValueError, match="a fault of the work"):
        await retry_while_away(work)
    assert work.calls == failures + 1


async def test_each_failure_is_logged_with_its_error(caplog: pytest.LogCaptureFixture) -> None:
    await retry_while_away(Work(ConnectionRefusedError("down"), TimeoutError()))
    messages = [record.getMessage() for record in caplog.records if record.name == "app.services.retry"]
    assert messages == [f"the database is away, trying again: {error}" for error in ("down", "TimeoutError")]


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_a_cancellation_ends_the_retries(failures: int) -> None:
    work = Work(*[ConnectionRefusedError()] * failures, hangs=True)
    task = asyncio.create_task(retry_while_away(work))
    while work.calls <= failures:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.calls == failures + 1


async def test_a_cancellation_ends_the_wait_between_two_calls() -> None:
    work = Work(*[ConnectionRefusedError()] * 10)
    task = asyncio.create_task(retry_while_away(work))
    while work.calls < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.calls == 2


async def test_calls_at_the_same_time_retry_independently() -> None:
    calls = [Work(*[ConnectionRefusedError()] * failures) for failures in range(3)]
    assert await asyncio.gather(*(retry_while_away(work) for work in calls)) == [1, 2, 3]
