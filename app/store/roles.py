"""Rights of PostgreSQL roles: the owner migrates; API and workers use roles that own nothing.

An owner could switch off the triggers that protect the audit log; a role that may only insert cannot. Workers are
closer to users' commands, so their role may neither add actors, grants and tokens, nor read tables of the API.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from asyncpg.exceptions import PostgresError
from tortoise.exceptions import BaseORMException

from app.store.audit import COLUMNS as AUDIT_COLUMNS
from app.store.database import execute, fetch, fetch_one, transaction
from app.store.migrations import MigrationError, opened

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$-]{0,62}")
READ_BY_ALL = ("aerich",)
UNREAD_BY_WORKERS = ("api_tokens", "audit_entries", "idempotency_keys")
WRITTEN_BY_WORKERS = {
    "approvals": "INSERT, UPDATE",
    "deployment_applications": "UPDATE",
    "deployment_events": "INSERT",
    "deployment_logs": "INSERT, UPDATE",
    "deployments": "UPDATE",
    "environments": "UPDATE (created_at)",
    "log_chunks": "INSERT",
    "releases": "INSERT, UPDATE, DELETE",
    "rollbacks": "INSERT, UPDATE",
    "sweeps": "INSERT, UPDATE",
    "task_attempts": "INSERT, UPDATE",
    "task_logs": "INSERT",
    "tasks": "UPDATE",
    "workers": "INSERT, UPDATE, DELETE",
}
"""Rights of workers beside reading.

Locking a row needs the right to update a column: of environments, a minor one.
"""


class Roles(NamedTuple):
    """The roles of the API and of workers; None leaves a role as it is."""

    api: str | None
    worker: str | None


async def grant(url: str, roles: Roles) -> None:
    """Grant the roles the rights that they need, and revoke all others. Raises MigrationError.

    The owner of the tables calls this after each migration.
    """
    async with opened(url):
        try:
            async with transaction():
                tables = [row["name"] for row in await fetch(TABLES)]
                if roles.api:
                    await _grant(roles.api, [(table, _api_rights(table)) for table in tables])
                if roles.worker:
                    await _grant(roles.worker, [(table, _worker_rights(table)) for table in tables])
        except (BaseORMException, PostgresError) as error:
            raise MigrationError(f"The rights of the roles could not be granted: {error}") from error


async def ensure_roles(url: str, passwords: dict[str, str]) -> None:
    """Make sure that roles exist and can log in with these passwords, which must be long and random."""
    async with opened(url), transaction():
        await execute("SET LOCAL scram_iterations = 1")
        for name, password in passwords.items():
            if not await fetch("SELECT FROM pg_roles WHERE rolname = $1", name):
                await execute(f"CREATE ROLE {_quoted(name)}")
            await execute(f"ALTER ROLE {_quoted(name)} LOGIN NOINHERIT PASSWORD '{_checked(password)}'")


async def has_full_rights() -> bool:
    """Tell whether the connected role has all rights: as the tables' owner, or as a superuser."""
    row = await fetch_one(FULL_RIGHTS)
    return bool(row and row["full_rights"])


TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
FULL_RIGHTS = (
    "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR EXISTS (SELECT FROM pg_class"
    " WHERE oid = to_regclass('audit_entries') AND pg_has_role(relowner, 'MEMBER')) AS full_rights"
)


def _api_rights(table: str) -> str:
    if table == "audit_entries":
        return f"SELECT, INSERT ({AUDIT_COLUMNS})"
    return "SELECT" if table in READ_BY_ALL else "SELECT, INSERT, UPDATE, DELETE"


def _worker_rights(table: str) -> str:
    reads = () if table in UNREAD_BY_WORKERS else ("SELECT",)
    writes = (WRITTEN_BY_WORKERS[table],) if table in WRITTEN_BY_WORKERS else ()
    return ", ".join((*reads, *writes))


async def _grant(role: str, rights: Sequence[tuple[str, str]]) -> None:
    name = _quoted(role)
    row = await fetch_one("SELECT current_schema() AS name")
    schema = _quoted(row["name"]) if row else "public"
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        await execute(f"REVOKE ALL ON ALL {kind} IN SCHEMA {schema} FROM {name}")
    await execute(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
    await execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {name}")
    for table, right in rights:
        if right:
            await execute(f"GRANT {right} ON {_quoted(table)} TO {name}")


def _quoted(name: str) -> str:
    if not NAME.fullmatch(name):
        raise MigrationError(
            f"“{name}” is not a role name. Use up to 63 letters, digits, _, - and $, not beginning with a digit."
        )
    return f'"{name}"'


def _checked(password: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", password):
        raise ValueError("a role's password may only have letters, digits, - and _")
    return password
