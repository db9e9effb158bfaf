"""The bus: Redis pub/sub over one connection per process, however many listen.

Pub/sub forgets what nobody heard. Listeners are told when that may have happened (`get` returns None), and read what
they missed from the database. While Redis is away everything still works, only later.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from app.gateways.circuit_breaker import AWAY, CircuitBreaker

logger = logging.getLogger(__name__)

PREFIX = "boreas:"
KEEP = "hub"
"""A topic that is always subscribed, so that the connection is never without one."""
MAX_PENDING = 256
MAX_PENDING_BYTES = 4_000_000
"""What is kept for one listener; one that falls further behind reads the database instead."""
CONFIRM_SECONDS = 1.0
RECONNECT_SECONDS = 0.5
SILENCE_SECONDS = 5.0
"""After how long without a word Redis is asked for one, and how long it may take to say it."""


class _Mailbox:
    """What has come for one listener and was not taken yet."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = False
        self._news = asyncio.Event()

    def put(self, message: bytes) -> None:
        if len(self._messages) >= MAX_PENDING or self._bytes + len(message) > MAX_PENDING_BYTES:
            self.drop()
        elif not self._dropped:
            self._messages.append(message)
            self._bytes += len(message)
            self._news.set()

    def drop(self) -> None:
        self._messages.clear()
        self._bytes = 0
        self._dropped = True
        self._news.set()

    async def get(self, timeout_seconds: float) -> Sequence[bytes] | None:
        if not self._news.is_set():
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._news.wait()
            except TimeoutError:
                return ()
        self._news.clear()
        if self._dropped:
            self._dropped = False
            return None
        taken = tuple(self._messages)
        self._messages.clear()
        self._bytes = 0
        return taken


class RedisBus:
    """Fulfils `Bus`. Open it before use, close it after."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._pubsub: PubSub | None = None
        self._mailboxes: dict[str, set[_Mailbox]] = {}
        self._confirmed: dict[str, asyncio.Event] = {}
        self._unheard: set[str] = set()
        self._reader: asyncio.Task[None] | None = None
        self._patience = CircuitBreaker()

    async def open(self) -> None:
        """Begin to read."""
        self._reader = asyncio.create_task(self._read_forever(), name="bus")

    async def close(self) -> None:
        """Stop reading."""
        if self._reader:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send (topic, message) pairs in one round trip; not at all shortly after that took too long."""
        if self._patience.rests:
            return
        lost = f"{len(messages)} messages were not published"
        async with self._patience.limited(lost), self._redis.pipeline(transaction=False) as pipeline:
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
                self._unheard.discard(topic)
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
            self._unheard.add(topic)
            logger.warning("Redis did not confirm a subscription; the feed goes on from the database")

    def _confirm(self, topic: str) -> None:
        """Let those go on who wait for the subscription; those who went on before may have missed something."""
        confirmed = self._confirmed[topic]
        if confirmed.is_set() or topic in self._unheard:
            self._unheard.discard(topic)
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
        while True:
            try:
                await self._read_connection()
            except AWAY as error:
                logger.warning("Redis is away, trying again: %s", error)
            finally:
                self._pubsub = None
            for mailbox in [mailbox for mailboxes in self._mailboxes.values() for mailbox in mailboxes]:
                mailbox.drop()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _read_connection(self) -> None:
        """Subscribe to everything that is wanted, then hand messages out until the connection breaks."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(PREFIX + KEEP)
            self._pubsub = pubsub
            if self._mailboxes:
                await pubsub.subscribe(*(PREFIX + topic for topic in self._mailboxes))
            asked = False
            while True:
                message = await pubsub.get_message(timeout=SILENCE_SECONDS)
                if message is None:
                    if asked:
                        raise TimeoutError("no word from Redis")
                    await pubsub.ping()
                    asked = True
                    continue
                asked = False
                if message["channel"] is None:
                    continue
                topic = message["channel"].decode().removeprefix(PREFIX)
                if message["type"] == "message":
                    for mailbox in self._mailboxes.get(topic, ()):
                        mailbox.put(message["data"])
                elif message["type"] == "subscribe" and topic in self._confirmed:
                    self._confirm(topic)
