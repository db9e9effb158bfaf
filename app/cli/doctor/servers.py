"""PostgreSQL and Redis: whether they answer, fit, keep the same time, and have room; pools that nobody serves."""

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
NEWEST_TRIED = "PostgreSQL 18"
OLDEST_REDIS = (6, 2)
CLOCK_SECONDS = 1.0
"""Leases end after 15 s: what differs by more than this should not."""
ALIVE_SECONDS = 30.0
"""A worker that was seen within this time lives."""
SPARE_CONNECTIONS = 5
ANSWER_SECONDS = 10.0
SLOW_SECONDS = 0.05


async def examine_database(settings: Settings) -> list[Finding]:
    """Return what is found of the database that the settings name."""
    url = settings.store.database_url or ""
    try:
        async with asyncio.timeout(ANSWER_SECONDS + migrations.CONNECT_SECONDS):
            status = await migrations.status(url, migrations_folder())
            async with migrations.opened(url):
                began = time.monotonic()
                state = await database_state()
                took = time.monotonic() - began
                pools = await unserved_pools(state.now - timedelta(seconds=ALIVE_SECONDS)) if not status.pending else {}
    except migrations.MigrationError as error:
        return [problem("database", str(error), "Start it, or correct BOREAS_DATABASE_URL.")]
    except TimeoutError:
        return [problem("database", "it does not answer", "Look at the load and the locks of PostgreSQL.")]
    return [_release(state), _schema(status), *_database(settings, state, took), *_pools(pools)]


def _release(state: DatabaseState) -> Finding:
    text = f"PostgreSQL {state.release // 10_000}.{state.release % 10_000}, as the role {state.role}"
    if state.release < OLDEST_POSTGRES:
        return problem("database", text, f"Move to a newer release; {NEWEST_TRIED} is what Boreas is tested with.")
    if state.encoding != "UTF8":
        return problem("database", f"{text}, which keeps {state.encoding}", "Make a database with ENCODING 'UTF8'.")
    return ok("database", text)


def _schema(status: migrations.Status) -> Finding:
    if status.pending:
        text = f"{len(status.pending)} of this release's migrations are not applied"
        return problem("migrations", text, "Run boreas migrate.")
    if status.unknown:
        text = f"the database has {len(status.unknown)} migrations of a newer release"
        return warning("migrations", text, "Move this machine to that release too.")
    return ok("migrations", f"all {len(status.applied)} are applied")


def _database(settings: Settings, state: DatabaseState, took: float) -> Iterator[Finding]:
    yield _clock("the database", state.now, datetime.now(UTC))
    free = state.most_connections - state.used_connections
    text = f"{state.used_connections} of {state.most_connections} connections are used"
    if free < SPARE_CONNECTIONS + settings.store.pool_size:
        advice = f"Raise max_connections, or lower BOREAS_DATABASE_POOL ({settings.store.pool_size} for each process)."
        yield warning("connections", text, advice)
    else:
        yield ok("connections", text)
    if took > SLOW_SECONDS:
        text = f"the database takes {took * 1000:.0f} ms to answer"
        yield warning("latency", text, "Bring it nearer; every step of a deployment asks several times.")
    if state.has_full_rights and not _is_own(settings):
        advice = "Give API and workers roles of their own: boreas migrate --help says how."
        yield warning("roles", f"{state.role} owns the tables, and could change the audit log", advice)


def _is_own(settings: Settings) -> bool:
    """Return whether the database is that of `boreas up`, whose processes have roles of their own."""
    return (settings.data_dir / "secrets" / "owner-url").exists()


def _pools(pools: dict[str, str]) -> Iterator[Finding]:
    for pool, environments in pools.items():
        text = f"no worker serves the pool {pool}, which these environments need: {environments}"
        yield problem("workers", text, f"Start one: boreas worker --pool {pool}")
    if not pools:
        yield ok("workers", "every environment's pool is served")


def _clock(what: str, there: datetime, here: datetime) -> Finding:
    seconds = abs((there - here).total_seconds())
    if seconds > CLOCK_SECONDS:
        text = f"this machine's clock and that of {what} are {seconds:.1f} s apart"
        return problem("clocks", text, "Let both follow the same time servers (chrony, systemd-timesyncd).")
    return ok("clocks", f"this machine and {what} keep the same time")


async def examine_redis(settings: Settings) -> list[Finding]:
    """Return what is found of the Redis or Valkey that the settings name."""
    try:
        state = await redis_state(settings.store.redis_url or "", settings.outgoing.authorities.extra)
    except RedisUnreachableError as error:
        advice = "Start it, or correct BOREAS_REDIS_URL. Until then Boreas goes on, slower."
        return [problem("Redis", f"it does not answer: {error}", advice)]
    found = ok("Redis", f"{state.name} {state.release}")
    if tuple(int(part) for part in state.release.split(".")[:2]) < OLDEST_REDIS:
        text = f"{state.name} {state.release} is too old"
        found = problem("Redis", text, "Move to Redis 6.2 or newer, or to Valkey.")
    return [found, _clock(state.name, state.now, datetime.now(UTC))]
