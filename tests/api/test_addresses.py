"""The source address of a call: a forwarded address counts only from proxies that the settings trust."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from app.main import application, server_config
from app.settings import ServeSettings
from tests.api.support.audit_client import entries
from tests.api.support.wire import send
from tests.support.client import Client
from tests.support.system import System
from tests.support.world import unique

CREATE = '{"query": "mutation { createServiceAccount(input: {name: \\"NAME\\"}) { errors { message } } }"}'


@asynccontextmanager
async def serve_api(system: System, settings: ServeSettings) -> AsyncIterator[Client]:
    """Serve the API once more, configured as a process, with the test's own settings."""
    app = application(system.runtime)
    server = uvicorn.Server(server_config(app, settings))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        yield Client(f"http://127.0.0.1:{listener.getsockname()[1]}", system.admin.token)
        server.should_exit = True
        await serving
        await app.state.close()


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [(None, "127.0.0.1"), ("127.0.0.1", "192.0.2.7"), ("10.0.0.0/8", "127.0.0.1"), ("*", "192.0.2.7")],
)
async def test_a_forwarded_address_is_taken_from_trusted_proxies_only(
    system: System, trusted: str | None, expected: str
) -> None:
    async with serve_api(system, ServeSettings(trusted_proxies=trusted)) as client:
        await send(client, CREATE.replace("NAME", unique("bot")).encode(), x_forwarded_for="192.0.2.7")
    (entry,) = await entries(system.admin, actions=["createServiceAccount"])
    assert entry["sourceIp"] == expected
