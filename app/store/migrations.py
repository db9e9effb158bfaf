"""Migrations: bringing a database to the shape that this release expects, and one step back.

Written by aerich, one file each in `folder/models`. They are applied under an advisory lock, so that any number of
processes may ask for it at the same time: one works, the others find nothing left to do.
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
"""The advisory lock's number: any that nobody else would choose. It spells “Boreas”."""
CONNECT_SECONDS = 15.0
SHAPE = "postgres://USER:PASSWORD@HOST:PORT/NAME"
POOL_SIZE = 2
"""One connection holds the lock, the other one works."""


class MigrationError(Exception):
    """The database can not be migrated; the message says why, and what to do."""


class UnreachableDatabaseError(MigrationError):
    """Nothing answers at the URL, or it lets us not in. The message leaves the password out."""


class NewerDatabaseError(MigrationError):
    """The database has migrations that this release does not know."""


class PendingMigrationsError(MigrationError):
    """The database lacks migrations that this release needs."""


class Status(NamedTuple):
    """Names of migrations, the oldest first."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]
    """Applied by another release: they have no file here."""


async def migrate(url: str, folder: Path) -> list[str]:
    """Apply what is pending and return its names. Raises MigrationError."""
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
            raise MigrationError(
                f"The migration {after.pending[0]} failed, and left nothing behind: {error}"
            ) from error


async def downgrade(url: str, folder: Path) -> list[str]:
    """Undo the latest migration, with the data that only it has room for. Raises MigrationError."""
    async with opened(url), _locked(connection()):
        before = await _status(folder)
        _refuse_unknown(before)
        if not before.applied:
            raise MigrationError("There is no migration to undo: the database is empty.")
        try:
            command = await Command(config(url), APP, str(folder))
            return await command.downgrade(version=-1, delete=False)
        except DowngradeError as error:
            raise MigrationError(f"The migration {before.applied[-1]} has no way back.") from error
        except (BaseORMException, PostgresError) as error:
            raise MigrationError(f"The migration {before.applied[-1]} was not undone: {error}") from error


async def status(url: str, folder: Path) -> Status:
    """Return what is applied, pending and unknown. Raises UnreachableDatabaseError."""
    async with opened(url):
        return await _status(folder)


async def check(url: str, folder: Path) -> None:
    """Make sure that this release can work with the database.

    A newer database is accepted: while a release is rolled out, processes of the old one go on. Raises
    UnreachableDatabaseError, PendingMigrationsError.
    """
    pending = (await status(url, folder)).pending
    if pending:
        raise PendingMigrationsError(
            f"The database lacks {len(pending)} of this release's migrations. Run boreas migrate first."
        )


@asynccontextmanager
async def exclusive(url: str) -> AsyncIterator[None]:
    """Keep out other processes that migrate, or that do something else in here. Raises UnreachableDatabaseError.

    What is done in here uses connections of its own.
    """
    context = TortoiseContext()
    try:
        with context:
            await _connect(context, url)
        async with _locked(context.db(NAME)):
            yield
    finally:
        await context.close_connections()


def _refuse_unknown(found: Status) -> None:
    if found.unknown:
        raise NewerDatabaseError(
            f"The database was made by a newer release of Boreas: it has the migration {found.unknown[-1]}, which this "
            "release does not know. Use that release, or another database."
        )


async def _status(folder: Path) -> Status:
    """Return what there is. Raises MigrationError when the files are missing: that must not look like nothing to do."""
    known = sorted((path.name for path in (folder / APP).glob("[0-9]*_*.py")), key=_number)
    if not known:
        raise MigrationError(f"The migrations of this release are missing: {folder / APP} has none.")
    applied = await _applied()
    return Status(
        applied=tuple(applied),
        pending=tuple(name for name in known if name not in applied),
        unknown=tuple(name for name in applied if name not in known),
    )


def _number(name: str) -> int:
    return int(name.partition("_")[0])


async def _applied() -> list[str]:
    found = await fetch_one("SELECT to_regclass('aerich') IS NOT NULL AS there")
    if not found or not found["there"]:
        return []
    return [row["version"] for row in await fetch("SELECT version FROM aerich WHERE app = $1 ORDER BY id", APP)]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[None]:
    """Connect in a context of its own: what the process has open besides is neither used nor closed.

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
        place = _place(settings["connections"][NAME]["credentials"])
        why = str(error) or f"no answer in {CONNECT_SECONDS:g} s"
        raise UnreachableDatabaseError(f"The database {place} can not be used: {why}") from error


def _settings(url: str) -> dict[str, Any]:
    try:
        settings = config(url, POOL_SIZE, "boreas migrations")
    except (ConfigurationError, ValueError) as error:
        raise UnreachableDatabaseError(f"The database URL can not be used: {error}. It takes {SHAPE}") from error
    if settings["connections"][NAME]["engine"] != "tortoise.backends.asyncpg":
        raise UnreachableDatabaseError(f"The database URL is not one of PostgreSQL. It takes {SHAPE}")
    return settings


def _place(credentials: dict[str, Any]) -> str:
    return f"“{credentials.get('database')}” at {credentials.get('host')}:{credentials.get('port')}"


@asynccontextmanager
async def _locked(client: BaseDBAsyncClient) -> AsyncIterator[None]:
    """Hold the lock on a connection of its own; it ends with the connection, whatever happens."""
    async with client.acquire_connection() as own:
        await own.execute("SELECT pg_advisory_lock($1)", LOCK)
        try:
            yield
        finally:
            await own.execute("SELECT pg_advisory_unlock($1)", LOCK)
