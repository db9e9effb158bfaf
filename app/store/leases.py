"""Renewing leases on a connection of its own: while the pool's event loop is held up, and the pool with it."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import asyncpg

from app.store.database import UNAVAILABLE, connection


class LeaseConnection:
    """A connection beside the pool, to the same database as the same user. It belongs to the loop that uses it."""

    def __init__(self) -> None:
        """Take note of how the pool reaches the database. To be called where the pool is open."""
        client: Any = connection()
        self._how = {name: getattr(client, name) for name in ("host", "port", "user", "password", "database")}
        self._settings = {**client.server_settings, "application_name": "boreas leases"}
        self._tls = {name: value for name, value in client.extra.items() if name in {"ssl", "direct_tls"}}
        self._connection: Any = None

    async def renew(self, worker: str, ids: Sequence[str], until: datetime, answer_seconds: float) -> set[str]:
        """Renew a worker's leases, and return of which tasks. Raises what tells that the database is away."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                **self._how,
                **self._tls,
                server_settings=self._settings,
                timeout=answer_seconds,
                command_timeout=answer_seconds,
            )
        try:
            rows = await self._connection.fetch(
                "UPDATE tasks SET lease_until = $3 WHERE id = ANY($2) AND worker = $1 RETURNING id",
                worker,
                list(ids),
                until,
            )
        except UNAVAILABLE:
            self._connection.terminate()
            raise
        return {row["id"] for row in rows}

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            with suppress(*UNAVAILABLE):
                await self._connection.close(timeout=1.0)
