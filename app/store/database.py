"""The connection pool, transactions, and running SQL.

Tortoise stays for the models and the migrations that aerich makes of them; queries are SQL. It keeps a connection whose
transaction failed to begin or end, so `transaction` gives that back to the pool itself. Tortoise has no public way to
do so, hence the private attributes, all of them in this module.
"""

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
"""Errors while the server cannot be reached, stops or starts. A later retry can succeed."""
Row = Mapping[str, Any]
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""The moment from which PostgreSQL counts microseconds."""
MICROSECOND = timedelta(microseconds=1)
CACHED_TIMES = 32_768
"""Decoded moments that are kept."""


def config(
    url: str, pool_size: int = 10, application_name: str = "boreas", answer_seconds: float | None = None
) -> dict[str, Any]:
    """Return the configuration of Tortoise for one process with up to `pool_size` connections.

    A statement without an answer in `answer_seconds` raises TimeoutError. Raises ValueError for an invalid URL.
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
    """Give a connection back without a reset, which costs a round trip and is not needed here."""


async def _set_time_codec(connection: asyncpg.Connection) -> None:
    """Install a codec for moments that caches decoded ones: five times as fast as the driver's."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_encode_time, decoder=_decode_time, format="tuple"
    )


def _encode_time(value: datetime) -> tuple[int]:
    return ((value - EPOCH) // MICROSECOND,)


@lru_cache(maxsize=CACHED_TIMES)
def _decode_time(value: tuple[int]) -> datetime:
    return EPOCH + timedelta(microseconds=value[0])


@asynccontextmanager
async def connected(settings: dict[str, Any]) -> AsyncIterator[None]:
    """Open a pool for the block. Every task of the process uses it, not only the one that opened it."""
    await Tortoise.init(config=settings, _enable_global_fallback=True)
    try:
        yield
    finally:
        await Tortoise.close_connections()


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """Run the block in a transaction.

    If BEGIN, COMMIT or ROLLBACK fails, Tortoise keeps the connection as the current one of the task and its children.
    Here the connection goes back to the pool, and later statements use the pool.
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
    """End a transaction, and in any case stop using its connection in this task."""
    try:
        await context.__aexit__(*error)
    finally:
        _reset_connection_context(context)


def _reset_connection_context(context: Any) -> None:
    """Undo what entering a transaction set as the current connection of this task."""
    token = getattr(context, "token", None)
    if token is not None and not token._used:
        get_connections().reset(token)


def connection() -> BaseDBAsyncClient:
    """Return the current transaction's connection, or the pool outside of a transaction."""
    return get_connection(NAME)


async def fetch(sql: str, *values: Any) -> Sequence[Row]:
    """Run a statement and return its rows."""
    return await connection().execute_query_dict(sql, list(values))


async def fetch_columns(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement and return its columns, each with a value for every row; [] without rows."""
    _, rows = await connection().execute_query(sql, list(values))
    return list(zip(*rows, strict=True))


async def fetch_one(sql: str, *values: Any) -> Row | None:
    """Run a statement and return its first row, or None."""
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


async def execute(sql: str, *values: Any) -> int:
    """Run a statement and return how many rows it changed. It is 0 after an INSERT."""
    count, _ = await connection().execute_query(sql, list(values))
    return count


async def lock_name(name: str) -> None:
    """Lock a name of the caller's choice until the transaction ends; a second caller waits until then."""
    await fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)


async def ping() -> None:
    """Check that the server answers. Raises an error of the driver if it does not."""
    await fetch("SELECT 1")
