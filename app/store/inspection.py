"""State of a database for its operators: release, clock, connections, and unserved pools."""

from datetime import datetime
from typing import NamedTuple

from app.store.database import fetch, fetch_one
from app.store.roles import has_full_rights

STATE = """SELECT current_setting('server_version_num')::int AS release, clock_timestamp() AS now,
  current_setting('max_connections')::int AS most, current_setting('server_encoding') AS encoding,
  current_user AS role, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used"""
UNSERVED_POOLS = """SELECT pool, string_agg(name, ', ' ORDER BY name) AS environments FROM
    (SELECT worker_pool AS pool, name FROM environments UNION SELECT build_pool, name FROM environments) AS wanted
  WHERE pool IS NOT NULL AND NOT EXISTS
    (SELECT FROM workers WHERE workers.pool = wanted.pool AND seen_at > $1)
  GROUP BY pool ORDER BY pool"""


class DatabaseState(NamedTuple):
    """State of a server, and the role that is connected to it."""

    release: int
    """`server_version_num` of PostgreSQL: 180004 is 18.4."""
    now: datetime
    most_connections: int
    used_connections: int
    encoding: str
    role: str
    has_full_rights: bool
    """Whether the role owns the tables, and so could change the audit log."""


async def database_state() -> DatabaseState:
    """Return the state of the database."""
    row = await fetch_one(STATE)
    assert row is not None
    return DatabaseState(
        row["release"], row["now"], row["most"], row["used"], row["encoding"], row["role"], await has_full_rights()
    )


async def unserved_pools(since: datetime) -> dict[str, str]:
    """Return pools that no worker seen after `since` serves, with the environments that need them."""
    return {row["pool"]: row["environments"] for row in await fetch(UNSERVED_POOLS, since)}
