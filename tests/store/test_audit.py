"""Audit entries in the database: immutable, numbered and chained by triggers, and verified."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from app.core.audit import FIRST_HASH
from app.services.audit import verify
from app.services.use_cases import Result, UseCaseContext
from app.store import migrations
from app.wiring import migrations_folder
from tests.services.support.engine import Engine, Site
from tests.store.test_migrations import url
from tests.support.servers import connect

__all__ = ["url"]
ROOT = Path(__file__).parents[2]
NEW = (
    "INSERT INTO audit_entries (id, at, actor_id, action, target_id, after, number, hash)"
    " VALUES ($1, now(), 'usr_1', 'test', 'x', '{\"b\": 1.50, \"a\": \"é 🚀\"}', 1, 'chosen')"
)


@pytest.fixture
async def rows(engine: Engine, trial: Site) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with an empty chain."""
    connection = await connect(engine.servers.database_url)
    await connection.execute("SET session_replication_role = replica; DELETE FROM audit_entries")
    await connection.execute("SET session_replication_role = origin")
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET reason = 'other'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"]
)
async def test_entries_are_neither_changed_nor_removed(engine: Engine, trial: Site, statement: str) -> None:
    connection = await connect(engine.servers.database_url)
    try:
        entries = await connection.fetch("SELECT * FROM audit_entries")
        assert entries
        with pytest.raises(asyncpg.RaiseError, match="neither changed nor removed"):
            await connection.execute(statement)
        assert await connection.fetch("SELECT * FROM audit_entries") == entries
    finally:
        await connection.close()


async def test_the_database_sets_numbers_and_hashes_itself(rows: asyncpg.Connection) -> None:
    await rows.execute(NEW, "aud_1")
    await rows.execute(NEW, "aud_2")
    entries = await rows.fetch("SELECT number, hash FROM audit_entries ORDER BY number")
    assert [row["number"] for row in entries] == [1, 2]
    assert len({row["hash"] for row in entries}) == 2 and "chosen" not in {row["hash"] for row in entries}
    chain, _ = await verify()
    assert (chain.length, chain.head, chain.fault) == (2, entries[1]["hash"], None)


async def note(context: UseCaseContext, name: str) -> Result:
    """Change nothing, and record two changes."""
    for number in range(2):
        context.record_change(f"{name}-{number}", None, {"name": name, "at": context.unit.now, "ratio": 0.1 + number})
    return Result((name,))


async def test_concurrent_entries_form_one_chain(engine: Engine, rows: asyncpg.Connection) -> None:
    await asyncio.gather(*(engine.call(note, f"n{number}") for number in range(40)))
    chain, _ = await verify()
    assert (chain.length, chain.fault) == (80, None)
    entries = await rows.fetch("SELECT target_id FROM audit_entries ORDER BY number")
    assert all(
        first["target_id"][:-2] == second["target_id"][:-2]
        for first, second in zip(entries[::2], entries[1::2], strict=True)
    )


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        ("UPDATE audit_entries SET reason = 'better' WHERE number = 3", "entry 3 (aud_"),
        ("UPDATE audit_entries SET actor_id = 'usr_2' WHERE number = 1", "entry 1 (aud_"),
        ("UPDATE audit_entries SET at = at + interval '1 microsecond' WHERE number = 6", "entry 6 (aud_"),
        ("UPDATE audit_entries SET after = NULL WHERE number = 2", "entry 2 (aud_"),
        ("UPDATE audit_entries SET number = -number WHERE number = 4", "entry 4 is missing: entry 5 (aud_"),
        ("DELETE FROM audit_entries WHERE number = 4", "entry 4 is missing: entry 5 (aud_"),
        ("DELETE FROM audit_entries WHERE number = 1", "entry 1 is missing: entry 2 (aud_"),
        ("UPDATE audit_entries SET hash = md5(hash) || md5(hash) WHERE number = 5", "entry 5 (aud_"),
    ],
)
async def test_changes_that_bypass_the_triggers_are_found(
    engine: Engine, rows: asyncpg.Connection, tampering: str, fault: str
) -> None:
    for number in range(3):
        await engine.call(note, f"n{number}")
    chain_before, _ = await verify()
    await rows.execute(f"SET session_replication_role = replica; {tampering}")
    chain, contains_head = await verify(chain_before.head)
    assert (chain.fault or "").startswith(fault)
    assert not contains_head


async def test_a_removed_or_rewritten_tail_is_found_by_an_earlier_head(
    engine: Engine, rows: asyncpg.Connection
) -> None:
    await engine.call(note, "one")
    early_chain, _ = await verify()
    await engine.call(note, "two")
    late_chain, contained = await verify(early_chain.head)
    assert contained and late_chain.length == 4
    await rows.execute("SET session_replication_role = replica; DELETE FROM audit_entries WHERE number > 2")
    await rows.execute("SET session_replication_role = origin")
    assert await verify(early_chain.head) == (early_chain, True)
    assert await verify(late_chain.head) == (early_chain, False)
    await engine.call(note, "three")
    assert (await verify(late_chain.head))[1] is False
    assert await verify(FIRST_HASH)


async def test_the_command_reports_the_chain(engine: Engine, rows: asyncpg.Connection) -> None:
    await engine.call(note, "one")
    chain, _ = await verify()
    environ = {"BOREAS_DATABASE_URL": engine.servers.database_url, "PATH": "/usr/bin:/bin"}

    async def output(*more: str) -> tuple[int, str]:
        command = (sys.executable, "-m", "app.cli", "audit", "verify", *more)
        process = await asyncio.to_thread(
            subprocess.run, command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False
        )
        return process.returncode, process.stdout + process.stderr

    assert await output() == (0, f"2 entries are as they were written. The head is\n{chain.head}\n")
    assert await output("--head", chain.head.upper()) == await output()
    code, text = await output("--head", "f" * 64)
    assert code == 1 and f"no entry up to there has the hash {'f' * 64}" in text
    await rows.execute("SET session_replication_role = replica; UPDATE audit_entries SET reason = 'x' WHERE number = 2")
    code, text = await output("--head", chain.head)
    assert code == 1 and "1 entries are" in text and "tampered with: entry 2 (aud_" in text


async def test_the_migration_chains_existing_entries(url: str) -> None:
    folder = migrations_folder()
    await migrations.migrate(url, folder)
    while "boundary" not in (await migrations.downgrade(url, folder))[0]:
        pass
    connection = await connect(url)
    statement = NEW.replace(", number, hash", "").replace(", 1, 'chosen'", "")
    for number in range(5):
        await connection.execute(statement, f"aud_{number}")
    await migrations.migrate(url, folder)
    await connection.execute(NEW, "aud_9")
    await connection.close()
    async with migrations.opened(url):
        chain, _ = await verify()
    assert (chain.length, chain.fault) == (6, None)
