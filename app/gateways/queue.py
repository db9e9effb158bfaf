"""The queue: arq jobs on Redis, one queue per worker pool.

arq has habits that are wrapped here once: it pickles (we give it JSON), it refuses a job whose key is queued or running
by returning None (which is what we want of keys), it polls (we wake it), and it dies when Redis goes away (we wait).
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
"""How long a worker without room leaves a job to others before it takes it, to serve it as soon as it has room."""
READ_LIMIT = 100
"""How many jobs a worker takes at once: they only say where there is work, and end at once."""
JOB_TIMEOUT_SECONDS = 60
"""arq's own limit on a job. A worker that dies amid one leaves its mark on that very job for as long."""


def connect(url: str, ca_file: Path | None = None) -> Redis:
    """Return a client that keeps its connections open and notices a dead server.

    The authorities of `ca_file` are believed beside those of the machine, where the URL is one of rediss: and names
    no `ssl_ca_certs` itself.
    """
    secure = {"ssl_ca_certs": str(ca_file)} if ca_file and url.startswith("rediss:") else {}
    pool = ConnectionPool.from_url(
        url,
        socket_connect_timeout=2,
        socket_keepalive=True,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 1),
        **secure,
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
        self._patience = CircuitBreaker()

    def worker(
        self, pool: str, jobs: Mapping[str, JobFunction], has_room: Callable[[], bool] = lambda: True
    ) -> "WakingWorker":
        """Return a worker of `pool` for the named jobs. While it has no room, it leaves jobs to others for a moment."""
        return WakingWorker(self._redis, self._bus, pool, jobs, has_room)

    async def send(self, jobs: Sequence[Job]) -> None:
        """Send the jobs, then wake the pools that can begin at once. Where Redis is away, jobs wait for the sweep."""
        if self._patience.rests:
            return
        sent = False
        async with self._patience.limited("jobs wait for the sweep"):
            for job in jobs:
                await self._arq.enqueue_job(
                    job.name, *job.args, _job_id=job.key, _queue_name=_queue_name(job.pool), _defer_by=job.delay or None
                )
            sent = True
        pools = {job.pool for job in jobs if not job.delay}
        if pools and sent:
            await self._bus.publish([(wake_topic(pool), b"") for pool in sorted(pools)])


class WakingWorker(Worker):
    """An arq worker that looks into its queue when it is woken, and otherwise twice a second."""

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
        """Take jobs until told to stop, and return when those that were taken have ended.

        Never to be cancelled: between marking a job as its own and running it, arq would lose it.
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
        """Take no more jobs; `main` returns soon."""
        self._stopping = True
        self._wake.set()
