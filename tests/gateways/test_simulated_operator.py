"""The simulated operator: the outcome, lines and duration of a payload."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.core.attempt import Ending, Outcome
from app.core.log_levels import Stream
from app.gateways.operators.simulated import SimulatedOperator
from app.ports import Instruction


def instruct(payload: Mapping[str, Any], attempt: str = "1", limit: float = 60.0) -> Instruction:
    env = {"BOREAS_ATTEMPT": attempt}
    command = ("sh", "-c", "exit 9")
    return Instruction(command=command, env=env, workspace="d1/web", timeout_seconds=limit, payload=payload)


class Log:
    """Collects log lines."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def __call__(self, stream: Stream, lines: Sequence[str]) -> None:
        assert stream is Stream.STDOUT
        self.batches.append(list(lines))

    @property
    def lines(self) -> list[str]:
        return [line for batch in self.batches for line in batch]


async def perform(payload: Mapping[str, Any], attempt: str = "1", limit: float = 60.0) -> tuple[Outcome, Log]:
    log = Log()
    return await SimulatedOperator().start(instruct(payload, attempt, limit), log).wait(), log


async def test_an_empty_payload_succeeds_at_once() -> None:
    outcome, log = await perform({})
    assert outcome == Outcome(Ending.SUCCEEDED, exit_code=0)
    assert log.batches == []


async def test_a_payload_can_fail() -> None:
    outcome, log = await perform({"outcome": "failure", "lines": 2})
    assert outcome == Outcome(Ending.FAILED, "simulated failure", exit_code=1)
    assert log.lines == ["line 1 of 2", "line 2 of 2"]


async def test_the_first_attempts_fail() -> None:
    outcomes = [(await perform({"failAttempts": 2}, str(attempt)))[0] for attempt in (1, 2, 3)]
    assert [outcome.ending for outcome in outcomes] == [Ending.FAILED, Ending.FAILED, Ending.SUCCEEDED]
    assert "attempt 2" in (outcomes[1].message or "")


async def test_a_failing_payload_fails_after_its_failing_attempts_too() -> None:
    outcome, _ = await perform({"failAttempts": 1, "outcome": "failure"}, "2")
    assert outcome.ending is Ending.FAILED


async def test_lines_spread_over_the_time() -> None:
    outcome, log = await perform({"seconds": 0.2, "lines": 3})
    assert outcome.ending is Ending.SUCCEEDED
    assert log.batches == [["line 1 of 3"], ["line 2 of 3"], ["line 3 of 3"]]


async def test_many_lines_come_in_batches() -> None:
    _, log = await perform({"lines": 10_500})
    assert len(log.lines) == 10_500
    assert len(log.batches) == 11


async def test_the_time_limit_holds() -> None:
    outcome, log = await perform({"seconds": 300, "lines": 1}, limit=0.1)
    assert outcome == Outcome(Ending.FAILED, "the time limit of 0.1 s was reached")
    assert log.lines == []


async def test_a_timeout_of_the_log_is_not_the_time_limit() -> None:
    async def broken(stream: Stream, lines: Sequence[str]) -> None:
        raise TimeoutError("the log")

    with pytest.raises(TimeoutError, match="the log"):
        await SimulatedOperator().start(instruct({"lines": 1}), broken).wait()


async def test_cancellation_comes_through() -> None:
    execution = asyncio.create_task(perform({"seconds": 300}))
    await asyncio.sleep(0)
    execution.cancel()
    with pytest.raises(asyncio.CancelledError):
        await execution


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"second": 1}, "payload.second "),
        ({"seconds": "1"}, "payload.seconds"),
        ({"seconds": True}, "payload.seconds"),
        ({"seconds": -1}, "payload.seconds"),
        ({"seconds": float("nan")}, "payload.seconds"),
        ({"seconds": 10**400}, "payload.seconds"),
        ({"outcome": "maybe"}, "payload.outcome"),
        ({"outcome": ["success"]}, "payload.outcome"),
        ({"lines": 1.5}, "payload.lines"),
        ({"lines": -1}, "payload.lines"),
        ({"failAttempts": None}, "payload.failAttempts"),
    ],
)
async def test_an_invalid_payload_fails_with_the_name_of_its_field(payload: dict[str, Any], named: str) -> None:
    outcome, log = await perform(payload)
    assert outcome.ending is Ending.FAILED
    assert named in (outcome.message or "")
    assert log.batches == []


@pytest.mark.parametrize("attempt", ["", "one", "-1"])
async def test_an_attempt_that_is_not_a_number_fails(attempt: str) -> None:
    outcome, _ = await perform({}, attempt)
    assert "BOREAS_ATTEMPT" in (outcome.message or "")
