"""The queue: arq jobs on Redis, one queue per worker pool.

arq has habits that are wrapped here once: it pickles (we give it JSON), it refuses a job whose key is queued or running
by returning None (which is what we want of keys), it polls (we wake it), and it dies when Redis goes away (we wait).
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from app.gateways.bus import AWAY
from app.ports import Bus, Job, JobFunction

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
READ_LIMIT = 2000
"""How far into the queue a worker looks: jobs that run elsewhere stay in it until they have ended."""
JOB_TIMEOUT_SECONDS = 7 * 86_400
"""arq's own limit on a job, far above any of ours: task limits and leases end work, not the queue."""


def connect(url: str) -> Redis:
    """Return a client that keeps its connections open and notices a dead server."""
    pool = ConnectionPool.from_url(
        url, socket_connect_timeout=2, socket_keepalive=True, health_check_interval=0, retry=Retry(NoBackoff(), 1)
    )
    return Redis(connection_pool=pool)


def wake_topic(pool: str) -> str:
    """Return the topic that tells a pool's workers to look into their queue."""
    return f"wake:{pool}"


def _queue_name(pool: str) -> str:
    return f"boreas:queue:{pool}"


def _arq(redis: Redis, pool: str) -> ArqRedis:
    return ArqRedis(
        connection_pool=redis.connection_pool,
        job_serializer=msgspec.json.encode,
        job_deserializer=msgspec.json.decode,
        default_queue_name=_queue_name(pool),
    )


class ArqQueue:
    """Fulfils `JobQueue`."""

    def __init__(self, redis: Redis, bus: Bus) -> None:
        self._redis = redis
        self._arq = _arq(redis, "default")
        self._bus = bus

    def worker(self, pool: str, jobs: Mapping[str, JobFunction], slots: int) -> "WakingWorker":
        """Return a worker of `pool` that runs up to `slots` of the named jobs at the same time."""
        return WakingWorker(self._redis, self._bus, pool, jobs, slots)

    async def send(self, jobs: Sequence[Job]) -> None:
        """Send the jobs, then wake the pools that can begin at once."""
        try:
            for job in jobs:
                await self._arq.enqueue_job(
                    job.name, *job.args, _job_id=job.key, _queue_name=_queue_name(job.pool), _defer_by=job.delay or None
                )
        except AWAY as error:
            logger.warning("Redis is away, jobs wait for the sweep: %s", error)
            return
        pools = {job.pool for job in jobs if not job.delay}
        if pools:
            await self._bus.publish([(wake_topic(pool), b"") for pool in sorted(pools)])


class WakingWorker(Worker):
    """An arq worker that looks into its queue when it is woken, when a job has ended, and otherwise twice a second."""

    def __init__(self, redis: Redis, bus: Bus, pool: str, jobs: Mapping[str, JobFunction], slots: int) -> None:
        super().__init__(
            functions=[func(cast("WorkerCoroutine", job), name=name, keep_result=0) for name, job in jobs.items()],
            redis_pool=_arq(redis, pool),
            queue_name=_queue_name(pool),
            max_jobs=slots,
            job_timeout=JOB_TIMEOUT_SECONDS,
            max_tries=1_000_000,
            poll_delay=POLL_SECONDS,
            queue_read_limit=READ_LIMIT,
            keep_result=0,
            handle_signals=False,
            job_serializer=msgspec.json.encode,
            job_deserializer=msgspec.json.decode,
            after_job_end=self._job_ended,
        )
        self._bus = bus
        self._wake_topic = wake_topic(pool)
        self._wake = asyncio.Event()

    async def _job_ended(self, ctx: dict[Any, Any]) -> None:
        """Look for more once the slot is free, which it is a moment after this is called."""
        asyncio.get_running_loop().call_soon(self._wake.set)

    async def main(self) -> None:
        """Look for jobs until cancelled."""
        listening = asyncio.create_task(self._listen(), name="wake")
        try:
            while True:
                self._wake.clear()
                try:
                    await self._poll_iteration()
                except (*AWAY, RedisConnectionError) as error:
                    logger.warning("Redis is away, trying again: %s", error)
                    await asyncio.sleep(POLL_SECONDS)
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            listening.cancel()

    async def _listen(self) -> None:
        async with self._bus.listen(self._wake_topic) as listener:
            while True:
                if await listener.get(3600) != ():
                    self._wake.set()

    async def drain(self) -> None:
        """Take no more jobs, and return when those that run have ended. Leaves the connections open."""
        self.allow_pick_jobs = False
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
