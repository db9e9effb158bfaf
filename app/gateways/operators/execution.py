"""The handle of a running instruction: a task that carries it out, and the request to end it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from app.core.attempt import Ending, Outcome


class EndRequest:
    """How the task of an execution is to end once it is cancelled."""

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self._kill = asyncio.Event()

    @property
    def is_detached(self) -> bool:
        """Whether to leave to another worker what outlives this one."""
        return self.ending is Ending.RETURNED

    def kill(self) -> None:
        """Order the end without a grace."""
        self._kill.set()

    async def unless_killed(self, orderly_end: Coroutine[Any, Any, None]) -> bool:
        """Run an orderly end. Return False, with it cancelled, as soon as there is the order to kill."""
        ending, killed = asyncio.ensure_future(orderly_end), asyncio.ensure_future(self._kill.wait())
        try:
            await asyncio.wait((ending, killed), return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                return False
            ending.result()
            return True
        finally:
            ending.cancel()
            killed.cancel()
            await asyncio.gather(ending, killed, return_exceptions=True)


class TaskExecution:
    """An execution in a task of its own; `ports.Execution` has the contract.

    `carry_out` ends what it started when its task is cancelled, as its `EndRequest` says. It may be cancelled again
    while it does so, when the event loop shuts down: then it kills.
    """

    def __init__(self, carry_out: Callable[[EndRequest], Coroutine[Any, Any, Outcome]]) -> None:
        self._request = EndRequest()
        self._task = asyncio.create_task(carry_out(self._request))

    async def wait(self) -> Outcome:
        """Wait for the end and return how it ended. Cancelling the wait stops the execution first."""
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            self.stop()
            await self._ended()
            raise
        if self._task.cancelled() and self._request.ending is not None:
            return Outcome(self._request.ending, "it was ended from outside")
        return self._task.result()

    def stop(self) -> None:
        """Ask what runs to end, and force it after the grace."""
        self._end(Ending.STOPPED)

    def kill(self) -> None:
        """End what runs at once."""
        self._request.kill()
        self._end(Ending.STOPPED)

    def detach(self) -> None:
        """Leave what another worker can adopt, and stop everything else."""
        self._end(Ending.RETURNED)

    def _end(self, ending: Ending) -> None:
        if self._request.ending is None:
            self._request.ending = ending
            if not self._task.cancelling():
                self._task.cancel()

    async def _ended(self) -> None:
        """Wait for the end whatever happens: a caller that is cancelled again must leave nothing behind either."""
        while not self._task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()
