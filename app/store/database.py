"""The connection: opening, closing, and running SQL in the transaction at hand."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient, TransactionContextPooled
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.connection import get_connection, get_connections
from tortoise.exceptions import DBConnectionError
from tortoise.transactions import in_transaction

from app.store.connection_tls import apply_tls

NAME = "default"
UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    DBConnectionError,
    OSError,
    TimeoutError,
)
"""What is raised while the server can not be reached, stops or starts: trying again later is the answer."""
Row = Mapping[str, Any]
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From when PostgreSQL counts."""
MICROSECOND = timedelta(microseconds=1)
CACHED_TIMES = 32_768


def config(
    url: str, pool_size: int = 10, application_name: str = "boreas", answer_seconds: float | None = None
) -> dict[str, Any]:
    """Return the configuration of Tortoise for one process, whose pool holds up to `pool_size` connections.

    A statement that is not answered in `answer_seconds` raises TimeoutError. Raises ValueError for a URL that cannot
    be used.
    """
    connection = expand_db_url(url)
    apply_tls(connection["credentials"])
    connection["credentials"] |= {
        "minsize": 1,
        "maxsize": pool_size,
        "application_name": application_name,
        "reset": _skip_reset,
        "init": _set_time_codec,
        "command_timeout": answer_seconds,
    }
    return {
        "connections": {NAME: connection},
        "apps": {"models": {"models": ["app.store.models", "aerich.models"], "default_connection": NAME}},
        "use_tz": True,
        "timezone": "UTC",
    }


async def _skip_reset(_: object) -> None:
    """Give a connection back as it is: nothing here changes a session, and resetting costs a round trip each time."""


async def _set_time_codec(connection: asyncpg.Connection) -> None:
    """Read and write times in a way that remembers what it has read: the driver's own costs five times as much."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_write_time, decoder=_read_time, format="tuple"
    )


def _write_time(value: datetime) -> tuple[int]:
    return ((value - EPOCH) // MICROSECOND,)


@lru_cache(maxsize=CACHED_TIMES)
def _read_time(value: tuple[int]) -> datetime:
    return EPOCH + timedelta(microseconds=value[0])


@asynccontextmanager
async def connected(settings: dict[str, Any]) -> AsyncIterator[None]:
    """Keep a pool open. Requests find it although they run in other tasks than the one that opened it."""
    await Tortoise.init(config=settings, _enable_global_fallback=True)
    try:
        yield
    finally:
        await Tortoise.close_connections()


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """Run the block in a transaction.

    Where beginning or ending one fails, Tortoise keeps its connection, and goes on to show it to whatever follows in
    the task and in those that come of it. Here it goes back to the pool, and what follows begins afresh.
    """
    context: Any = in_transaction(NAME)
    try:
        await context.__aenter__()
    except BaseException:
        _reset_connection_context(context)
        if isinstance(context, TransactionContextPooled) and context.client._connection is not None:
            context.client._connection.terminate()
            await context.client._parent._pool.release(context.client._connection)
        raise
    try:
        yield
    except BaseException as error:
        await _exit_transaction(context, type(error), error, error.__traceback__)
        raise
    await _exit_transaction(context, None, None, None)


async def _exit_transaction(context: Any, *error: Any) -> None:
    try:
        await context.__aexit__(*error)
    finally:
        _reset_connection_context(context)


def _reset_connection_context(context: Any) -> None:
    token = getattr(context, "token", None)
    if token is not None and not token._used:
        get_connections().reset(token)


def connection() -> BaseDBAsyncClient:
    """Return the transaction at hand, or the pool outside of one."""
    return get_connection(NAME)


async def fetch(sql: str, *values: Any) -> Sequence[Row]:
    """Run a statement that gives rows."""
    return await connection().execute_query_dict(sql, list(values))


async def fetch_columns(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement that gives rows, and return its columns, each with a value for every row; no rows: no columns."""
    _, rows = await connection().execute_query(sql, list(values))
    return list(zip(*rows, strict=True))


async def fetch_one(sql: str, *values: Any) -> Row | None:
    """Run a statement and return its first row, or None."""
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


async def execute(sql: str, *values: Any) -> int:
    """Run a statement and return how many rows it changed; of an INSERT the driver does not tell, and it is 0."""
    count, _ = await connection().execute_query(sql, list(values))
    return count


async def lock_name(what: str) -> None:
    """Hold a name of our choice until the transaction ends: of two that want it, the second waits for the first."""
    await fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", what)


async def ping() -> None:
    """Ask the server for a sign of life. Raises what the driver raises when there is none."""
    await fetch("SELECT 1")
