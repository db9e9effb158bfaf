"""Rights of the roles of API and workers, which may not change the audit log, actors or tokens."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from app.store import migrations, roles
from app.store.migrations import MigrationError
from app.store.roles import Roles
from app.wiring import migrations_folder
from tests.store.test_migrations import url
from tests.support.servers import connect

__all__ = ["url"]
ENTRY = "INSERT INTO audit_entries (id, at, actor_id, action, target_id) VALUES ('aud_1', now(), 'a', 'b', 'c')"


@dataclass
class RoleDatabase:
    """The roles of API and workers, and a connection that can act as either."""

    owner: asyncpg.Connection
    api: str
    worker: str

    async def refused(self, role: str, statement: str) -> bool:
        await self.owner.execute(f"SET SESSION AUTHORIZATION {role}")
        try:
            async with self.owner.transaction():
                await self.owner.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            return True
        finally:
            await self.owner.execute("RESET SESSION AUTHORIZATION")
        return False


@pytest.fixture
async def database(url: str) -> AsyncIterator[RoleDatabase]:
    await migrations.migrate(url, migrations_folder())
    name = uuid.uuid4().hex[:8]
    api, worker = f"api_{name}", f"worker_{name}"
    await roles.ensure_roles(url, {api: "x" * 32, worker: "y" * 32})
    await roles.grant(url, Roles(api, worker))
    await roles.grant(url, Roles(api, worker))
    owner = await connect(url)
    yield RoleDatabase(owner, api, worker)
    await owner.execute(f"DROP OWNED BY {api}, {worker}; DROP ROLE {api}, {worker}")
    await owner.close()


BY_NOBODY = [
    "UPDATE audit_entries SET reason = 'x'",
    "DELETE FROM audit_entries",
    "TRUNCATE audit_entries",
    "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
    "DROP TRIGGER chain_audit_entry ON audit_entries",
    "DROP TABLE audit_entries",
    "CREATE OR REPLACE FUNCTION chain_audit_entry() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "ALTER FUNCTION chain_audit_entry() OWNER TO CURRENT_USER",
    "SELECT chain_audit_entry()",
    "INSERT INTO audit_entries (id, at, actor_id, action, target_id, number, hash)"
    " VALUES ('a', now(), 'a', 'b', 'c', 1, 'x')",
    "SET session_replication_role = replica",
    "SET ROLE postgres",
    "CREATE TABLE public.mine (id INT)",
    "CREATE ROLE mine SUPERUSER",
    "UPDATE aerich SET version = 'x'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
    "LOCK TABLE audit_entries IN ACCESS EXCLUSIVE MODE",
]


@pytest.mark.parametrize("statement", BY_NOBODY)
async def test_statements_that_neither_role_may_run(database: RoleDatabase, statement: str) -> None:
    for role in (database.api, database.worker):
        assert await database.refused(role, statement), role


@pytest.mark.parametrize(
    "statement",
    [
        ENTRY,
        "INSERT INTO actors (id, kind, name, created_at) VALUES ('usr_1', 'USER', 'me', now())",
        "INSERT INTO grants (actor_id, role, created_at) VALUES ('usr_1', 'ADMIN', now())",
        "UPDATE grants SET role = 'ADMIN'",
        "DELETE FROM grants",
        "INSERT INTO api_tokens DEFAULT VALUES",
        "SELECT secret_hash FROM api_tokens",
        "SELECT * FROM audit_entries",
        "SELECT * FROM idempotency_keys",
        "INSERT INTO deployments DEFAULT VALUES",
        "DELETE FROM deployments",
        "DELETE FROM deployment_events",
        "UPDATE deployment_events SET body = '{}'",
        "DELETE FROM task_logs",
        "INSERT INTO approval_decisions DEFAULT VALUES",
        "UPDATE approval_decisions SET verdict = 'APPROVED'",
        "UPDATE environments SET worker_pool = 'mine'",
        "UPDATE applications SET shell = NULL",
        "DELETE FROM tasks",
        "INSERT INTO tasks DEFAULT VALUES",
    ],
)
async def test_statements_that_a_worker_may_not_run(database: RoleDatabase, statement: str) -> None:
    assert await database.refused(database.worker, statement)


async def test_the_api_can_add_to_the_audit_log_and_read_it(database: RoleDatabase) -> None:
    assert not await database.refused(database.api, ENTRY)
    assert not await database.refused(database.api, "SELECT * FROM audit_entries")
    assert not await database.refused(database.api, "INSERT INTO actors VALUES ('usr_1', 'USER', 'me', NULL, now())")
    row = await database.owner.fetchrow("SELECT number, length(hash) AS length FROM audit_entries")
    assert tuple(row) == (1, 64)


async def test_a_table_of_the_same_name_does_not_mislead_the_chain_trigger(database: RoleDatabase) -> None:
    fake = "CREATE TEMP TABLE audit_entries AS SELECT 41::bigint AS number, 'x' AS hash; "
    await database.refused(database.api, f"{fake} {ENTRY.replace('INTO ', 'INTO public.')}")
    assert [tuple(row) for row in await database.owner.fetch("SELECT number FROM public.audit_entries")] == [(1,)]


async def test_a_missing_role_and_an_invalid_role_name_are_reported(database: RoleDatabase, url: str) -> None:
    with pytest.raises(MigrationError, match="does not exist"):
        await roles.grant(url, Roles("nobody_at_all", None))
    with pytest.raises(MigrationError, match="is not a role name"):
        await roles.grant(url, Roles('x"; DROP TABLE tasks; --', None))


async def test_only_the_owner_has_full_rights(database: RoleDatabase, url: str) -> None:
    async with migrations.opened(url):
        assert await roles.has_full_rights()
    async with migrations.opened(url.replace("postgres@", f"{database.worker}:{'y' * 32}@")):
        assert not await roles.has_full_rights()
