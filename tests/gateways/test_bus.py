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
async def opened(url: str) -> AsyncIterator[RedisBus]:
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
    async with opened(servers.redis_url) as bus:
        yield bus


@pytest.fixture
async def valkey(servers: Servers) -> AsyncIterator[Redis]:
    async with Redis.from_url(servers.redis_url) as client:
        yield client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey") as server:
        yield server


async def collect(listener: Listener, number: int) -> list[bytes]:
    """Return that many messages; fails when some were dropped."""
    found: list[bytes] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < number:
            messages = await listener.get(PATIENCE)
            assert messages is not None
            found += messages
    return found


async def news(listener: Listener) -> Sequence[bytes] | None:
    """Return what comes next: messages, or None for a gap."""
    found = await listener.get(PATIENCE)
    assert found != (), "nothing came, not even word of a gap"
    return found


async def test_a_listener_hears_everything_from_then_on_in_order(bus: RedisBus) -> None:
    await bus.publish([("a", b"too early")])
    async with bus.listen("a") as listener:
        wanted = [str(n).encode() for n in range(MAX_PENDING)]
        await bus.publish([(topic, message) for message in wanted for topic in ("a", "b")])
        assert await collect(listener, len(wanted)) == wanted
        assert await listener.get(0.01) == ()


@pytest.mark.parametrize("message", [b"", b"\0\xff\r\n$5\r\n", "🚀".encode(), b"x" * 1_000_000])
async def test_a_message_is_any_bytes(bus: RedisBus, message: bytes) -> None:
    async with bus.listen("topic with spaces: ü*") as listener:
        await bus.publish([("topic with spaces: ü*", message)])
        assert await collect(listener, 1) == [message]


async def test_listeners_of_one_topic_share_a_subscription(bus: RedisBus, valkey: Redis) -> None:
    async with bus.listen("a") as one, bus.listen("a") as two:
        assert await subscribers(valkey, "a") == 1
        await bus.publish([("a", b"1"), ("a", b"2")])
        assert await collect(one, 2) == await collect(two, 2) == [b"1", b"2"]


async def test_who_falls_behind_is_told_and_costs_nobody_else(bus: RedisBus) -> None:
    async with bus.listen("a") as slow, bus.listen("a") as fast:
        for n in range(3 * MAX_PENDING):
            await bus.publish([("a", str(n).encode())])
            assert await collect(fast, 1) == [str(n).encode()]
        assert await slow.get(0) is None
        await bus.publish([("a", b"fresh")])
        assert await collect(slow, 1) == [b"fresh"]


async def test_large_messages_are_kept_up_to_a_size_only(bus: RedisBus) -> None:
    large = b"x" * (MAX_PENDING_BYTES // 4)
    async with bus.listen("a") as slow, bus.listen("a") as fast:
        for _ in range(6):
            await bus.publish([("a", large)])
            assert await collect(fast, 1) == [large]
        assert await slow.get(0) is None
        await bus.publish([("a", b"fresh")])
        assert await collect(slow, 1) == [b"fresh"]


async def test_many_topics_take_one_connection(bus: RedisBus, valkey: Redis) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(bus.listen("the first"))
        before = len(await valkey.client_list(_type="pubsub"))
        listeners = await asyncio.gather(*(stack.enter_async_context(bus.listen(f"topic-{n}")) for n in range(200)))
        assert len(await valkey.client_list(_type="pubsub")) == before
        await bus.publish([(f"topic-{n}", str(n).encode()) for n in range(200)])
        assert [await collect(listener, 1) for listener in listeners] == [[str(n).encode()] for n in range(200)]


async def test_the_last_one_to_leave_unsubscribes(bus: RedisBus, valkey: Redis) -> None:
    async def nobody() -> bool:
        return await subscribers(valkey, "a") == 0

    async with bus.listen("a") as stays:
        async with bus.listen("a"):
            pass
        await bus.publish([("a", b"1")])
        assert await collect(stays, 1) == [b"1"]
    await eventually(nobody, "the subscription to end")


async def test_leaving_and_coming_back_at_once_misses_nothing(bus: RedisBus) -> None:
    for n in range(200):
        async with bus.listen("a") as listener:
            await bus.publish([("a", str(n).encode())])
            assert await collect(listener, 1) == [str(n).encode()]


async def test_listeners_that_come_and_go_side_by_side_miss_nothing(bus: RedisBus) -> None:
    async def visit(name: str) -> None:
        for n in range(50):
            async with bus.listen("a") as listener:
                await bus.publish([("a", f"{name} {n}".encode())])
                async with asyncio.timeout(PATIENCE):
                    while f"{name} {n}".encode() not in (await news(listener) or ()):
                        pass

    await asyncio.gather(*(visit(name) for name in "abcd"))


async def test_a_listener_that_is_interrupted_loses_nothing(bus: RedisBus) -> None:
    async with bus.listen("a") as listener:
        waiting = asyncio.create_task(listener.get(PATIENCE))
        await asyncio.sleep(0)
        waiting.cancel()
        await bus.publish([("a", b"1")])
        assert await collect(listener, 1) == [b"1"]


async def test_after_a_restart_a_gap_is_told_and_then_fresh_messages_come(own: Valkey) -> None:
    async with opened(own.url) as bus, bus.listen("a") as listener:
        own.stop()
        assert await news(listener) is None
        own.start()
        async with asyncio.timeout(PATIENCE):
            while await listener.get(0.05) != (b"fresh",):
                await bus.publish([("a", b"fresh")])


async def test_what_is_published_before_the_bus_is_back_is_a_gap_too(own: Valkey) -> None:
    async with opened(own.url) as bus, bus.listen("a") as listener, Redis.from_url(own.url) as other:
        own.stop()
        assert await news(listener) is None
        own.start()
        assert await other.publish("boreas:a", b"nobody hears this") == 0
        assert await news(listener) is None


async def test_who_begins_to_listen_while_redis_is_away_is_told_of_the_gap(own: Valkey) -> None:
    async with opened(own.url) as bus:
        own.stop()
        async with bus.listen("a") as listener, Redis.from_url(own.url) as other:
            own.start()
            await other.publish("boreas:a", b"perhaps nobody hears this")
            assert await news(listener) in (None, (b"perhaps nobody hears this",))


@asynccontextmanager
async def relayed(url: str) -> AsyncIterator[tuple[Relay, RedisBus]]:
    """Open a bus whose way to the server can fall silent."""
    async with by_relay(url) as (relay, way), opened(way) as bus:
        yield relay, bus
        await relay.cut()


async def test_a_silent_server_holds_up_nobody_for_long(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "ANSWER_SECONDS", 0.2)
    async with relayed(servers.redis_url) as (relay, bus):
        await bus.publish([("a", b"1")])
        relay.silence()
        async with asyncio.timeout(PATIENCE):
            for _ in range(100):
                await bus.publish([("a", b"nobody hears this")])


async def test_a_server_that_answers_again_is_trusted_again(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(circuit_breaker, "OPEN_SECONDS", 0.0)
    async with (
        relayed(servers.redis_url) as (relay, bus),
        opened(servers.redis_url) as other,
        other.listen("a") as listener,
    ):
        relay.silence()
        for _ in range(3):
            await bus.publish([("a", b"nobody hears this")])
        await relay.heal()

        async def heard() -> bool:
            await bus.publish([("a", b"fresh")])
            return b"fresh" in (await listener.get(0.05) or ())

        await eventually(heard, "the bus to be heard again")


async def test_silence_is_noticed_and_told_as_a_gap(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.1)
    async with (
        relayed(servers.redis_url) as (relay, bus),
        bus.listen("a") as listener,
        opened(servers.redis_url) as other,
    ):
        await asyncio.sleep(0.5)
        await other.publish([("a", b"1")])
        assert await collect(listener, 1) == [b"1"]
        relay.silence()
        assert await news(listener) is None
        await relay.heal()
        async with asyncio.timeout(PATIENCE):
            while b"fresh" not in (await listener.get(0.05) or ()):
                await other.publish([("a", b"fresh")])


async def test_publishing_to_nobody_and_to_nowhere_raises_nothing(bus: RedisBus) -> None:
    await bus.publish([("nobody", b"1")])
    await bus.publish([])
    async with opened(AWAY) as lost:
        await lost.publish([("a", b"1")])


async def test_redis_over_tls_proves_who_it_is_by_the_operators_authority(servers: Servers, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def behind() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", urlsplit(servers.redis_url).port)

    async with tls_relay(behind, authority.context("localhost")) as port:
        url = f"rediss://localhost:{port}/0"
        stranger, trusted = connect(url), connect(url, authority.file)
        with pytest.raises(RedisConnectionError, match="unable to get local issuer certificate"):
            await stranger.ping()
        assert await trusted.ping()
        for client in (stranger, trusted):
            await client.aclose(close_connection_pool=True)
