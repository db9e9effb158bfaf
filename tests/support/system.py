"""A whole Boreas in the test's loop: runtime, API on a free port, and workers on request."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import uvicorn

from app.api.transport.request_bodies import MAX_BODY
from app.api.transport.server_connection import SAFE_HEADERS, Connection
from app.jobs.deployments import jobs
from app.main import application
from app.services.access import ensure_admin
from app.services.runtime import Runtime
from app.services.worker.sweep import sweep_forever
from app.services.worker.turn import WorkerIdentity
from app.services.worker.worker import Worker
from app.settings import ServeSettings, Settings, StoreSettings, WorkerSettings
from app.wiring import open_runtime, worker_id
from tests.support.client import Client
from tests.support.servers import Servers

ADMIN = "bor_a-token-for-tests-only"


@dataclass(slots=True)
class System:
    """A running Boreas. `stack` closes what tests start."""

    runtime: Runtime
    settings: Settings
    url: str
    stack: AsyncExitStack
    queue: Any
    workers: list[Worker] = field(default_factory=list)

    @property
    def admin(self) -> Client:
        """A client with every right."""
        return Client(self.url, ADMIN)

    def client(self, token: str) -> Client:
        """A client with a token."""
        return Client(self.url, token)

    async def start_worker(self, pool: str = "default", slots: int = 32) -> Worker:
        """Start a worker; it stops with the test."""
        return await self.stack.enter_async_context(self._worker(pool, slots))

    @asynccontextmanager
    async def _worker(self, pool: str, slots: int) -> AsyncIterator[Worker]:
        worker = Worker(self.runtime, WorkerIdentity(worker_id(), pool), slots)
        arq = self.queue.worker(pool, jobs(self.runtime, worker), lambda: worker.has_room)
        runs = (worker.renew_leases(), worker.listen_for_stops(), worker.poll(), sweep_forever(self.runtime))
        loops = [asyncio.create_task(run) for run in runs]
        taking = asyncio.create_task(arq.main())
        self.workers.append(worker)
        try:
            yield worker
        finally:
            arq.stop()
            await worker.drain()
            await taking
            for loop in loops:
                loop.cancel()
            await asyncio.wait(loops)


@asynccontextmanager
async def running(servers: Servers, folder: Path) -> AsyncIterator[System]:
    """Open a runtime and serve the API over it, with an ADMIN token and no worker."""
    settings = Settings(
        data_dir=folder,
        store=StoreSettings(servers.database_url, servers.redis_url),
        worker=WorkerSettings(lease_seconds=3.0, grace_seconds=1.0, command_user=str(os.geteuid()), command_wall=False),
    )
    async with (
        open_runtime(settings, operators=True) as (runtime, queue),
        served(runtime) as url,
        AsyncExitStack() as stack,
    ):
        await ensure_admin(runtime, ADMIN)
        yield System(runtime, settings, url, stack, queue)


def free_port() -> int:
    """Return a port that was free a moment ago, for a process that needs one."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@asynccontextmanager
async def served(runtime: Runtime, **options: Any) -> AsyncIterator[str]:
    """Serve the API on a free port; `options` are those of uvicorn.

    BOREAS_EXECUTOR selects the executor.
    """
    options.setdefault("executor", os.environ.get("BOREAS_EXECUTOR", "fast"))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    names = [field.name for field in fields(ServeSettings)]
    app = application(runtime, ServeSettings(**{name: options.pop(name) for name in names if name in options}))
    usual: dict[str, Any] = {"ws": "websockets-sansio", "ws_per_message_deflate": False, "timeout_graceful_shutdown": 1}
    usual |= {"http": Connection, "headers": SAFE_HEADERS, "ws_max_size": 2 * MAX_BODY}
    config = uvicorn.Config(app, log_config=None, lifespan="off", **usual | options)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        await app.state.close()
        listener.close()
