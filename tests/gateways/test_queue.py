"""The queue over a real Valkey.

Jobs reach the workers of their pool, once per key, soon, and none stops a worker.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from app.gateways import circuit_breaker
from app.gateways import queue as queues
from app.gateways.bus import RedisBus
from app.gateways.queue import ArqQueue, WakingWorker, connect
from app.ports import Job
from tests.gateways.support.valkey import Valkey, by_relay
from tests.services.support.engine import eventually

NEVER = 3600.0


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("own")) as server:
        yield server


class Hall:
    """A queue and its workers: each job records its arguments when it begins, then waits for the gate."""

    def __init__(self, queue: ArqQueue, bus: RedisBus, stack: AsyncExitStack) -> None:
        self.queue, self.bus, self.stack = queue, bus, stack
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.door = asyncio.Event()
        self.door.set()

    async def work(self, _: dict[Any, Any], *arguments: str) -> None:
        self.begun.append(" ".join(arguments))
        await self.door.wait()
        self.ended.append(" ".join(arguments))

    async def fail(self, _: dict[Any, Any], *arguments: str) -> None:
        raise RuntimeError(arguments)

    def worker(self, pool: str = "default", has_room: Callable[[], bool] = lambda: True) -> WakingWorker:
        worker = self.queue.worker(pool, {"work": self.work, "fail": self.fail}, has_room)
        self.stack.push_async_callback(self._run(worker))
        return worker

    def start(self) -> Callable[[], Awaitable[None]]:
        return self._run(self.queue.worker("default", {"work": self.work}))

    def _run(self, worker: WakingWorker) -> Callable[[], Awaitable[None]]:
        loop = asyncio.create_task(worker.main())

        async def stop() -> None:
            self.door.set()
            worker.stop()
            await loop

        return stop

    async def send(self, *texts: str, pool: str = "default", delay: float = 0.0, name: str = "work") -> None:
        jobs = [Job(pool=pool, name=name, args=(text,), key=f"key of {text}", delay=delay) for text in texts]
        await self.queue.send(jobs)

    async def until_begun(self, *texts: str) -> None:
        await eventually(self._has(self.begun, texts), f"{texts} to begin (begun: {self.begun[-10:]})")

    async def until_ended(self, *texts: str) -> None:
        await eventually(self._has(self.ended, texts), f"{texts} to end (begun: {self.begun[-10:]})")

    def _has(self, where: list[str], texts: tuple[str, ...]) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            return set(texts) <= set(where)

        return look


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Hall]:
    """Open a hall over a Valkey."""
    client = connect(url)
    bus = RedisBus(client)
    await bus.open()
    try:
        async with AsyncExitStack() as stack:
            yield Hall(ArqQueue(client, bus), bus, stack)
    finally:
        await bus.close()
        await client.aclose(close_connection_pool=True)


@pytest.fixture
async def hall(valkey: Valkey) -> AsyncIterator[Hall]:
    async with opened(valkey.url) as hall:
        client = connect(valkey.url)
        await client.flushall()
        await client.aclose(close_connection_pool=True)
        yield hall


@pytest.fixture
def unpolled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that look into their queue only when they are woken."""
    monkeypatch.setattr(queues, "POLL_SECONDS", NEVER)


async def listening(hall: Hall, pool: str = "default") -> None:
    """Wait until a worker of a pool can be woken, and has looked into its queue."""
    async with asyncio.timeout(20):
        while "ready" not in hall.begun:
            await hall.bus.publish([(queues.wake_topic(pool), b"")])
            await hall.send("ready", pool=pool)
            await asyncio.sleep(0.02)
    await hall.until_ended("ready")


async def test_jobs_reach_a_worker_with_their_arguments(hall: Hall) -> None:
    hall.worker()
    await hall.queue.send([Job(pool="default", name="work", args=("a b", "ü🚀", ""), key="k")])
    await hall.until_ended("a b ü🚀 ")


async def test_jobs_wait_for_a_worker(hall: Hall) -> None:
    await hall.send("one", "two")
    hall.worker()
    await hall.until_ended("one", "two")


async def test_a_pool_is_served_by_its_own_workers_only(hall: Hall) -> None:
    hall.worker(pool="here")
    await hall.send("far", pool="there")
    await hall.send("near", pool="here")
    await hall.until_ended("near")
    assert hall.begun == ["near"]
    hall.worker(pool="there")
    await hall.until_ended("far")


async def test_jobs_of_one_key_that_are_queued_are_one(hall: Hall) -> None:
    await asyncio.gather(*(hall.send("same") for _ in range(10)))
    await hall.send("other")
    hall.worker()
    await hall.until_ended("same", "other")
    assert hall.begun == ["same", "other"]


async def test_a_key_is_free_again_when_its_job_has_ended(hall: Hall) -> None:
    hall.worker()
    for n in range(3):
        await hall.send("again")

        async def ended(number: int = n + 1) -> bool:
            if len(hall.ended) < number:
                await hall.send("again")
            return len(hall.ended) >= number

        await eventually(ended)


async def test_of_many_workers_each_job_reaches_one(hall: Hall) -> None:
    for _ in range(4):
        hall.worker()
    texts = [str(n) for n in range(100)]
    await hall.send(*texts)
    await hall.until_ended(*texts)
    assert sorted(hall.begun) == sorted(texts)


async def test_a_delayed_job_comes_later_and_not_before_its_time(hall: Hall) -> None:
    hall.worker()
    sent = time.monotonic()
    await hall.send("later", delay=0.4)
    await hall.send("now")
    await hall.until_ended("later")
    assert hall.begun == ["now", "later"] and time.monotonic() - sent >= 0.4


@pytest.mark.usefixtures("unpolled")
async def test_a_worker_is_woken_by_a_job(hall: Hall) -> None:
    hall.worker()
    await listening(hall)
    for n in range(20):
        await hall.send(str(n))
        await hall.until_ended(str(n))


async def test_a_worker_without_room_leaves_a_job_to_others(hall: Hall) -> None:
    full = Hall(hall.queue, hall.bus, hall.stack)
    hall.worker()
    await listening(hall)
    full.worker(has_room=lambda: False)
    for n in range(10):
        await hall.send(str(n))
        await hall.until_ended(str(n))
    assert full.ended == []


async def test_a_worker_without_room_takes_a_job_that_nobody_else_takes(hall: Hall) -> None:
    hall.worker(has_room=lambda: False)
    await hall.send("one", "two")
    await hall.until_ended("one", "two")


async def test_a_worker_that_is_stopped_at_any_moment_loses_no_job(hall: Hall) -> None:
    texts = [str(n) for n in range(40)]
    for n, text in enumerate(texts):
        await hall.send(text)
        stop = hall.start()
        await asyncio.sleep(n / 10_000)
        await stop()
    hall.worker()
    await hall.until_ended(*texts)


async def test_a_job_that_fails_or_is_unknown_stops_nobody(hall: Hall) -> None:
    hall.worker()
    await hall.send("bad", name="fail")
    await hall.send("strange", name="no-such-job")
    await hall.send("good")
    await hall.until_ended("good")


async def test_a_worker_that_stops_ends_what_it_has_and_takes_nothing_new(hall: Hall) -> None:
    hall.door.clear()
    worker = hall.worker()
    await hall.send("slow")
    await hall.until_begun("slow")
    worker.stop()
    await asyncio.sleep(0.1)
    await hall.send("next")
    await asyncio.sleep(0.1)
    hall.door.set()
    await hall.until_ended("slow")
    assert hall.begun == ["slow"]
    hall.worker()
    await hall.until_ended("next")


async def test_sending_while_redis_is_away_raises_nothing(hall: Hall) -> None:
    async with opened("redis://127.0.0.1:1/0") as lost:
        await lost.send("a", "b")
        await lost.queue.send([])


async def test_a_silent_server_holds_up_nobody_for_long(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "ANSWER_SECONDS", 0.2)
    async with by_relay(valkey.url) as (relay, way), opened(way) as hall:
        await hall.send("heard")
        relay.silence()
        async with asyncio.timeout(20):
            for number in range(100):
                await hall.send(f"nobody hears {number}")
        await relay.cut()


async def test_a_worker_goes_on_when_redis_is_back(valkey: Valkey) -> None:
    async with opened(valkey.url) as hall:
        hall.worker()
        await hall.send("before")
        await hall.until_ended("before")
        valkey.stop()
        await hall.send("lost")
        valkey.start()

        async def works() -> bool:
            await hall.send("after")
            return "after" in hall.ended

        await eventually(works, "the worker to go on")
        assert "lost" not in hall.begun
