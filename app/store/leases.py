"""Renewing leases on a separate connection, which works while the event loop of the pool is blocked."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import asyncpg

from app.store.database import UNAVAILABLE, connection


class LeaseConnection:
    """A connection outside the pool, to the same database as the same user; for use in one event loop."""

    def __init__(self) -> None:
        """Copy the connection parameters of the pool, which must be open."""
        client: Any = connection()
        self._address = {name: getattr(client, name) for name in ("host", "port", "user", "password", "database")}
        self._settings = {**client.server_settings, "application_name": "boreas leases"}
        self._tls = {name: value for name, value in client.extra.items() if name in {"ssl", "direct_tls"}}
        self._connection: Any = None

    async def renew(self, worker: str, ids: Sequence[str], until: datetime, answer_seconds: float) -> set[str]:
        """Renew a worker's leases and return the ids of the renewed tasks. Raises `UNAVAILABLE` errors."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                **self._address,
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
        """Close the connection if it is open."""
        if self._connection is not None:
            with suppress(*UNAVAILABLE):
                await self._connection.close(timeout=1.0)
