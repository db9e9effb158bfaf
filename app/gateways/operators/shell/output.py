"""What a command prints: read from its pipes, cut into lines, passed on no faster than they are taken."""

import asyncio
import codecs
import fcntl
import os
import sys
import termios

from app.core.logs import Stream
from app.ports import LONG_LINE, LogSink

_SILENCE_SECONDS, DRAIN_SECONDS = 0.5, 2.0
"""What keeps a pipe open after its command has ended is heard until it is silent so long, and so long at most."""

_CHUNK_BYTES = _LINE_CHARACTERS = LONG_LINE
"""Read at once (what a pipe holds), and held of a line that has not ended: a longer one is passed on in pieces."""


class Output:
    """One stream of a command. While the log takes its time nothing is read, and the command waits in its next write.

    The pipe is not the event loop's, which takes a process as ended only when all holders of its pipes have gone.
    """

    def __init__(self, pipe: int, stream: Stream, log: LogSink, turn: asyncio.Lock) -> None:
        self._pipe = pipe
        self._stream = stream
        self._log = log
        self._turn = turn
        self._lines = _Lines()
        self._stirred = asyncio.Event()
        self._deadline: float | None = None
        self._due = 0

    async def pump(self) -> None:
        """Pass lines on until the stream ends. Raises what the log raises."""
        ended = False
        while not ended:
            chunk = await self._read()
            ended = not chunk
            if lines := self._lines.feed(chunk, final=ended):
                async with self._turn:
                    await self._log(self._stream, lines)
            await asyncio.sleep(0)  # reading and a ready log never wait: others must have their turn

    def expect_end(self) -> None:
        """Take note that the command has ended: what it wrote is all in the pipe, the rest is others' and optional."""
        self._due = int.from_bytes(fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
        self._deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
        self._stirred.set()

    async def _read(self) -> bytes:
        """Return what has come, waiting for it; nothing at the end."""
        now = asyncio.get_running_loop().time
        while self._deadline is None or self._due > 0 or now() < self._deadline:
            try:
                chunk = os.read(self._pipe, _CHUNK_BYTES)
            except BlockingIOError:
                if await self._is_silent():
                    break
            else:
                self._due -= len(chunk)
                return chunk
        return b""

    async def _is_silent(self) -> bool:
        """Wait for something to read; True where the command has ended and nothing comes."""
        loop = asyncio.get_running_loop()
        self._stirred.clear()
        loop.add_reader(self._pipe, self._stirred.set)
        try:
            async with asyncio.timeout(None if self._deadline is None else _SILENCE_SECONDS):
                await self._stirred.wait()
        except TimeoutError:
            return True
        finally:
            loop.remove_reader(self._pipe)
        return False


class _Lines:
    """Cuts bytes into lines, without their ends; half a line or character waits for its rest."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest, self._continues = "", False

    def feed(self, chunk: bytes, final: bool = False) -> list[str]:
        """Return the lines that `chunk` completes; with `final`, also the last one, which has no end."""
        lines = (self._rest + self._decoder.decode(chunk, final)).split("\n")
        self._rest = lines.pop()
        if lines and self._continues:
            self._continues = False
            if lines[0] in ("", "\r"):
                del lines[0]
        lines = [line.removesuffix("\r") for line in lines]
        if len(self._rest) > _LINE_CHARACTERS or (final and self._rest):
            lines.append(self._rest)
            self._rest, self._continues = "", True
        return lines
