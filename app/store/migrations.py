"""Migrations: upgrading a database to the schema of this release, and undoing the latest one.

aerich writes them, one file each in `folder/models`. They are applied under an advisory lock, so that any number of
processes may start at once: one applies them, the others find none pending.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aerich import Command
from aerich.exceptions import DowngradeError
from asyncpg.exceptions import InterfaceError, PostgresError
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext
from tortoise.exceptions import BaseORMException, ConfigurationError

from app.store.database import NAME, config, connection, fetch, fetch_one

APP = "models"
LOCK = 0x426F_7265_6173
"""Number of the advisory lock; it spells “Boreas”."""
CONNECT_SECONDS = 15.0
URL_FORM = "postgres://USER:PASSWORD@HOST:PORT/NAME"
POOL_SIZE = 2
"""One connection holds the lock, the other one applies migrations."""


class MigrationError(Exception):
    """The database cannot be migrated; the message says why and what to do."""


class UnreachableDatabaseError(MigrationError):
    """The server does not answer or refuses the login. The message leaves the password out."""


class NewerDatabaseError(MigrationError):
    """The database has migrations that this release does not have."""


class PendingMigrationsError(MigrationError):
    """The database lacks migrations that this release needs."""


class Status(NamedTuple):
    """Names of migrations, the oldest first."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]
    """Migrations that another release applied; this one has no files of them."""


async def migrate(url: str, folder: Path) -> list[str]:
    """Apply the pending migrations and return their names. Raises MigrationError."""
    async with opened(url), _locked(connection()):
        before = await _status(folder)
        _refuse_unknown(before)
        if not before.pending:
            return []
        try:
            command = await Command(config(url), APP, str(folder))
            return await command.upgrade()
        except (BaseORMException, PostgresError) as error:
            after = await _status(folder)
            raise MigrationError(f"The migration {after.pending[0]} failed and was rolled back: {error}") from error


async def downgrade(url: str, folder: Path) -> list[str]:
    """Undo the latest migration; the data of what it added is lost. Raises MigrationError."""
    async with opened(url), _locked(connection()):
        before = await _status(folder)
        _refuse_unknown(before)
        if not before.applied:
            raise MigrationError("There is no migration to undo: the database is empty.")
        try:
            command = await Command(config(url), APP, str(folder))
            return await command.downgrade(version=-1, delete=False)
        except DowngradeError as error:
            raise MigrationError(f"The migration {before.applied[-1]} cannot be undone.") from error
        except (BaseORMException, PostgresError) as error:
            raise MigrationError(f"Undoing the migration {before.applied[-1]} failed: {error}") from error


async def status(url: str, folder: Path) -> Status:
    """Return the applied, pending and unknown migrations. Raises UnreachableDatabaseError."""
    async with opened(url):
        return await _status(folder)


async def check(url: str, folder: Path) -> None:
    """Check that this release can work with the database.

    A newer database is accepted, because processes of the old release go on during an upgrade. Raises
    UnreachableDatabaseError, PendingMigrationsError.
    """
    pending = (await status(url, folder)).pending
    if pending:
        raise PendingMigrationsError(
            f"The database lacks {len(pending)} of this release's migrations. Run boreas migrate first."
        )


@asynccontextmanager
async def exclusive(url: str) -> AsyncIterator[None]:
    """Hold the migration lock for the block. Raises UnreachableDatabaseError.

    The block uses connections of its own.
    """
    context = TortoiseContext()
    try:
        with context:
            await _connect(context, url)
        async with _locked(context.db(NAME)):
            yield
    finally:
        await context.close_connections()


def _refuse_unknown(current: Status) -> None:
    if current.unknown:
        raise NewerDatabaseError(
            "The database was made by a newer release of Boreas: "
            f"it has the migration {current.unknown[-1]}, which this release does not have. "
            "Use that release, or another database."
        )


async def _status(folder: Path) -> Status:
    """Return the status.

    Raises MigrationError if the files are missing, which must not look like no migrations.
    """
    names = sorted((path.name for path in (folder / APP).glob("[0-9]*_*.py")), key=_number)
    if not names:
        raise MigrationError(
            f"The migrations of this release are missing in {folder / APP}. Install the release again."
        )
    applied = await _applied()
    return Status(
        applied=tuple(applied),
        pending=tuple(name for name in names if name not in applied),
        unknown=tuple(name for name in applied if name not in names),
    )


def _number(name: str) -> int:
    return int(name.partition("_")[0])


async def _applied() -> list[str]:
    row = await fetch_one("SELECT to_regclass('aerich') IS NOT NULL AS exists")
    if not row or not row["exists"]:
        return []
    return [row["version"] for row in await fetch("SELECT version FROM aerich WHERE app = $1 ORDER BY id", APP)]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[None]:
    """Connect for the block, without using or closing other connections of the process.

    Raises UnreachableDatabaseError.
    """
    async with TortoiseContext() as context:
        await _connect(context, url)
        yield


async def _connect(context: TortoiseContext, url: str) -> None:
    settings = _settings(url)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await context.init(settings)
            await context.db(NAME).execute_query("SELECT 1")
    except (OSError, TimeoutError, BaseORMException, PostgresError, InterfaceError) as error:
        database = _place(settings["connections"][NAME]["credentials"])
        why = str(error) or f"no answer in {CONNECT_SECONDS:g} s"
        raise UnreachableDatabaseError(f"The database {database} cannot be used: {why}") from error


def _settings(url: str) -> dict[str, Any]:
    try:
        settings = config(url, POOL_SIZE, "boreas migrations")
    except (ConfigurationError, ValueError) as error:
        raise UnreachableDatabaseError(
            f"The database URL cannot be used: {error}. It must have the form {URL_FORM}"
        ) from error
    if settings["connections"][NAME]["engine"] != "tortoise.backends.asyncpg":
        raise UnreachableDatabaseError(f"The database URL is not one of PostgreSQL. It must have the form {URL_FORM}")
    return settings


def _place(credentials: dict[str, Any]) -> str:
    return f"“{credentials.get('database')}” at {credentials.get('host')}:{credentials.get('port')}"


@asynccontextmanager
async def _locked(client: BaseDBAsyncClient) -> AsyncIterator[None]:
    """Hold the migration lock on a connection of its own; the lock ends with the connection at the latest."""
    async with client.acquire_connection() as lock_connection:
        await lock_connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        try:
            yield
        finally:
            await lock_connection.execute("SELECT pg_advisory_unlock($1)", LOCK)
