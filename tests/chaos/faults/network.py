"""The network between one worker and its servers, which can fall silent or break."""

import asyncio
from contextlib import suppress


class Relay:
    """Carries bytes between a port of its own and a server's, while it is `open`.

    While it is silent no packet arrives and no connection is refused, as when packets are lost; what was sent meanwhile
    arrives afterwards. While it is cut, connections break and new ones are refused.
    """

    def __init__(self, port: int, target_port: int) -> None:
        self.port = port
        self._target_port = target_port
        self._open = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def whole(self) -> bool:
        """Return whether the relay carries all data."""
        return self._open.is_set() and self._server is not None and self._server.is_serving()

    async def start(self) -> None:
        """Start to carry data."""
        self._open.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def silence(self) -> None:
        """Hold all data back."""
        self._open.clear()

    async def cut(self) -> None:
        """Break open connections, and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._serving):
            task.cancel()
        if self._serving:
            await asyncio.wait(tuple(self._serving))

    async def heal(self) -> None:
        """Carry data again."""
        if self._server is not None and not self._server.is_serving():
            await self.start()
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        writers = [writer]
        directions: list[asyncio.Task[None]] = []
        try:
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            writers.append(target_writer)
            directions = [
                asyncio.create_task(self._carry(reader, target_writer)),
                asyncio.create_task(self._carry(target_reader, writer)),
            ]
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            for direction in directions:
                direction.cancel()
            for stream in writers:
                stream.transport.abort()
            self._serving.discard(task)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(1 << 16):
                await self._open.wait()
                target.write(data)
                await target.drain()
