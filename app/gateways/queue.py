"""The queue: arq jobs on Redis, one queue per worker pool.

arq's defaults are changed here: jobs are JSON instead of pickles, workers are woken instead of only polling, and they
wait when Redis is away instead of ending. A job whose key is queued or runs is not queued again, as keys require.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec
from arq.connections import ArqRedis
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from app.gateways.circuit_breaker import AWAY, CircuitBreaker
from app.ports import Bus, Job, JobFunction

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
FULL_SECONDS = 0.25
"""How long a worker without room leaves jobs to other workers before it takes them itself."""
READ_LIMIT = 100
"""Jobs that a worker takes at once. A job only names a deployment with work, and ends at once."""
JOB_TIMEOUT_SECONDS = 60
"""arq's limit on a job. After a worker died during a job, that job is blocked for as long."""


def connect(url: str, ca_file: Path | None = None) -> Redis:
    """Return a client that keeps its connections open and notices a dead server.

    For a rediss: URL without `ssl_ca_certs`, the authorities of `ca_file` are trusted beside those of the machine.
    """
    tls = {"ssl_ca_certs": str(ca_file)} if ca_file and url.startswith("rediss:") else {}
    pool = ConnectionPool.from_url(
        url,
        socket_connect_timeout=2,
        socket_keepalive=True,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 1),
        **tls,
    )
    return Redis(connection_pool=pool)


def wake_topic(pool: str) -> str:
    """Return the topic that wakes a pool's workers to read their queue."""
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
        self._breaker = CircuitBreaker()

    def worker(
        self, pool: str, jobs: Mapping[str, JobFunction], has_room: Callable[[], bool] = lambda: True
    ) -> "WakingWorker":
        """Return a worker of `pool` for the named jobs. While it has no room, it leaves jobs to others first."""
        return WakingWorker(self._redis, self._bus, pool, jobs, has_room)

    async def send(self, jobs: Sequence[Job]) -> None:
        """Send the jobs, then wake the pools of those without a delay. Where Redis is away, the sweep sends them."""
        if self._breaker.is_open:
            return
        is_sent = False
        async with self._breaker.limit("jobs wait for the sweep"):
            for job in jobs:
                await self._arq.enqueue_job(
                    job.name, *job.args, _job_id=job.key, _queue_name=_queue_name(job.pool), _defer_by=job.delay or None
                )
            is_sent = True
        pools = {job.pool for job in jobs if not job.delay}
        if pools and is_sent:
            await self._bus.publish([(wake_topic(pool), b"") for pool in sorted(pools)])


class WakingWorker(Worker):
    """An arq worker that reads its queue when it is woken, and otherwise twice a second."""

    def __init__(
        self, redis: Redis, bus: Bus, pool: str, jobs: Mapping[str, JobFunction], has_room: Callable[[], bool]
    ) -> None:
        super().__init__(
            functions=[func(cast("WorkerCoroutine", job), name=name, keep_result=0) for name, job in jobs.items()],
            redis_pool=_arq(redis, pool),
            queue_name=_queue_name(pool),
            max_jobs=READ_LIMIT,
            job_timeout=JOB_TIMEOUT_SECONDS,
            max_tries=1_000_000,
            poll_delay=POLL_SECONDS,
            queue_read_limit=READ_LIMIT,
            keep_result=0,
            handle_signals=False,
            job_serializer=msgspec.json.encode,
            job_deserializer=msgspec.json.decode,
        )
        self._bus = bus
        self._wake_topic = wake_topic(pool)
        self._wake = asyncio.Event()
        self._has_room = has_room
        self._stopping = False

    async def main(self) -> None:
        """Take jobs until `stop`, and return when the taken jobs have ended.

        It must not be cancelled: arq would lose a job between marking it as taken and running it.
        """
        listening = asyncio.create_task(self._listen(), name="wake")
        try:
            while not self._stopping:
                self._wake.clear()
                await self._take()
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue
            await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        finally:
            listening.cancel()

    async def _take(self) -> None:
        if not self._has_room():
            await asyncio.sleep(FULL_SECONDS)
        if self._stopping:
            return
        try:
            await self._poll_iteration()
        except (*AWAY, RedisConnectionError) as error:
            logger.warning("Redis is away, trying again: %s", error)
            await asyncio.sleep(POLL_SECONDS)

    async def _listen(self) -> None:
        async with self._bus.listen(self._wake_topic) as listener:
            while True:
                if await listener.get(3600) != ():
                    self._wake.set()

    def stop(self) -> None:
        """Take no more jobs, and let `main` return."""
        self._stopping = True
        self._wake.set()
