"""The migrations lead to exactly the tables that the models describe, with no change left to migrate."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from aerich import Command
from tortoise.context import TortoiseContext

from app.store import migrations
from app.store.database import config
from app.wiring import migrations_folder
from tests.support.servers import connect

SHAPE = """
SELECT table_name, column_name, data_type, character_maximum_length::text, is_nullable
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT tablename, regexp_replace(indexdef, '^CREATE (UNIQUE )?INDEX "?[^ ]+"? ', '\\1'), 'index', NULL, NULL
FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT conrelid::regclass::text, pg_get_constraintdef(oid), 'constraint', NULL, NULL
FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3"""


@asynccontextmanager
async def database(socket_folder: str, name: str) -> AsyncIterator[str]:
    """Create an empty database; drop it afterwards."""
    admin = await asyncpg.connect(user="postgres", database="postgres", host=socket_folder)
    try:
        await admin.execute(f'CREATE DATABASE "{name}"')
        yield f"postgres://postgres@/{name}?host={socket_folder}"
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@pytest.fixture
async def migrated(postgres_folder: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database that all migrations were applied to."""
    async with database(postgres_folder, f"match_{tmp_path.name}") as url:
        await migrations.migrate(url, migrations_folder())
        yield url


async def make_migrations(url: str, folder: Path) -> list[str]:
    """Return the files that aerich writes for changes of the models without a migration."""
    copy = Path(shutil.copytree(migrations_folder(), folder / "migrations"))
    files_before = set((copy / "models").glob("*.py"))
    async with TortoiseContext():
        command = await Command(config(url), "models", str(copy))
        await command.migrate("left", no_input=True)
    return [path.read_text(encoding="utf-8") for path in set((copy / "models").glob("*.py")) - files_before]


async def shape(url: str) -> list[tuple[str | None, ...]]:
    """Return every column, index and constraint, without the names that a generator gave them."""
    connection = await connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(SHAPE)]
    finally:
        await connection.close()


async def test_nothing_is_left_to_migrate(migrated: str, tmp_path: Path) -> None:
    assert await make_migrations(migrated, tmp_path) == []


async def test_a_table_without_a_migration_is_found(migrated: str, tmp_path: Path) -> None:
    connection = await connect(migrated)
    await connection.execute("UPDATE aerich SET content = content - 'models.Worker'")
    await connection.close()
    (migration,) = await make_migrations(migrated, tmp_path)
    assert 'CREATE TABLE IF NOT EXISTS "workers"' in migration


async def test_the_tables_are_those_of_the_models(migrated: str, postgres_folder: str, tmp_path: Path) -> None:
    async with database(postgres_folder, f"models_{tmp_path.name}") as url:
        async with TortoiseContext() as context:
            await context.init(config(url))
            await context.generate_schemas()
        assert await shape(migrated) == await shape(url)
