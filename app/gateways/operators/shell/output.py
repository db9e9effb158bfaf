"""The output of a command: read from its pipes, cut into lines, and passed on as fast as the log accepts it."""

import asyncio
import codecs
import fcntl
import os
import sys
import termios

from app.core.log_levels import Stream
from app.core.logs import LinePart
from app.ports import LONG_LINE, LogSink

_SILENCE_SECONDS, DRAIN_SECONDS = 0.5, 2.0
"""After exit, read on until the pipe was idle for the first, at most for the second."""

_IDLE_SECONDS, _MAX_HELD_SECONDS, _PAUSE_SECONDS = 1.0, 10.0, 0.05
"""Pass on an unfinished line when the pipe was idle for the first, or after the second at a pause of the third."""

_CHUNK_BYTES = _LINE_CHARACTERS = LONG_LINE
"""Bytes read at once (a full pipe), and characters held of an unfinished line: a longer one is passed on in pieces."""


class Output:
    """One output stream of a command.

    While the log is busy the pipe is not read, and the command blocks in its next write.
    The pipe is not managed by asyncio, whose processes end only when every process that holds their pipes has ended.
    """

    def __init__(self, pipe: int, stream: Stream, log: LogSink, log_lock: asyncio.Lock) -> None:
        self._pipe = pipe
        self._stream = stream
        self._log = log
        self._log_lock = log_lock
        self._lines = _Lines()
        self._readable = asyncio.Event()
        self._deadline: float | None = None
        self._unread = 0
        self._held_since: float | None = None

    async def pump(self) -> None:
        """Pass lines on until the stream ends, and unfinished lines that are held for long. Raises as the log does."""
        ended = False
        while not ended:
            chunk = await self._read()
            ended = chunk == b""
            lines = self._lines.take_unfinished() if chunk is None else self._lines.feed(chunk, final=ended)
            self._note_unfinished(is_new=bool(lines))
            if lines:
                async with self._log_lock:
                    await self._log(self._stream, lines)
            await asyncio.sleep(0)  # neither reading nor the log may have waited: let other tasks run

    def _note_unfinished(self, *, is_new: bool) -> None:
        """Note since when an unfinished line is held."""
        if not self._lines.has_unfinished:
            self._held_since = None
        elif self._held_since is None or is_new:
            self._held_since = asyncio.get_running_loop().time()

    def _idle_deadline(self, now: float) -> float | None:
        """Return until when to wait for more output; None without a limit."""
        if self._deadline is not None:
            return now + _SILENCE_SECONDS
        if self._held_since is None:
            return None
        return min(now + _IDLE_SECONDS, max(self._held_since + _MAX_HELD_SECONDS, now + _PAUSE_SECONDS))

    def expect_end(self) -> None:
        """Expect the end, as the command has exited: all its output is in the pipe. More comes from other processes."""
        self._unread = int.from_bytes(fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
        self._deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
        self._readable.set()

    async def _read(self) -> bytes | None:
        """Return the next output; empty at the end; None when it is time to pass on an unfinished line."""
        now = asyncio.get_running_loop().time
        while self._deadline is None or self._unread > 0 or now() < self._deadline:
            is_running = self._deadline is None
            try:
                chunk = os.read(self._pipe, _CHUNK_BYTES)
            except BlockingIOError:
                if await self._is_idle():
                    return None if is_running else b""
            else:
                self._unread -= len(chunk)
                return chunk
        return b""

    async def _is_idle(self) -> bool:
        """Wait for output. Return True where none comes before the deadline."""
        loop = asyncio.get_running_loop()
        self._readable.clear()
        loop.add_reader(self._pipe, self._readable.set)
        try:
            async with asyncio.timeout_at(self._idle_deadline(loop.time())):
                await self._readable.wait()
        except TimeoutError:
            return True
        finally:
            loop.remove_reader(self._pipe)
        return False


class _Lines:
    """Cuts bytes into lines, without their ends. Half a line or character waits for its rest.

    A line that is passed on before its end becomes several `LinePart`s. An end alone is not a line.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest, self._continues = "", False

    @property
    def has_unfinished(self) -> bool:
        """Whether part of a line is held."""
        return bool(self._rest)

    def take_unfinished(self) -> list[str]:
        """Return the part of a line that is held."""
        part = LinePart(self._rest, continues=self._continues, goes_on=True)
        self._rest, self._continues = "", True
        return [part]

    def feed(self, chunk: bytes, final: bool = False) -> list[str]:
        """Return the lines that `chunk` completes; with `final`, also the last one, which has no line end."""
        lines = (self._rest + self._decoder.decode(chunk, final)).split("\n")
        self._rest = lines.pop()
        lines = [line.removesuffix("\r") for line in lines]
        if lines and self._continues:
            self._continues = False
            lines[:1] = [LinePart(lines[0], continues=True, goes_on=False)] if lines[0] else []
        if final and self._rest:
            lines.append(LinePart(self._rest, continues=True, goes_on=False) if self._continues else self._rest)
            self._rest = ""
        elif len(self._rest) > _LINE_CHARACTERS:
            lines += self.take_unfinished()
        return lines
