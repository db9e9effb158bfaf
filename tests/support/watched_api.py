"""An API process that measures event loop delays: `python -m tests.support.watched_api`.

A delay is processor time of the loop's thread between two polls of its sockets: load on the machine does not count.
"""

import asyncio
import os
import sys
import time
from asyncio.base_events import BaseEventLoop
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.client import Client
from tests.support.servers import Servers
from tests.support.system import ADMIN

HELD = "BOREAS_TEST_HELD"
NOTED_SECONDS = 0.005


@dataclass(slots=True)
class Watched:
    """A running API process."""

    pid: int
    client: Client
    held: Path

    def worst(self) -> float:
        """Return the longest delay of the API's loop in seconds since the last call."""
        delays = [float(line) for line in self.held.read_text().split()]
        self.held.write_text("")
        return max(delays, default=0.0)

    def resident(self) -> int:
        """Return the resident memory in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def watched(servers: Servers, folder: Path, port: int) -> AsyncIterator[Watched]:
    """Run an API over the servers of this test process."""
    delays_path = folder / "held"
    delays_path.write_text("")
    environ = os.environ | {
        "BOREAS_DATABASE_URL": servers.database_url,
        "BOREAS_REDIS_URL": servers.redis_url,
        "BOREAS_PORT": str(port),
        "BOREAS_ADMIN_TOKEN": ADMIN,
        "BOREAS_DATA_DIR": str(folder),
        HELD: str(delays_path),
    }
    with (folder / "api.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.watched_api", env=environ, stdout=log, stderr=log
        )
    client = Client(f"http://127.0.0.1:{port}", ADMIN)
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
            while True:
                assert process.returncode is None, (folder / "api.log").read_text()
                with suppress(httpx.TransportError):
                    if (await http.get(f"{client.url}/readyz")).status_code == 200:
                        break
                await asyncio.sleep(0.05)
        yield Watched(process.pid, client, delays_path)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def watch(path: Path) -> None:
    """Record from now on how long each iteration of a loop takes."""
    original: Any = BaseEventLoop._run_once  # type: ignore[attr-defined]

    def run_once(loop: Any) -> None:
        started_at = time.thread_time()
        original(loop)
        seconds = time.thread_time() - started_at
        if seconds > NOTED_SECONDS:
            with path.open("a") as file:
                file.write(f"{seconds}\n")

    BaseEventLoop._run_once = run_once  # type: ignore[attr-defined]


if __name__ == "__main__":
    from app.cli import main

    watch(Path(os.environ[HELD]))
    main(["api"], prog_name="boreas")
