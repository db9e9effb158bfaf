"""A TCP proxy that breaks connections in the middle of a message, without a close, as networks do."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """Breaks the first connections after given numbers of the server's bytes; later ones are not broken."""

    def __init__(self, target: str, breaks_after: Sequence[int]) -> None:
        self.connections = 0
        self.broken = asyncio.Event()
        self.url = ""
        self._target = urlsplit(target)
        self._left = list(breaks_after)
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it, or it breaks."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.connections += 1
        limit = self._left.pop(0) if self._left else None
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        ways = [asyncio.create_task(pump(reader, back)), asyncio.create_task(pump(there, writer, limit))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            for end in (writer, back):
                end.transport.abort()
            if not self._left:
                self.broken.set()
            self._serving.discard(task)

    async def close(self) -> None:
        """End every connection."""
        for task in tuple(self._serving):
            task.cancel()
        if self._serving:
            await asyncio.wait(tuple(self._serving))


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, limit: int | None = None) -> None:
    """Copy bytes until the source ends, or up to a limit."""
    with suppress(ConnectionError):
        while (limit is None or limit > 0) and (data := await source.read(1 << 16)):
            target.write(data[:limit])
            await target.drain()
            limit = None if limit is None else limit - len(data)


@asynccontextmanager
async def proxied(target: str, breaks_after: Sequence[int]) -> AsyncIterator[Proxy]:
    """Open a proxy on a free port."""
    proxy = Proxy(target, breaks_after)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    proxy.url = f"http://{host}:{port}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
