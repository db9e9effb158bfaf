"""Migrations on a real PostgreSQL: applied once, concurrently, undone, and refused."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.store import migrations
from app.store.migrations import MigrationError, NewerDatabaseError, PendingMigrationsError, UnreachableDatabaseError
from app.wiring import migrations_folder
from tests.support.servers import connect

FOLDER = migrations_folder()
NAMES = [
    path.name for path in sorted((FOLDER / "models").glob("[0-9]*_*.py"), key=lambda path: int(path.name.split("_")[0]))
]
SHAPE = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
    " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
    "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef",
    "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
)


@pytest.fixture
async def url(postgres_folder: str) -> AsyncIterator[str]:
    """An empty database."""
    name = f"migrations_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(user="postgres", database="postgres", host=postgres_folder)
    await admin.execute(f'CREATE DATABASE "{name}"')
    yield f"postgres://postgres@/{name}?host={postgres_folder}"
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def run(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    connection = await connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *values)]
    finally:
        await connection.close()


async def shape(url: str) -> list[list[tuple[Any, ...]]]:
    return [await run(url, statement) for statement in SHAPE]


async def tables(url: str) -> set[str]:
    return {name for (name,) in await run(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


async def test_an_empty_database_is_migrated_once(url: str) -> None:
    assert await migrations.status(url, FOLDER) == ((), tuple(NAMES), ())
    with pytest.raises(PendingMigrationsError, match="boreas migrate"):
        await migrations.check(url, FOLDER)

    assert await migrations.migrate(url, FOLDER) == NAMES
    assert {"deployments", "tasks", "task_logs", "deployment_events"} <= await tables(url)

    shape_before = await shape(url)
    assert await migrations.migrate(url, FOLDER) == []
    assert await migrations.status(url, FOLDER) == (tuple(NAMES), (), ())
    await migrations.check(url, FOLDER)
    assert await shape(url) == shape_before


async def test_concurrent_processes_apply_each_migration_once(url: str) -> None:
    applied = await asyncio.gather(*(migrations.migrate(url, FOLDER) for _ in range(4)))
    assert sorted(applied, key=len) == [[], [], [], NAMES]
    assert await run(url, "SELECT version FROM aerich") == [(name,) for name in NAMES]


async def test_undoing_and_applying_again_leaves_the_same_tables(url: str) -> None:
    await migrations.migrate(url, FOLDER)
    shape_before = await shape(url)
    for name in reversed(NAMES):
        assert await migrations.downgrade(url, FOLDER) == [name]
    assert await tables(url) == {"aerich"}
    with pytest.raises(MigrationError, match="no migration to undo"):
        await migrations.downgrade(url, FOLDER)
    assert await migrations.migrate(url, FOLDER) == NAMES
    assert await shape(url) == shape_before


async def test_a_database_of_a_newer_release_is_refused(url: str) -> None:
    await migrations.migrate(url, FOLDER)
    newer = "999_20990101000000_later.py"
    await run(url, "INSERT INTO aerich (version, app, content) VALUES ($1, 'models', '{}')", newer)
    assert (await migrations.status(url, FOLDER)).unknown == (newer,)
    for change in (migrations.migrate, migrations.downgrade):
        with pytest.raises(NewerDatabaseError, match="999_20990101000000_later"):
            await change(url, FOLDER)
    await migrations.check(url, FOLDER)


async def test_a_failed_migration_is_rolled_back(url: str, tmp_path: Path) -> None:
    folder = with_migration(tmp_path, "CREATE TABLE half (id INT); SELECT 1 / 0;")
    with pytest.raises(MigrationError, match="999_next"):
        await migrations.migrate(url, folder)
    assert await migrations.status(url, folder) == (tuple(NAMES), ("999_next.py",), ())
    assert "half" not in await tables(url)


async def test_a_migration_that_cannot_be_undone_is_reported(url: str, tmp_path: Path) -> None:
    folder = with_migration(tmp_path, "CREATE TABLE next (id INT);")
    assert await migrations.migrate(url, folder) == [*NAMES, "999_next.py"]
    with pytest.raises(MigrationError, match=r"999_next\.py cannot be undone"):
        await migrations.downgrade(url, folder)
    assert "next" in await tables(url)


def with_migration(tmp_path: Path, sql: str) -> Path:
    """Return a folder of migrations with an additional one."""
    shutil.copytree(FOLDER / "models", tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    text = (FOLDER / "models" / NAMES[-1]).read_text()
    text = replaced(replaced(text, "upgrade", sql), "downgrade", "")
    (tmp_path / "models" / "999_next.py").write_text(text)
    return tmp_path


def replaced(text: str, function: str, sql: str) -> str:
    """Return the text of a migration in which a function returns other statements."""
    text_before, name, text_rest = text.partition(f"def {function}(")
    head, quotes, tail = text_rest.partition('"""')
    text_after = tail.partition(quotes)[2]
    return "".join((text_before, name, head, quotes, sql, quotes, text_after))


async def test_a_release_without_its_migrations_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="are missing"):
        await migrations.migrate(url, tmp_path)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgres://somebody:secret@127.0.0.1:1/boreas", "“boreas” at 127.0.0.1:1"),
        ("postgres://a:secret@127.0.0.1:port/boreas", "URL cannot be used"),
        ("mysql://somebody:secret@127.0.0.1/boreas", "not one of PostgreSQL"),
        ("redis://127.0.0.1", "URL cannot be used"),
        ("nonsense", "URL cannot be used"),
    ],
)
async def test_an_unreachable_database_is_named_without_its_password(url: str, message: str) -> None:
    with pytest.raises(UnreachableDatabaseError) as caught:
        await migrations.migrate(url, FOLDER)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)
