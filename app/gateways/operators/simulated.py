"""An operator that does nothing, in the time and with the outcome that a task's payload gives."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.attempt import Ending, Outcome
from app.core.log_levels import Stream
from app.gateways.operators.execution import TaskExecution
from app.ports import Execution, Instruction, LogSink

_TICK_SECONDS = 0.05
"""How often lines are written at most."""

_BATCH = 1000
"""Lines handed over at once at most, so that a payload with millions of them stays small in memory."""

_MAX_SECONDS = 10**9
"""Far beyond any time limit, and no timer overflows."""

_KEYS = ("seconds", "outcome", "lines", "failAttempts")


@dataclass(frozen=True, slots=True)
class _Script:
    """What a payload asks for; `fail_attempts` is how many attempts fail before one may succeed."""

    seconds: float
    fails: bool
    lines: int
    fail_attempts: int


class SimulatedOperator:
    """Runs nothing: for trials, load tests and previews. It needs nothing but the clock of the event loop."""

    def start(self, instruction: Instruction, log: LogSink) -> Execution:
        """Begin to simulate an instruction."""
        return TaskExecution(lambda _: self._execute(instruction, log))

    @staticmethod
    async def _execute(instruction: Instruction, log: LogSink) -> Outcome:
        """Take the time and write the lines that the payload asks for, then end as it says.

        A payload that asks for something unknown fails at once: a misspelt trial would otherwise seem to pass.
        """
        try:
            script = _script(instruction.payload)
            attempt = _attempt(instruction.env)
        except ValueError as error:
            return Outcome(Ending.FAILED, str(error))
        try:
            async with asyncio.timeout(instruction.timeout_seconds) as limit:
                await _perform(script, log)
        except TimeoutError:
            if not limit.expired():
                raise
            return Outcome(Ending.FAILED, f"the time limit of {instruction.timeout_seconds:.10g} s was reached")
        if script.fails:
            return Outcome(Ending.FAILED, "simulated failure", exit_code=1)
        if attempt <= script.fail_attempts:
            message = f"simulated failure of attempt {attempt} (the first {script.fail_attempts} fail)"
            return Outcome(Ending.FAILED, message, exit_code=1)
        return Outcome(Ending.SUCCEEDED, exit_code=0)

    def renew_lease(self, seconds: float) -> None:
        """Do nothing: a simulation ends with its worker, and has no effect that could be doubled."""

    def renew_lease_from_thread(self, seconds: float) -> None:
        """Do nothing, as with `hold`."""


async def _perform(script: _Script, log: LogSink) -> None:
    """Spread the lines evenly over the time; the time that the log takes counts as part of it."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    ticks = max(1, min(script.lines, math.ceil(script.seconds / _TICK_SECONDS)))
    written = 0
    for tick in range(1, ticks + 1):
        rest = begun + script.seconds * tick / ticks - loop.time()
        if rest > 0:
            await asyncio.sleep(rest)
        due = script.lines * tick // ticks
        while written < due:
            upto = min(due, written + _BATCH)
            await log(Stream.STDOUT, [f"line {number} of {script.lines}" for number in range(written + 1, upto + 1)])
            await asyncio.sleep(0)
            written = upto


def _script(payload: Mapping[str, Any]) -> _Script:
    """Read a payload.

    Raises ValueError, in words for a person, for keys and values that mean nothing here.
    """
    unknown = [key for key in payload if key not in _KEYS]
    if unknown:
        raise ValueError(f"payload.{unknown[0]} means nothing to a simulation; it knows {', '.join(_KEYS)}")
    outcome = payload.get("outcome", "success")
    if outcome not in ("success", "failure"):
        raise ValueError(f"payload.outcome must be 'success' or 'failure', not {outcome!r}")
    return _Script(
        seconds=_seconds(payload.get("seconds", 0)),
        fails=outcome == "failure",
        lines=_count("lines", payload.get("lines", 0)),
        fail_attempts=_count("failAttempts", payload.get("failAttempts", 0)),
    )


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_SECONDS:
        raise ValueError(f"payload.seconds must be a number from 0 to {_MAX_SECONDS}, not {value!r}")
    return float(value)


def _count(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"payload.{key} must be a whole number from 0 up, not {value!r}")
    return value


def _attempt(env: Mapping[str, str]) -> int:
    """Return the attempt's number, 1 where none is given."""
    value = env.get("BOREAS_ATTEMPT", "1")
    if not value.isdecimal():
        raise ValueError(f"BOREAS_ATTEMPT must be a whole number, not {value!r}")
    return int(value)
