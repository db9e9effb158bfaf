"""Timestamps follow the order of events: a moment is taken after the wait for a lock, not before it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from app.services.engine.locked_deployment import lock_deployment
from app.store.unit_of_work import unit
from tests.services.support.commands import node
from tests.services.support.engine import Engine, Site


async def test_the_moment_of_a_transaction_is_after_the_lock_wait(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy(auto_start=False)
    started = asyncio.Event()

    async def cancel() -> None:
        await started.wait()
        await engine.cancel(id_)

    cancellation = asyncio.create_task(cancel())
    async with unit(engine.runtime) as work:
        started.set()
        await cancellation
        async with lock_deployment(work, id_) as locked:
            assert locked.now >= locked.deployment.updated_at


async def test_the_events_of_a_busy_deployment_are_ordered_by_time(engine: Engine, trial: Site) -> None:
    for _ in range(3):
        await engine.worker(slots=16)
    graph = [node(f"{x}/{y}", *(f"{x - 1}/{z}" for z in range(10) if x)) for x in range(6) for y in range(10)]
    id_ = (await trial.deployed("v1", *graph)).deployment.id
    for earlier, later in pairwise(await engine.events(id_)):
        assert earlier.at <= later.at, (earlier, later)


class LateClock:
    """The clock of a process whose machine is years behind."""

    def now(self) -> datetime:
        return datetime(2020, 2, 29, tzinfo=UTC)


async def test_changes_are_ordered_even_when_clocks_go_back(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy(auto_start=False)
    moments = []
    for paused in (True, False, True):
        async with unit(replace(engine.runtime, clock=LateClock())) as work, lock_deployment(work, id_) as locked:
            moments.append(locked.deployment.updated_at)
            locked.set_paused(paused)
    assert moments == sorted(set(moments))
