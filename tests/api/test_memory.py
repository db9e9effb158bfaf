"""Memory is freed: a process that repeats the same work does not grow."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import httpx
import pytest
import websockets

from tests.api.support.wire import PROTOCOL, begin, send
from tests.support.servers import Servers
from tests.support.system import free_port
from tests.support.watched_api import Watched, watched
from tests.support.world import task, world

ROUNDS = 8
pytestmark = pytest.mark.timeout(400)
GROWTH_BYTES = 48 * 1024 * 1024
"""Growth by fragmentation. A leak would take several times as much."""
FEED = """subscription($id: ID!) { deploymentEvents(id: $id) { events { ... on DeploymentStatusChanged {
  deployment { tasks { id key name status type } } } } } }"""


@pytest.fixture(scope="module")
async def api(cleared: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    async with watched(cleared, tmp_path_factory.mktemp("memory"), free_port()) as watched_api:
        yield watched_api


async def growth(api: Watched, work: Callable[[int], Awaitable[None]]) -> int:
    """Work for some rounds, then for as many again, and return how much the process grew by the latter.

    The memory that allocators keep after the first rounds is not a leak.
    """
    for number in range(ROUNDS):
        await work(number)
    await asyncio.sleep(6)
    bytes_before = api.resident()
    for number in range(ROUNDS, 2 * ROUNDS):
        await work(number)
    await asyncio.sleep(6)
    return api.resident() - bytes_before


async def test_documents_that_were_used_once_or_twice_are_freed(api: Watched) -> None:
    async def work(number: int) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            headers = {"authorization": f"Bearer {api.client.token}"}
            for index in range(20):
                fields = " ".join(
                    f"a{n}_{number}_{index}: deployments(first: 1) {{ nodes {{ id }} }}" for n in range(45)
                )
                for _ in range(2):
                    body = {"query": f"{{ {fields} }}"}
                    answer = await http.post(f"{api.client.url}/graphql", json=body, headers=headers)
                    assert "errors" not in answer.json()

    assert await growth(api, work) < GROWTH_BYTES


async def test_variables_are_freed(api: Watched) -> None:
    async def work(number: int) -> None:
        document = "query($text: String) { applications(contains: $text) { totalCount } }"
        for index in range(10):
            body = {"query": document, "variables": {"text": f"{number} {index} {'x' * 900_000}"}}
            assert (await send(api.client, json.dumps(body).encode())).status_code == 200

    assert await growth(api, work) < GROWTH_BYTES


async def test_the_buffers_of_aborted_feeds_are_freed(api: Watched) -> None:
    environment = await world(api.client)
    await environment.application("web")
    id_ = await environment.deploy(tasks=[task(f"t{n}", name="x" * 60) for n in range(1000)], autoStart=False)

    async def work(number: int) -> None:
        async with api.client.socket() as socket:
            for index in range(50):
                await begin(socket, str(index), FEED, id=id_, other=f"{number} {index}")
            first_message = json.loads(await socket.recv())
            assert len(str(first_message["payload"]["data"])) > 100_000
            await asyncio.sleep(1)
            socket.transport.abort()

    assert await growth(api, work) < GROWTH_BYTES


async def test_refused_sockets_are_freed(api: Watched) -> None:
    address = api.client.url.replace("http", "ws") + "/graphql"

    async def refused(message: str) -> None:
        with suppress(websockets.WebSocketException, ConnectionError):
            async with websockets.connect(address, subprotocols=[PROTOCOL], proxy=None) as socket:
                await socket.send(message)
                await socket.recv()

    async def work(_: int) -> None:
        messages = [json.dumps({"type": "ping", "payload": {"a": "x" * 100_000}}), "{", '{"type": "connection_init"}']
        await asyncio.gather(*(refused(message) for message in messages for _ in range(20)))

    assert await growth(api, work) < GROWTH_BYTES
