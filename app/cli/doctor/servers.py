"""Checks PostgreSQL and Redis: availability, release, clock, capacity; and pools without workers."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from app.cli.doctor.findings import Finding, ok, problem, warning
from app.gateways.inspection import RedisUnreachableError, redis_state
from app.settings import Settings
from app.store import migrations
from app.store.inspection import DatabaseState, database_state, unserved_pools
from app.wiring import migrations_folder

OLDEST_POSTGRES = 140_000
NEWEST_TESTED = "PostgreSQL 18"
OLDEST_REDIS = (6, 2)
MAX_CLOCK_SECONDS = 1.0
"""Leases last 15 s; clocks should differ by far less."""
ALIVE_SECONDS = 30.0
"""A worker that reported within this time is alive."""
SPARE_CONNECTIONS = 5
TIMEOUT_SECONDS = 10.0
SLOW_SECONDS = 0.05


async def check_database(settings: Settings) -> list[Finding]:
    """Return the findings for the database of the settings."""
    url = settings.store.database_url or ""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS + migrations.CONNECT_SECONDS):
            status = await migrations.status(url, migrations_folder())
            async with migrations.opened(url):
                began = time.monotonic()
                state = await database_state()
                seconds = time.monotonic() - began
                pools = await unserved_pools(state.now - timedelta(seconds=ALIVE_SECONDS)) if not status.pending else {}
    except migrations.MigrationError as error:
        return [problem("database", str(error), "Start it, or correct BOREAS_DATABASE_URL.")]
    except TimeoutError:
        return [problem("database", "it does not answer", "Check the load and the locks of PostgreSQL.")]
    return [_release(state), _migrations(status), *_database(settings, state, seconds), *_pools(pools)]


def _release(state: DatabaseState) -> Finding:
    text = f"PostgreSQL {state.release // 10_000}.{state.release % 10_000}, as the role {state.role}"
    if state.release < OLDEST_POSTGRES:
        return problem("database", text, f"Upgrade it; Boreas is tested with {NEWEST_TESTED}.")
    if state.encoding != "UTF8":
        return problem("database", f"{text}, with the encoding {state.encoding}", "Create it with ENCODING 'UTF8'.")
    return ok("database", text)


def _migrations(status: migrations.Status) -> Finding:
    if status.pending:
        text = f"{len(status.pending)} of this release's migrations are not applied"
        return problem("migrations", text, "Run boreas migrate.")
    if status.unknown:
        text = f"the database has {len(status.unknown)} migrations of a newer release"
        return warning("migrations", text, "Upgrade this machine to that release.")
    return ok("migrations", f"all {len(status.applied)} are applied")


def _database(settings: Settings, state: DatabaseState, seconds: float) -> Iterator[Finding]:
    yield _clock("the database", state.now, datetime.now(UTC))
    free = state.most_connections - state.used_connections
    text = f"{state.used_connections} of {state.most_connections} connections are used"
    if free < SPARE_CONNECTIONS + settings.store.pool_size:
        advice = f"Raise max_connections, or lower BOREAS_DATABASE_POOL ({settings.store.pool_size} per process)."
        yield warning("connections", text, advice)
    else:
        yield ok("connections", text)
    if seconds > SLOW_SECONDS:
        text = f"the database takes {seconds * 1000:.0f} ms to answer"
        yield warning("latency", text, "Move it closer: every step of a deployment queries it several times.")
    if state.has_full_rights and not _is_embedded(settings):
        advice = "Give the API and the workers roles of their own: see boreas migrate --help."
        yield warning("roles", f"{state.role} owns the tables, and could change the audit log", advice)


def _is_embedded(settings: Settings) -> bool:
    """Return whether the database is that of `boreas up`, whose processes have roles of their own."""
    return (settings.data_dir / "secrets" / "owner-url").exists()


def _pools(pools: dict[str, str]) -> Iterator[Finding]:
    for pool, environments in pools.items():
        text = f"no worker serves the pool {pool}, which these environments use: {environments}"
        yield problem("workers", text, f"Start one: boreas worker --pool {pool}")
    if not pools:
        yield ok("workers", "a worker serves the pool of every environment")


def _clock(server: str, server_time: datetime, own_time: datetime) -> Finding:
    seconds = abs((server_time - own_time).total_seconds())
    if seconds > MAX_CLOCK_SECONDS:
        text = f"the clocks of this machine and of {server} are {seconds:.1f} s apart"
        return problem("clocks", text, "Synchronize both with the same time servers (chrony, systemd-timesyncd).")
    return ok("clocks", f"this machine and {server} have the same time")


async def check_redis(settings: Settings) -> list[Finding]:
    """Return the findings for the Redis or Valkey of the settings."""
    try:
        state = await redis_state(settings.store.redis_url or "", settings.outgoing.authorities.extra)
    except RedisUnreachableError as error:
        advice = "Start it, or correct BOREAS_REDIS_URL. Until then Boreas works, but more slowly."
        return [problem("Redis", f"it does not answer: {error}", advice)]
    release = ok("Redis", f"{state.name} {state.release}")
    if tuple(int(part) for part in state.release.split(".")[:2]) < OLDEST_REDIS:
        text = f"{state.name} {state.release} is too old"
        release = problem("Redis", text, "Upgrade to Redis 6.2 or newer, or to Valkey.")
    return [release, _clock(state.name, state.now, datetime.now(UTC))]
