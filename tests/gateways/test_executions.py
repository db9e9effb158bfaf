"""The handle of a running instruction.

What `stop`, `kill` and `detach` do, and what a cancelled wait leaves behind.

In: a coroutine that ends slowly when it is cancelled. Out: outcomes, and what the coroutine was ordered. Tested: the
first order holds, `kill` cuts the grace short, no cancellation lets the caller go before everything has ended.
"""

import asyncio
from collections.abc import Callable

import pytest

from app.core.attempt import Ending, Outcome
from app.gateways.operators.execution import EndRequest, TaskExecution

DONE = Outcome(Ending.SUCCEEDED)


class Work:
    """Runs until `finish` is set; when cancelled, ends once `grace` is set, or when it is killed."""

    def __init__(self) -> None:
        self.finish, self.grace = asyncio.Event(), asyncio.Event()
        self.seen: list[str] = []

    async def carry_out(self, request: EndRequest) -> Outcome:
        try:
            await self.finish.wait()
        except asyncio.CancelledError:
            self.seen.append("left" if request.is_detached else "ending")
            if not request.is_detached:
                self.seen.append("ended" if await request.unless_killed(self._end()) else "killed")
            raise
        return DONE

    async def _end(self) -> None:
        await self.grace.wait()


@pytest.fixture
async def work() -> Work:
    return Work()


@pytest.fixture
async def execution(work: Work) -> TaskExecution:
    execution = TaskExecution(work.carry_out)
    await asyncio.sleep(0)
    return execution


async def run_pending_tasks() -> None:
    """Run the pending tasks of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_end_of_the_work_is_returned_to_every_wait(work: Work, execution: TaskExecution) -> None:
    work.finish.set()
    first_outcome, second_outcome = await asyncio.gather(execution.wait(), execution.wait())
    assert (first_outcome, second_outcome) == (DONE, DONE)
    execution.stop()
    assert await execution.wait() == DONE


async def test_a_stop_waits_for_the_grace(work: Work, execution: TaskExecution) -> None:
    wait = asyncio.create_task(execution.wait())
    execution.stop()
    await run_pending_tasks()
    assert not wait.done()
    work.grace.set()
    assert ((await wait).ending, work.seen) == (Ending.STOPPED, ["ending", "ended"])


@pytest.mark.parametrize(
    ("orders", "ending", "orders_seen"),
    [
        ((TaskExecution.kill,), Ending.STOPPED, ["ending", "killed"]),
        ((TaskExecution.stop, TaskExecution.kill), Ending.STOPPED, ["ending", "killed"]),
        ((TaskExecution.stop, TaskExecution.detach, TaskExecution.kill), Ending.STOPPED, ["ending", "killed"]),
        ((TaskExecution.detach,), Ending.RETURNED, ["left"]),
        ((TaskExecution.detach, TaskExecution.stop, TaskExecution.kill), Ending.RETURNED, ["left"]),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one after the other"])
async def test_the_first_order_holds_and_a_kill_only_cuts_the_grace(
    work: Work,
    execution: TaskExecution,
    orders: tuple[Callable[[TaskExecution], None], ...],
    ending: Ending,
    orders_seen: list[str],
    *,
    at_once: bool,
) -> None:
    for order in orders:
        order(execution)
        if not at_once:
            await run_pending_tasks()
    assert ((await execution.wait()).ending, work.seen) == (ending, orders_seen)


async def test_a_cancelled_wait_stops_and_ends_after_the_work(work: Work, execution: TaskExecution) -> None:
    wait = asyncio.create_task(execution.wait())
    for _ in range(3):
        await run_pending_tasks()
        wait.cancel()
    await run_pending_tasks()
    assert not wait.done()
    work.grace.set()
    with pytest.raises(asyncio.CancelledError):
        await wait
    assert work.seen == ["ending", "ended"]


async def test_a_kill_frees_a_cancelled_wait(work: Work, execution: TaskExecution) -> None:
    wait = asyncio.create_task(execution.wait())
    await run_pending_tasks()
    wait.cancel()
    await run_pending_tasks()
    execution.kill()
    with pytest.raises(asyncio.CancelledError):
        await wait
    assert work.seen == ["ending", "killed"]


async def test_an_error_of_the_work_comes_out_of_the_wait() -> None:
    async def broken(_: EndRequest) -> Outcome:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await TaskExecution(broken).wait()
