"""Stopping servers, as real processes: feeds reconnect, running tasks end or are handed back."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.api.support.wire import begin, events
from tests.cli.test_server_commands import FIRST_TOKEN, environ, free_ports, run, start
from tests.support.client import Client
from tests.support.world import task, world

__all__ = ["environ"]
FOLLOW = "subscription($id: ID!) { deploymentEvents(id: $id) { cursor } }"
ATTEMPTS = "query($id: ID!) { deployment(id: $id) { status tasks { status attempts { status errorMessage } } } }"


@contextlib.asynccontextmanager
async def started(environ: dict[str, str], *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await start(environ, *arguments)
    reading = asyncio.create_task(process.communicate())
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await reading


@pytest.fixture
async def settings(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    await run(environ, "migrate")
    (port,) = free_ports(1)
    return environ | {
        "BOREAS_PORT": str(port),
        "BOREAS_ADMIN_TOKEN": FIRST_TOKEN,
        "BOREAS_DATA_DIR": str(tmp_path),
        "BOREAS_LEASE_SECONDS": "5",
        "BOREAS_COMMAND_USER": str(os.geteuid()),
        "BOREAS_COMMAND_WALL": "off",
    }


async def client_of(settings: dict[str, str]) -> Client:
    url = f"http://127.0.0.1:{settings['BOREAS_PORT']}"
    async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as http:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return Client(url, FIRST_TOKEN)
            await asyncio.sleep(0.05)


async def create_deployment(client: Client, command: list[str]) -> str:
    environment = await world(client, operator="SHELL")
    await environment.application("app")
    return await environment.deploy(tasks=[task("slow", command={"command": command})])


async def story(client: Client, id_: str) -> dict[str, Any]:
    deployment: dict[str, Any] = (await client.query(ATTEMPTS, id=id_))["deployment"]
    return deployment


async def until(runs: Callable[[], bool]) -> None:
    """Wait until a command has written its mark: a RUNNING task may not have started its process yet."""
    async with asyncio.timeout(30):
        while not runs():
            await asyncio.sleep(0.05)


async def test_a_stopping_api_asks_its_feeds_to_reconnect(settings: dict[str, str]) -> None:
    async with started(settings, "api") as api:
        client = await client_of(settings)
        id_ = await create_deployment(client, ["true"])
        messages: list[dict[str, Any]] = []

        async def follow() -> None:
            async for event in events(client, FOLLOW, id=id_):
                messages.append(event)  # noqa: PERF401

        async with client.socket() as socket:
            await begin(socket, "1", FOLLOW, id=id_)
            assert json.loads(await socket.recv())["type"] == "next"
            following = asyncio.create_task(follow())
            while not messages:
                await asyncio.sleep(0.02)
            api.send_signal(signal.SIGTERM)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
        with pytest.raises(httpx.RemoteProtocolError):
            await following
        assert await api.wait() == 0


AMID_A_CALLBACK = """
import signal, weakref
known = signal.signal

class Thing:
    pass

def first(number, handler):
    before = known(number, handler)
    if number == signal.SIGTERM:
        signal.signal, thing = known, Thing()
        told = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
        del thing
    return before

signal.signal = first
"""
"""Sends the signal to the process itself, while the collector calls back: what is raised there is ignored."""


async def test_an_api_that_is_stopped_while_it_starts_ends_at_once(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AMID_A_CALLBACK)
    async with asyncio.timeout(30), started(settings | {"PYTHONPATH": str(tmp_path)}, "api") as process:
        assert await process.wait() == 0


@pytest.mark.parametrize(
    ("patience", "signals", "ends"),
    [("30", 1, "SUCCESS"), ("30", 2, "CANCELLED"), ("0", 1, "CANCELLED")],
    ids=["lets it end", "told twice", "hands it back"],
)
async def test_a_stopping_worker_waits_for_its_tasks_or_hands_them_back(
    settings: dict[str, str], patience: str, signals: int, ends: str, tmp_path: Path
) -> None:
    door, environment = tmp_path / "door", tmp_path / "here"
    command = ["sh", "-c", ': > "$2"; while [ ! -e "$1" ]; do sleep 0.05; done', "sh", str(door), str(environment)]
    async with started(settings, "api"), started(settings | {"BOREAS_SHUTDOWN_SECONDS": patience}, "worker") as worker:
        client = await client_of(settings)
        id_ = await create_deployment(client, command)
        await until(environment.exists)
        for _ in range(signals):
            worker.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
        if ends == "SUCCESS":
            door.touch()
        assert await worker.wait() == 0
        (attempt,) = (await story(client, id_))["tasks"][0]["attempts"]
        assert attempt["status"] == ends
        door.touch()
        async with started(settings, "worker"):
            assert (await client.until(id_, "SUCCESS", "FAILED"))["status"] == "SUCCESS"
