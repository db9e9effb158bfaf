"""The bus over a real Valkey: a listener gets every later message, or learns that one may be missing."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from app.gateways import bus as module
from app.gateways import circuit_breaker
from app.gateways.bus import MAX_PENDING, MAX_PENDING_BYTES, RedisBus
from app.gateways.queue import connect
from app.ports import Listener
from tests.chaos.faults.network import Relay
from tests.gateways.support.valkey import Valkey, by_relay, subscribers
from tests.services.support.engine import eventually
from tests.support.servers import Servers
from tests.support.tls import Authority, tls_relay

PATIENCE = 20.0
AWAY = "redis://127.0.0.1:1/0"


@asynccontextmanager
async def open_bus(url: str) -> AsyncIterator[RedisBus]:
    """Open a bus with a client of its own."""
    client = connect(url)
    bus = RedisBus(client)
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()
        await client.aclose(close_connection_pool=True)


@pytest.fixture
async def bus(servers: Servers) -> AsyncIterator[RedisBus]:
    async with open_bus(servers.redis_url) as bus:
        yield bus


@pytest.fixture
async def valkey(servers: Servers) -> AsyncIterator[Redis]:
    async with Redis.from_url(servers.redis_url) as client:
        yield client


@pytest.fixture
def restartable_valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey") as server:
        yield server


async def collect(listener: Listener, number: int) -> list[bytes]:
    """Return that many messages; fails when some were dropped."""
    collected: list[bytes] = []
    async with asyncio.timeout(PATIENCE):
        while len(collected) < number:
            messages = await listener.get(PATIENCE)
            assert messages is not None
            collected += messages
    return collected


async def next_messages(listener: Listener) -> Sequence[bytes] | None:
    """Return the next messages, or None for a gap."""
    messages = await listener.get(PATIENCE)
    assert messages != (), "nothing came, not even word of a gap"
    return messages


async def test_a_listener_gets_every_later_message_in_order(bus: RedisBus) -> None:
    await bus.publish([("a", b"too early")])
    async with bus.listen("a") as listener:
        expected = [str(n).encode() for n in range(MAX_PENDING)]
        await bus.publish([(topic, message) for message in expected for topic in ("a", "b")])
        assert await collect(listener, len(expected)) == expected
        assert await listener.get(0.01) == ()


@pytest.mark.parametrize("message", [b"", b"\0\xff\r\n$5\r\n", "🚀".encode(), b"x" * 1_000_000])
async def test_a_message_can_be_any_bytes(bus: RedisBus, message: bytes) -> None:
    async with bus.listen("topic with spaces: ü*") as listener:
        await bus.publish([("topic with spaces: ü*", message)])
        assert await collect(listener, 1) == [message]


async def test_listeners_of_one_topic_share_a_subscription(bus: RedisBus, valkey: Redis) -> None:
    async with bus.listen("a") as first, bus.listen("a") as second:
        assert await subscribers(valkey, "a") == 1
        await bus.publish([("a", b"1"), ("a", b"2")])
        assert await collect(first, 2) == await collect(second, 2) == [b"1", b"2"]


async def test_a_slow_listener_gets_a_gap_and_does_not_delay_others(bus: RedisBus) -> None:
    async with bus.listen("a") as slow_listener, bus.listen("a") as fast_listener:
        for n in range(3 * MAX_PENDING):
            await bus.publish([("a", str(n).encode())])
            assert await collect(fast_listener, 1) == [str(n).encode()]
        assert await slow_listener.get(0) is None
        await bus.publish([("a", b"fresh")])
        assert await collect(slow_listener, 1) == [b"fresh"]


async def test_pending_messages_are_limited_by_size(bus: RedisBus) -> None:
    large_message = b"x" * (MAX_PENDING_BYTES // 4)
    async with bus.listen("a") as slow_listener, bus.listen("a") as fast_listener:
        for _ in range(6):
            await bus.publish([("a", large_message)])
            assert await collect(fast_listener, 1) == [large_message]
        assert await slow_listener.get(0) is None
        await bus.publish([("a", b"fresh")])
        assert await collect(slow_listener, 1) == [b"fresh"]


async def test_many_topics_take_one_connection(bus: RedisBus, valkey: Redis) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(bus.listen("the first"))
        connections_before = len(await valkey.client_list(_type="pubsub"))
        listeners = await asyncio.gather(*(stack.enter_async_context(bus.listen(f"topic-{n}")) for n in range(200)))
        assert len(await valkey.client_list(_type="pubsub")) == connections_before
        await bus.publish([(f"topic-{n}", str(n).encode()) for n in range(200)])
        assert [await collect(listener, 1) for listener in listeners] == [[str(n).encode()] for n in range(200)]


async def test_the_last_listener_of_a_topic_unsubscribes(bus: RedisBus, valkey: Redis) -> None:
    async def has_no_subscribers() -> bool:
        return await subscribers(valkey, "a") == 0

    async with bus.listen("a") as listener:
        async with bus.listen("a"):
            pass
        await bus.publish([("a", b"1")])
        assert await collect(listener, 1) == [b"1"]
    await eventually(has_no_subscribers, "the subscription to end")


async def test_listening_again_at_once_misses_no_message(bus: RedisBus) -> None:
    for n in range(200):
        async with bus.listen("a") as listener:
            await bus.publish([("a", str(n).encode())])
            assert await collect(listener, 1) == [str(n).encode()]


async def test_concurrent_short_listeners_miss_no_message(bus: RedisBus) -> None:
    async def listen_repeatedly(name: str) -> None:
        for n in range(50):
            async with bus.listen("a") as listener:
                await bus.publish([("a", f"{name} {n}".encode())])
                async with asyncio.timeout(PATIENCE):
                    while f"{name} {n}".encode() not in (await next_messages(listener) or ()):
                        pass

    await asyncio.gather(*(listen_repeatedly(name) for name in "abcd"))


async def test_an_interrupted_listener_loses_no_message(bus: RedisBus) -> None:
    async with bus.listen("a") as listener:
        read = asyncio.create_task(listener.get(PATIENCE))
        await asyncio.sleep(0)
        read.cancel()
        await bus.publish([("a", b"1")])
        assert await collect(listener, 1) == [b"1"]


async def test_a_restart_is_a_gap_followed_by_fresh_messages(restartable_valkey: Valkey) -> None:
    async with open_bus(restartable_valkey.url) as bus, bus.listen("a") as listener:
        restartable_valkey.stop()
        assert await next_messages(listener) is None
        restartable_valkey.start()
        async with asyncio.timeout(PATIENCE):
            while await listener.get(0.05) != (b"fresh",):
                await bus.publish([("a", b"fresh")])


async def test_messages_published_before_the_bus_is_back_are_a_gap(restartable_valkey: Valkey) -> None:
    async with (
        open_bus(restartable_valkey.url) as bus,
        bus.listen("a") as listener,
        Redis.from_url(restartable_valkey.url) as other_client,
    ):
        restartable_valkey.stop()
        assert await next_messages(listener) is None
        restartable_valkey.start()
        assert await other_client.publish("boreas:a", b"nobody hears this") == 0
        assert await next_messages(listener) is None


async def test_a_listener_that_starts_while_redis_is_away_gets_a_gap(restartable_valkey: Valkey) -> None:
    async with open_bus(restartable_valkey.url) as bus:
        restartable_valkey.stop()
        async with bus.listen("a") as listener, Redis.from_url(restartable_valkey.url) as other_client:
            restartable_valkey.start()
            await other_client.publish("boreas:a", b"perhaps nobody hears this")
            assert await next_messages(listener) in (None, (b"perhaps nobody hears this",))


@asynccontextmanager
async def open_relayed_bus(url: str) -> AsyncIterator[tuple[Relay, RedisBus]]:
    """Open a bus over a relay that can become silent."""
    async with by_relay(url) as (relay, relay_url), open_bus(relay_url) as bus:
        yield relay, bus
        await relay.cut()


async def test_a_silent_server_delays_publishers_only_briefly(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "ANSWER_SECONDS", 0.2)
    async with open_relayed_bus(servers.redis_url) as (relay, bus):
        await bus.publish([("a", b"1")])
        relay.silence()
        async with asyncio.timeout(PATIENCE):
            for _ in range(100):
                await bus.publish([("a", b"nobody hears this")])


async def test_a_server_that_answers_again_is_used_again(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(circuit_breaker, "OPEN_SECONDS", 0.0)
    async with (
        open_relayed_bus(servers.redis_url) as (relay, bus),
        open_bus(servers.redis_url) as other_bus,
        other_bus.listen("a") as listener,
    ):
        relay.silence()
        for _ in range(3):
            await bus.publish([("a", b"nobody hears this")])
        await relay.heal()

        async def is_heard() -> bool:
            await bus.publish([("a", b"fresh")])
            return b"fresh" in (await listener.get(0.05) or ())

        await eventually(is_heard, "the bus to be heard again")


async def test_silence_is_detected_and_reported_as_a_gap(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.1)
    async with (
        open_relayed_bus(servers.redis_url) as (relay, bus),
        bus.listen("a") as listener,
        open_bus(servers.redis_url) as other_bus,
    ):
        await asyncio.sleep(0.5)
        await other_bus.publish([("a", b"1")])
        assert await collect(listener, 1) == [b"1"]
        relay.silence()
        assert await next_messages(listener) is None
        await relay.heal()
        async with asyncio.timeout(PATIENCE):
            while b"fresh" not in (await listener.get(0.05) or ()):
                await other_bus.publish([("a", b"fresh")])


async def test_publishing_without_listeners_or_server_raises_nothing(bus: RedisBus) -> None:
    await bus.publish([("nobody", b"1")])
    await bus.publish([])
    async with open_bus(AWAY) as bus:
        await bus.publish([("a", b"1")])


async def test_redis_over_tls_is_verified_by_the_authority_of_the_operator(servers: Servers, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def connect_to_server() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", urlsplit(servers.redis_url).port)

    async with tls_relay(connect_to_server, authority.context("localhost")) as port:
        url = f"rediss://localhost:{port}/0"
        untrusting_client, trusting_client = connect(url), connect(url, authority.file)
        with pytest.raises(RedisConnectionError, match="unable to get local issuer certificate"):
            await untrusting_client.ping()
        assert await trusting_client.ping()
        for client in (untrusting_client, trusting_client):
            await client.aclose(close_connection_pool=True)
