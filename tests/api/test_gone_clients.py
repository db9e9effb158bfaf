"""Too many, too slow or vanished clients are refused or disconnected, and leave no task behind."""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from starlette.applications import Starlette

from app import main
from app.api.feeds.hub import FeedHub
from app.api.transport import websocket as protocol
from app.api.transport import websocket_adapter
from app.api.transport.connection_limits import ConnectionLimits, TooManyConnectionsError
from app.settings import ServeSettings
from tests.api.support.feeds import EVENTS, chain, over_sse, task_of
from tests.api.support.people import account
from tests.api.support.rows import database, eventually
from tests.api.support.wire import PROTOCOL, begin
from tests.support.client import Client
from tests.support.system import System, served

LINES = "subscription($id: ID!) { taskLogs(taskId: $id) { caughtUp lines { message } } }"


@pytest.fixture
def hubs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FeedHub]]:
    """The hubs of every API that the test starts."""
    started: list[FeedHub] = []

    class RecordedHub(FeedHub):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            started.append(self)

    monkeypatch.setattr("app.api.transport.endpoint.FeedHub", RecordedHub)
    monkeypatch.setattr("app.api.feeds.shared_execution.LINGER_SECONDS", 0.05)
    yield started


async def close_frame(connection: websockets.ClientConnection) -> tuple[int, str]:
    """Return the code and reason with which the server closes a socket."""
    with pytest.raises(websockets.ConnectionClosed) as caught:
        async with asyncio.timeout(10):
            while True:
                await connection.recv()
    frame = caught.value.rcvd
    assert frame is not None
    return frame.code, frame.reason


# Too many


def test_each_actor_has_a_limit_of_connections() -> None:
    limits = ConnectionLimits(2)
    limits.acquire("a")
    with limits.counted("a"), pytest.raises(TooManyConnectionsError):
        limits.acquire("a")
    limits.acquire("b")
    limits.acquire("a")
    for actor in "aab":
        limits.release(actor)
    assert not limits._counts


async def test_a_socket_has_a_maximum_of_operations(shared: System) -> None:
    deployment = await chain(shared, 1)
    async with shared.admin.socket() as connection:
        for n in range(protocol.MAX_OPERATIONS):
            await begin(connection, str(n), EVENTS.document, id=deployment)
        assert {json.loads(await connection.recv())["type"] for _ in range(protocol.MAX_OPERATIONS)} == {"next"}
        await begin(connection, "one too many", EVENTS.document, id=deployment)
        code, reason = await close_frame(connection)
    assert code == 4429 and "at most 100 operations" in reason


async def test_an_actor_has_a_maximum_of_live_connections(shared: System) -> None:
    deployment = await chain(shared, 1)
    viewer = await account(shared.admin, {"role": "VIEWER"})
    async with served(shared.runtime, connections_per_actor=2) as url, AsyncExitStack() as stack:
        admin, guest = Client(url, shared.admin.token), Client(url, viewer.client.token)
        first_connections = AsyncExitStack()
        await first_connections.enter_async_context(admin.socket())
        stack.push_async_callback(first_connections.aclose)
        streaming = over_sse(admin, EVENTS, deployment)
        await anext(streaming)
        async with unauthenticated(url) as connection:
            headers = {"Authorization": f"Bearer {admin.token}"}
            await connection.send(json.dumps({"type": "connection_init", "payload": headers}))
            code, reason = await close_frame(connection)
        assert code == 4429 and "2 live connections" in reason
        with pytest.raises(httpx.HTTPStatusError, match="429"):
            await anext(over_sse(admin, EVENTS, deployment))
        async with guest.socket():
            await admin.query("{ __typename }")
        await streaming.aclose()
        await first_connections.aclose()
        async with admin.socket(), admin.socket():
            pass


@asynccontextmanager
async def unauthenticated(url: str) -> AsyncIterator[websockets.ClientConnection]:
    address = url.replace("http", "ws") + "/graphql"
    async with websockets.connect(address, subprotocols=[PROTOCOL], proxy=None) as connection:
        yield connection


# Slow or gone


async def test_a_client_that_does_not_read_is_disconnected(
    shared: System, hubs: list[FeedHub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_adapter, "SEND_SECONDS", 0.3)
    deployment = await chain(shared, 1)
    id_ = await task_of(shared.admin, deployment)
    async with database(shared) as connection:
        await connection.execute(
            "INSERT INTO task_logs (task_id, number, at, level, message, attempt)"
            " SELECT $1, n, now(), 'INFO', repeat('x', 8000), 1 FROM generate_series(1, 4000) n",
            id_,
        )
        await connection.execute("UPDATE tasks SET last_log = 4000 WHERE id = $1", id_)
    async with served(shared.runtime, ws_ping_interval=None) as url:
        transport = await stop_reading(Client(url, shared.admin.token), LINES, id_)
        await eventually(lambda: _is_empty(hubs[0]), "no trace of the client")
        transport.abort()


async def test_a_client_that_answers_no_ping_is_disconnected(shared: System, hubs: list[FeedHub]) -> None:
    deployment = await chain(shared, 1)
    async with served(shared.runtime, ws_ping_interval=0.2, ws_ping_timeout=0.2) as url:
        transport = await stop_reading(Client(url, shared.admin.token), EVENTS.document, deployment)
        await eventually(lambda: _is_empty(hubs[0]), "no trace of the client")
        transport.abort()


def test_dead_sockets_are_detected_within_half_a_minute() -> None:
    assert 2 * main.PING_SECONDS <= 30
    assert main.server_config(Starlette(), ServeSettings()).ws_ping_timeout == main.PING_SECONDS


async def _is_empty(hub: FeedHub) -> bool:
    """Return whether a hub has no execution, no watched token and no task."""
    shared = [task for task in asyncio.all_tasks() if task.get_name() in ("shared feed", "access of feeds")]
    return not hub._executions and not hub._watch._entries and not shared


async def stop_reading(client: Client, document: str, id_: str) -> asyncio.Transport:
    """Subscribe over a socket that then stops reading, and return its transport."""
    address = httpx.URL(client.url)
    small_socket = sockets.socket()
    small_socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    small_socket.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small_socket, (address.host, address.port))
    url = f"ws://{address.host}:{address.port}/graphql"
    connection = await websockets.connect(
        url, subprotocols=[PROTOCOL], sock=small_socket, proxy=None, max_queue=1, ping_interval=None
    )
    payload = {"Authorization": f"Bearer {client.token}"}
    await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
    assert json.loads(await connection.recv())["type"] == "connection_ack"
    await begin(connection, "1", document, id=id_)
    await connection.recv()
    connection.transport.pause_reading()
    return connection.transport


async def test_no_task_or_listener_is_left_of_clients_that_vanish(shared: System, hubs: list[FeedHub]) -> None:
    deployment = await chain(shared, 1)
    async with served(shared.runtime) as url:
        client = Client(url, shared.admin.token)
        tasks_before = len(asyncio.all_tasks())

        async def visit(n: int) -> None:
            async with client.socket() as connection:
                for operation in range(3):
                    await begin(connection, str(operation), EVENTS.document, id=deployment)
                    await connection.recv()
                if n % 3 == 0:
                    connection.transport.abort()
                elif n % 3 == 1:
                    await connection.send(json.dumps({"id": "1", "type": "complete"}))

        await asyncio.gather(*(visit(n) for n in range(45)))
        await eventually(lambda: _is_empty(hubs[0]), "no trace of the clients")
        await eventually(lambda: _at_most(tasks_before), "no task is left")
    mailboxes = getattr(shared.runtime.bus, "_mailboxes")  # noqa: B009
    assert not [topic for topic in mailboxes if deployment in topic]


async def _at_most(count: int) -> bool:
    return len(asyncio.all_tasks()) <= count
