"""A unit of work: atomic, and jobs and messages are sent only after its commit."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from app.core.environment import Environment, OperatorKind
from app.core.ids import IdKind
from app.gateways.bus import RedisBus
from app.gateways.queue import ArqQueue, connect
from app.ports import Job, Listener
from app.store import environments
from app.store.unit_of_work import Unit, unit
from tests.services.support.engine import Engine
from tests.support.servers import Servers


async def store(work: Unit, name: str = "here") -> str:
    """Store an environment in a unit of work that sends a message and a job."""
    environment = Environment(
        id=work.new_id(IdKind.ENVIRONMENT),
        name=name,
        rank=0,
        operator=OperatorKind.SHELL,
        worker_pool="default",
        max_concurrent_deployments=1,
        created_at=work.now,
    )
    await environments.insert(environment)
    work.messages.append(("topic", environment.id.encode()))
    work.jobs.append(Job(pool="default", name="job", args=(environment.id,), key=environment.id))
    return environment.id


async def heard(listener: Listener) -> Sequence[bytes] | None:
    """Return the next message."""
    return await listener.get(20)


async def queued(servers: Servers) -> list[bytes]:
    """Return the keys of the queued jobs."""
    async with Redis.from_url(servers.redis_url) as valkey:
        return list(await valkey.zrange("boreas:queue:default", 0, -1))


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError, KeyboardInterrupt])
async def test_an_error_undoes_everything_and_sends_nothing(engine: Engine, error: type[BaseException]) -> None:
    async with engine.runtime.bus.listen("topic") as listener:
        with pytest.raises(error):
            async with unit(engine.runtime) as work:
                id_ = await store(work)
                raise error
        await engine.runtime.bus.publish([("topic", b"something else")])
        assert await heard(listener) == (b"something else",)
    assert (await environments.by_ids([id_]), await queued(engine.servers)) == ({}, [])


async def test_an_error_of_the_database_undoes_everything(engine: Engine) -> None:
    with pytest.raises(Exception, match="unique"):
        async with unit(engine.runtime) as work:
            await store(work, "one")
            await store(work, "one")
    assert (await environments.all_by_rank(), await queued(engine.servers)) == ([], [])


async def test_messages_are_sent_after_the_commit(engine: Engine) -> None:
    async def listen() -> tuple[bytes, list[str]]:
        async with engine.runtime.bus.listen("topic") as listener:
            ready.set()
            (message,) = await heard(listener) or ()
            return message, list(await environments.by_ids([message.decode()]))

    ready = asyncio.Event()
    listen_task = asyncio.create_task(listen())
    await ready.wait()
    async with unit(engine.runtime) as work:
        id_ = await store(work)
        assert await queued(engine.servers) == []
    assert await listen_task == (id_.encode(), [id_])
    assert await queued(engine.servers) == [id_.encode()]


async def test_uncommitted_changes_are_invisible_to_others(engine: Engine) -> None:
    async with unit(engine.runtime) as work:
        id_ = await store(work)
        assert list(await environments.by_ids([id_])) == [id_]
        assert await asyncio.create_task(elsewhere(engine, id_)) is False
    assert await elsewhere(engine, id_) is True


async def elsewhere(engine: Engine, id_: str) -> bool:
    """Return whether another connection sees an environment."""
    async with engine.open_connection() as connection:
        return bool(await connection.fetchval("SELECT count(*) FROM environments WHERE id = $1", id_))


async def test_a_commit_persists_although_redis_is_unavailable(engine: Engine) -> None:
    away = connect("redis://127.0.0.1:1/0")
    bus = RedisBus(away)
    async with unit(replace(engine.runtime, bus=bus, queue=ArqQueue(away, bus))) as work:
        id_ = await store(work)
    assert list(await environments.by_ids([id_])) == [id_]


async def test_a_unit_has_one_moment_and_ids_that_differ(engine: Engine) -> None:
    async with unit(engine.runtime) as work:
        ids = [work.new_id(IdKind.TASK) for _ in range(1000)]
        assert len(set(ids)) == 1000 and len({id_[:14] for id_ in ids}) == 1


async def test_concurrent_units_have_separate_transactions(engine: Engine) -> None:
    async def one(name: str) -> str:
        async with unit(engine.runtime) as work:
            id_ = await store(work, name)
            await asyncio.sleep(0)
            if name.endswith("3"):
                raise RuntimeError
        return id_

    outcomes = await asyncio.gather(*(one(f"site-{n}") for n in range(8)), return_exceptions=True)
    assert [isinstance(outcome, RuntimeError) for outcome in outcomes] == [n == 3 for n in range(8)]
    assert [place.name for place in await environments.all_by_rank()] == [f"site-{n}" for n in range(8) if n != 3]


async def test_an_interrupted_unit_gives_its_connection_back(engine: Engine) -> None:
    async def work(number: int) -> None:
        async with unit(engine.runtime) as work:
            await store(work, f"site-{number}")
            await asyncio.sleep(60)

    for number in range(40):
        working = asyncio.create_task(work(number))
        await asyncio.sleep(number / 10_000)
        working.cancel()
        await asyncio.wait([working])
    async with asyncio.timeout(10):
        await asyncio.gather(*(store_alone(engine, f"site-{number}") for number in range(40)))
    assert len(await environments.all_by_rank()) == 40


async def test_after_a_failed_begin_the_next_transaction_works(engine: Engine) -> None:
    failures = 0
    for number in range(60):
        try:
            async with asyncio.timeout(number / 40_000):
                await store_alone(engine, f"lost-{number}")
        except TimeoutError:
            failures += 1
        await asyncio.create_task(store_alone(engine, f"site-{number}"))
    assert failures > 10
    assert {f"site-{number}" for number in range(60)} <= {place.name for place in await environments.all_by_rank()}


async def store_alone(engine: Engine, name: str) -> None:
    async with unit(engine.runtime) as work:
        await store(work, name)
        await asyncio.sleep(0.01)


async def test_a_release_is_stored_while_the_environment_is_locked(engine: Engine) -> None:
    """A waiting deployment locks the environment while a running one stores its release there."""
    site = await engine.site()
    await site.application("web")
    story = await engine.story(await site.deploy(auto_start=False))
    async with unit(engine.runtime):
        await environments.locked(site.environment_id)
        async with asyncio.timeout(10):
            await asyncio.create_task(release(engine, story.deployment.id, site.applications["web"]))
    assert await site.releases() == {"web": "v1"}


async def release(engine: Engine, deployment_id: str, application_id: str) -> None:
    """Store a release on a separate connection, as another process does."""
    deployment = (await engine.story(deployment_id)).deployment
    async with engine.open_connection() as connection:
        await connection.execute(
            "INSERT INTO releases (environment_id, application_id, version_id, deployment_id, since)"
            " VALUES ($1, $2, $3, $4, now())",
            deployment.environment_id,
            application_id,
            deployment.version_id,
            deployment_id,
        )
