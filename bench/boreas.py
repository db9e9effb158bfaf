"""A Boreas to measure: `boreas up` in a folder of its own, on a free port, with one API and one worker process."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.support.client import Client

TOKEN = "bor_a-token-for-measurements"
START_SECONDS = 60


@asynccontextmanager
async def started() -> AsyncIterator[Client]:
    """Start Boreas, give an ADMIN client of it, and stop it."""
    with tempfile.TemporaryDirectory(prefix="boreas-bench-") as folder:
        Path(folder).chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        env = os.environ | {
            "BOREAS_PORT": str(port),
            "BOREAS_DATA_DIR": f"{folder}/data",
            "BOREAS_ADMIN_TOKEN": TOKEN,
            "BOREAS_LOG_LEVEL": "WARNING",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", "up", env=env, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await _ready(f"http://127.0.0.1:{port}")
            yield Client(f"http://127.0.0.1:{port}", TOKEN)
        finally:
            process.terminate()
            await process.wait()


async def _ready(url: str) -> None:
    async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)
