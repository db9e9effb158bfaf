"""The database itself keeps audit entries as they were written."""

import asyncpg
import pytest

from tests.services.engine import Engine, Site
from tests.support.servers import connect


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET reason = 'other'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"]
)
async def test_entries_are_neither_changed_nor_removed(engine: Engine, trial: Site, statement: str) -> None:
    connection = await connect(engine.servers.database_url)
    try:
        written = await connection.fetch("SELECT * FROM audit_entries")
        assert written
        with pytest.raises(asyncpg.RaiseError, match="neither changed nor removed"):
            await connection.execute(statement)
        assert await connection.fetch("SELECT * FROM audit_entries") == written
    finally:
        await connection.close()
