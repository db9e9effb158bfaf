"""Direct access to the rows of the database, past the code under test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from tests.support.client import Data
from tests.support.servers import TABLES, connect
from tests.support.system import System

VOLATILE_COLUMNS = {"api_tokens": "last_used_at", "sweeps": "at", "workers": "seen_at"}
"""Columns that change without a mutation: queries and workers write them."""


@asynccontextmanager
async def database(system: System) -> AsyncIterator[asyncpg.Connection]:
    """Open a separate connection to the system's database."""
    connection = await connect(system.settings.store.database_url or "")
    try:
        yield connection
    finally:
        await connection.close()


async def contents(system: System) -> dict[str, list[str]]:
    """Return every row of every table as text."""
    async with database(system) as connection:
        return {table: [row[0] for row in await connection.fetch(_select(table))] for table in sorted(TABLES.split())}


def _select(table: str) -> str:
    volatile = VOLATILE_COLUMNS.get(table)
    row = f"to_jsonb(t) - '{volatile}'" if volatile else "to_jsonb(t)"
    return f"SELECT ({row})::text AS row FROM {table} t ORDER BY row"


async def eventually(check: Callable[[], Awaitable[bool]], condition: str, seconds: float = 10) -> None:
    """Repeat a check until it succeeds. Fail if it does not in time."""
    try:
        async with asyncio.timeout(seconds):
            while not await check():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {condition}") from None


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def at_once(system: System, lock: str, *calls: Coroutine[Any, Any, Data]) -> list[Data]:
    """Make concurrent calls: a statement locks a row that all need until each of them waits."""
    async with database(system) as holder, database(system) as watcher:

        async def all_wait() -> bool:
            return bool(await watcher.fetchval(WAITING) == len(calls))

        async with holder.transaction():
            await holder.execute(lock)
            tasks = [asyncio.create_task(call) for call in calls]
            await eventually(all_wait, "every call waits for the lock")
        return await asyncio.gather(*tasks)
