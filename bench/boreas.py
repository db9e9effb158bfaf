"""Starts the Boreas to measure: `boreas up` in a temporary folder, with one API and one worker."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx

from tests.support.client import Client

TOKEN = "bor_a-token-for-measurements"
START_SECONDS = 60
SOCKET_FOLDER_LINE = 4
"""Of postmaster.pid: where PostgreSQL says in which folder its socket is."""


@dataclass(frozen=True, slots=True)
class Boreas:
    """A Boreas that runs: an ADMIN client of it, and its data folder."""

    client: Client
    data: Path

    def address(self) -> dict[str, str]:
        """Return where its PostgreSQL is, in the words that drivers use."""
        marks = (self.data / "postgres" / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        password = (self.data / "secrets" / "postgres").read_text(encoding="utf-8").strip()
        return {"host": marks[SOCKET_FOLDER_LINE], "user": "postgres", "database": "postgres", "password": password}

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a connection to its PostgreSQL, past the API."""
        connection = await asyncpg.connect(**self.address())
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def started() -> AsyncIterator[Boreas]:
    """Start Boreas as it comes, whatever the environment sets for another one, and stop it."""
    with tempfile.TemporaryDirectory(prefix="boreas-bench-") as folder:
        Path(folder).chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        env = {name: value for name, value in os.environ.items() if not name.startswith("BOREAS_")} | {
            "BOREAS_PORT": str(port),
            "BOREAS_DATA_DIR": f"{folder}/data",
            "BOREAS_ADMIN_TOKEN": TOKEN,
            "BOREAS_LOG_LEVEL": "WARNING",
            "BOREAS_CONNECTIONS_PER_ACTOR": "10000",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", "up", env=env, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await ready(f"http://127.0.0.1:{port}")
            yield Boreas(Client(f"http://127.0.0.1:{port}", TOKEN), Path(folder) / "data")
        finally:
            process.terminate()
            await process.wait()


async def ready(url: str) -> None:
    """Wait until an API serves. Raises TimeoutError."""
    async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)
