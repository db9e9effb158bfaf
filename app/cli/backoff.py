"""Tenacity's retry policies for loops that it cannot drive: generators, and supervision of a process."""

from tenacity import RetryCallState, Retrying
from tenacity.stop import stop_base
from tenacity.wait import wait_base


class Backoff:
    """The delays between attempts, from the first failure until a success resets them."""

    def __init__(self, *, wait: wait_base, stop: stop_base) -> None:
        self._policy = Retrying(wait=wait, stop=stop)
        self._wait, self._stop = wait, stop
        self._state: RetryCallState | None = None

    @property
    def failures(self) -> int:
        """The failures since the last reset."""
        return 0 if self._state is None else self._state.attempt_number - 1

    def reset(self) -> None:
        """Start again with the first delay, after a success."""
        self._state = None

    def next_delay(self) -> float | None:
        """Count a failure. Return the seconds until the next attempt, None where the policy gives up."""
        if self._state is None:
            self._state = RetryCallState(self._policy, None, (), {})
        state = self._state
        state.set_result(None)
        gives_up, delay = self._stop(state), self._wait(state)
        state.prepare_for_next_attempt()
        return None if gives_up else delay
