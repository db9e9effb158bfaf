"""What the roles of PostgreSQL may do: the owner of the tables migrates, and who works with them owns nothing.

An owner could switch off what keeps the audit log; who may only add to it can not. Workers are nearer to what users
run, and may do what a worker does: neither add people, grants and tokens, nor read what only the API needs.
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
"""Beside reading. Who locks a row needs the right to change a column of it: of an environment, one that says little."""


class Roles(NamedTuple):
    """The roles of the API and of workers; None: there is none, or it is left as it is."""

    api: str | None
    worker: str | None


async def grant(url: str, roles: Roles) -> None:
    """Give the roles the rights they need, and take from them what they have beyond. Raises MigrationError.

    To be called again after each migration, by the owner of the tables.
    """
    async with opened(url):
        try:
            async with transaction():
                tables = [row["name"] for row in await fetch(TABLES)]
                if roles.api:
                    await _grant(roles.api, [(each, _of_api(each)) for each in tables])
                if roles.worker:
                    await _grant(roles.worker, [(each, _of_worker(each)) for each in tables])
        except (BaseORMException, PostgresError) as error:
            raise MigrationError(f"The roles were not given their rights: {error}") from error


async def ensure_roles(url: str, passwords: dict[str, str]) -> None:
    """Make sure that roles are there and can log in with these passwords, which are long and made by chance."""
    async with opened(url), transaction():
        await execute("SET LOCAL scram_iterations = 1")
        for name, password in passwords.items():
            if not await fetch("SELECT FROM pg_roles WHERE rolname = $1", name):
                await execute(f"CREATE ROLE {_quoted(name)}")
            await execute(f"ALTER ROLE {_quoted(name)} LOGIN NOINHERIT PASSWORD '{_plain(password)}'")


async def has_full_rights() -> bool:
    """Return whether the database is used as who may do everything in it: its tables' owner, or a superuser."""
    row = await fetch_one(MIGHTY)
    return bool(row and row["mighty"])


TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
MIGHTY = (
    "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR EXISTS (SELECT FROM pg_class"
    " WHERE oid = to_regclass('audit_entries') AND pg_has_role(relowner, 'MEMBER')) AS mighty"
)


def _of_api(table: str) -> str:
    if table == "audit_entries":
        return f"SELECT, INSERT ({AUDIT_COLUMNS})"
    return "SELECT" if table in READ_BY_ALL else "SELECT, INSERT, UPDATE, DELETE"


def _of_worker(table: str) -> str:
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
        raise MigrationError(f"“{name}” is no name of a role: use letters, digits, _, - and $, up to 63.")
    return f'"{name}"'


def _plain(password: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", password):
        raise ValueError("a password of a role must be made of letters, digits, - and _")
    return password
