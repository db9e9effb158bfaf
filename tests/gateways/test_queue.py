"""The queue over a real Valkey.

Jobs reach the workers of their pool promptly and once per key, and no job stops a worker.
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


class QueueBench:
    """A queue and its workers: each job records its arguments when it begins, then waits for the gate."""

    def __init__(self, queue: ArqQueue, bus: RedisBus, stack: AsyncExitStack) -> None:
        self.queue, self.bus, self.stack = queue, bus, stack
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def work(self, _: dict[Any, Any], *arguments: str) -> None:
        self.begun.append(" ".join(arguments))
        await self.gate.wait()
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
            self.gate.set()
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

    def _has(self, texts_seen: list[str], texts: tuple[str, ...]) -> Callable[[], Awaitable[bool]]:
        async def has_texts() -> bool:
            return set(texts) <= set(texts_seen)

        return has_texts


@asynccontextmanager
async def open_bench(url: str) -> AsyncIterator[QueueBench]:
    """Open a bench over a Valkey."""
    client = connect(url)
    bus = RedisBus(client)
    await bus.open()
    try:
        async with AsyncExitStack() as stack:
            yield QueueBench(ArqQueue(client, bus), bus, stack)
    finally:
        await bus.close()
        await client.aclose(close_connection_pool=True)


@pytest.fixture
async def bench(valkey: Valkey) -> AsyncIterator[QueueBench]:
    async with open_bench(valkey.url) as bench:
        client = connect(valkey.url)
        await client.flushall()
        await client.aclose(close_connection_pool=True)
        yield bench


@pytest.fixture
def unpolled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that read their queue only when they are woken."""
    monkeypatch.setattr(queues, "POLL_SECONDS", NEVER)


async def until_listening(bench: QueueBench, pool: str = "default") -> None:
    """Wait until a worker of a pool can be woken, and has read its queue."""
    async with asyncio.timeout(20):
        while "ready" not in bench.begun:
            await bench.bus.publish([(queues.wake_topic(pool), b"")])
            await bench.send("ready", pool=pool)
            await asyncio.sleep(0.02)
    await bench.until_ended("ready")


async def test_jobs_reach_a_worker_with_their_arguments(bench: QueueBench) -> None:
    bench.worker()
    await bench.queue.send([Job(pool="default", name="work", args=("a b", "ü🚀", ""), key="k")])
    await bench.until_ended("a b ü🚀 ")


async def test_jobs_wait_for_a_worker(bench: QueueBench) -> None:
    await bench.send("one", "two")
    bench.worker()
    await bench.until_ended("one", "two")


async def test_a_pool_is_served_by_its_own_workers_only(bench: QueueBench) -> None:
    bench.worker(pool="here")
    await bench.send("far", pool="there")
    await bench.send("near", pool="here")
    await bench.until_ended("near")
    assert bench.begun == ["near"]
    bench.worker(pool="there")
    await bench.until_ended("far")


async def test_queued_jobs_of_one_key_run_once(bench: QueueBench) -> None:
    await asyncio.gather(*(bench.send("same") for _ in range(10)))
    await bench.send("other")
    bench.worker()
    await bench.until_ended("same", "other")
    assert bench.begun == ["same", "other"]


async def test_a_key_is_free_again_when_its_job_has_ended(bench: QueueBench) -> None:
    bench.worker()
    for n in range(3):
        await bench.send("again")

        async def ended(number: int = n + 1) -> bool:
            if len(bench.ended) < number:
                await bench.send("again")
            return len(bench.ended) >= number

        await eventually(ended)


async def test_each_job_reaches_one_of_many_workers(bench: QueueBench) -> None:
    for _ in range(4):
        bench.worker()
    texts = [str(n) for n in range(100)]
    await bench.send(*texts)
    await bench.until_ended(*texts)
    assert sorted(bench.begun) == sorted(texts)


async def test_a_delayed_job_runs_after_its_delay(bench: QueueBench) -> None:
    bench.worker()
    sent = time.monotonic()
    await bench.send("later", delay=0.4)
    await bench.send("now")
    await bench.until_ended("later")
    assert bench.begun == ["now", "later"] and time.monotonic() - sent >= 0.4


@pytest.mark.usefixtures("unpolled")
async def test_a_worker_is_woken_by_a_job(bench: QueueBench) -> None:
    bench.worker()
    await until_listening(bench)
    for n in range(20):
        await bench.send(str(n))
        await bench.until_ended(str(n))


async def test_a_worker_without_room_leaves_a_job_to_others(bench: QueueBench) -> None:
    full_bench = QueueBench(bench.queue, bench.bus, bench.stack)
    bench.worker()
    await until_listening(bench)
    full_bench.worker(has_room=lambda: False)
    for n in range(10):
        await bench.send(str(n))
        await bench.until_ended(str(n))
    assert full_bench.ended == []


async def test_a_worker_without_room_takes_a_job_that_no_other_worker_takes(bench: QueueBench) -> None:
    bench.worker(has_room=lambda: False)
    await bench.send("one", "two")
    await bench.until_ended("one", "two")


async def test_a_worker_that_is_stopped_at_any_moment_loses_no_job(bench: QueueBench) -> None:
    texts = [str(n) for n in range(40)]
    for n, text in enumerate(texts):
        await bench.send(text)
        stop = bench.start()
        await asyncio.sleep(n / 10_000)
        await stop()
    bench.worker()
    await bench.until_ended(*texts)


async def test_a_failing_or_unknown_job_does_not_stop_a_worker(bench: QueueBench) -> None:
    bench.worker()
    await bench.send("bad", name="fail")
    await bench.send("strange", name="no-such-job")
    await bench.send("good")
    await bench.until_ended("good")


async def test_a_stopping_worker_ends_its_jobs_and_takes_no_new_ones(bench: QueueBench) -> None:
    bench.gate.clear()
    worker = bench.worker()
    await bench.send("slow")
    await bench.until_begun("slow")
    worker.stop()
    await asyncio.sleep(0.1)
    await bench.send("next")
    await asyncio.sleep(0.1)
    bench.gate.set()
    await bench.until_ended("slow")
    assert bench.begun == ["slow"]
    bench.worker()
    await bench.until_ended("next")


async def test_sending_while_redis_is_away_raises_nothing(bench: QueueBench) -> None:
    async with open_bench("redis://127.0.0.1:1/0") as bench:
        await bench.send("a", "b")
        await bench.queue.send([])


async def test_a_silent_server_delays_senders_only_briefly(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "ANSWER_SECONDS", 0.2)
    async with by_relay(valkey.url) as (relay, url), open_bench(url) as bench:
        await bench.send("heard")
        relay.silence()
        async with asyncio.timeout(20):
            for number in range(100):
                await bench.send(f"nobody hears {number}")
        await relay.cut()


async def test_a_worker_continues_when_redis_is_back(valkey: Valkey) -> None:
    async with open_bench(valkey.url) as bench:
        bench.worker()
        await bench.send("before")
        await bench.until_ended("before")
        valkey.stop()
        await bench.send("lost")
        valkey.start()

        async def worker_continues() -> bool:
            await bench.send("after")
            return "after" in bench.ended

        await eventually(worker_continues, "the worker to go on")
        assert "lost" not in bench.begun
