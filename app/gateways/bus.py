"""The bus: Redis pub/sub over one connection per process, for any number of listeners.

Pub/sub drops messages that nobody receives. When that may have happened, `get` returns None, and listeners read the
database. While Redis is away everything still works, only later.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_fixed

from app.gateways.circuit_breaker import AWAY, CircuitBreaker

logger = logging.getLogger(__name__)

PREFIX = "boreas:"
PERMANENT_TOPIC = "hub"
"""A topic that is always subscribed, as a connection needs at least one."""
MAX_PENDING = 256
MAX_PENDING_BYTES = 4_000_000
"""Limits of one listener's messages; a listener that falls further behind reads the database instead."""
CONFIRM_SECONDS = 1.0
"""How long a listener waits for Redis to confirm its subscription."""
RECONNECT_SECONDS = 0.5
SILENCE_SECONDS = 5.0
"""Ping after this many idle seconds; also the ping's timeout."""


class _Mailbox:
    """The messages of one listener that it has not taken yet."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = False
        self._has_news = asyncio.Event()

    def put(self, message: bytes) -> None:
        if len(self._messages) >= MAX_PENDING or self._bytes + len(message) > MAX_PENDING_BYTES:
            self.drop()
        elif not self._dropped:
            self._messages.append(message)
            self._bytes += len(message)
            self._has_news.set()

    def drop(self) -> None:
        self._messages.clear()
        self._bytes = 0
        self._dropped = True
        self._has_news.set()

    async def get(self, timeout_seconds: float) -> Sequence[bytes] | None:
        if not self._has_news.is_set():
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._has_news.wait()
            except TimeoutError:
                return ()
        self._has_news.clear()
        if self._dropped:
            self._dropped = False
            return None
        messages = tuple(self._messages)
        self._messages.clear()
        self._bytes = 0
        return messages


class RedisBus:
    """Fulfils `Bus`. Open it before use, close it after."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._pubsub: PubSub | None = None
        self._mailboxes: dict[str, set[_Mailbox]] = {}
        self._confirmed: dict[str, asyncio.Event] = {}
        self._unconfirmed: set[str] = set()
        self._reader: asyncio.Task[None] | None = None
        self._breaker = CircuitBreaker()

    async def open(self) -> None:
        """Start reading."""
        self._reader = asyncio.create_task(self._read_forever(), name="bus")

    async def close(self) -> None:
        """Stop reading."""
        if self._reader:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send (topic, message) pairs in one round trip. Shortly after a timeout they are dropped."""
        if self._breaker.is_open:
            return
        consequence = f"{len(messages)} messages were not published"
        async with self._breaker.limit(consequence), self._redis.pipeline(transaction=False) as pipeline:
            for topic, message in messages:
                pipeline.publish(PREFIX + topic, message)
            await pipeline.execute()

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[_Mailbox]:
        """Open a listener."""
        mailbox = _Mailbox()
        listeners = self._mailboxes.setdefault(topic, set())
        listeners.add(mailbox)
        try:
            await self._subscribe(topic)
            yield mailbox
        finally:
            listeners.discard(mailbox)
            if not listeners and self._mailboxes.get(topic) is listeners:
                del self._mailboxes[topic]
                self._confirmed.pop(topic, None)
                self._unconfirmed.discard(topic)
                await self._unsubscribe(topic)

    async def _subscribe(self, topic: str) -> None:
        confirmed = self._confirmed.get(topic)
        if confirmed is None:
            confirmed = self._confirmed[topic] = asyncio.Event()
            try:
                if self._pubsub is not None:
                    await self._pubsub.subscribe(PREFIX + topic)
            except AWAY as error:
                logger.warning("Redis is away: %s", error)
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await confirmed.wait()
        except TimeoutError:
            self._unconfirmed.add(topic)
            logger.warning(
                "Redis did not confirm a subscription within %g s; the feed continues from the database",
                CONFIRM_SECONDS,
            )

    def _confirm(self, topic: str) -> None:
        """Let listeners continue that wait for the subscription; let earlier ones read what they may have missed."""
        confirmed = self._confirmed[topic]
        if confirmed.is_set() or topic in self._unconfirmed:
            self._unconfirmed.discard(topic)
            for mailbox in self._mailboxes.get(topic, ()):
                mailbox.drop()
        confirmed.set()

    async def _unsubscribe(self, topic: str) -> None:
        try:
            if self._pubsub is not None:
                await self._pubsub.unsubscribe(PREFIX + topic)
        except AWAY as error:
            logger.warning("Redis is away: %s", error)

    async def _read_forever(self) -> None:
        """Read over one connection after the other, until cancelled."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(AWAY), wait=wait_fixed(RECONNECT_SECONDS), before_sleep=self._on_outage
        )
        await retrying(self._read_connection)

    def _on_outage(self, state: RetryCallState) -> None:
        logger.warning("Redis is away, trying again: %s", state.outcome and state.outcome.exception())
        self._pubsub = None
        for mailbox in [mailbox for mailboxes in self._mailboxes.values() for mailbox in mailboxes]:
            mailbox.drop()

    async def _read_connection(self) -> None:
        """Subscribe to all topics, then deliver messages until the connection breaks."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(PREFIX + PERMANENT_TOPIC)
            self._pubsub = pubsub
            if self._mailboxes:
                await pubsub.subscribe(*(PREFIX + topic for topic in self._mailboxes))
            is_pinged = False
            while True:
                message = await pubsub.get_message(timeout=SILENCE_SECONDS)
                if message is None:
                    if is_pinged:
                        raise TimeoutError(f"Redis did not answer a ping within {SILENCE_SECONDS:g} s")
                    await pubsub.ping()
                    is_pinged = True
                    continue
                is_pinged = False
                if message["channel"] is None:
                    continue
                topic = message["channel"].decode().removeprefix(PREFIX)
                if message["type"] == "message":
                    for mailbox in self._mailboxes.get(topic, ()):
                        mailbox.put(message["data"])
                elif message["type"] == "subscribe" and topic in self._confirmed:
                    self._confirm(topic)
