"""What a command prints: read from its pipes, cut into lines, passed on no faster than they are taken."""

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
"""What keeps a pipe open after its command has ended is heard until it is silent so long, and so long at most."""

_SHOW_SECONDS, _LONGEST_SECONDS, _PAUSE_SECONDS = 1.0, 10.0, 0.05
"""What has come of a line that has not ended is shown after so long a silence; after so long in all, at a pause."""

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
        self._begun: float | None = None

    async def pump(self) -> None:
        """Pass lines on until the stream ends, and what there is of a line where its end keeps others waiting.

        Raises what the log raises.
        """
        ended = False
        while not ended:
            chunk = await self._read()
            ended = chunk == b""
            lines = self._lines.begun() if chunk is None else self._lines.feed(chunk, final=ended)
            self._expect_rest(is_new=bool(lines))
            if lines:
                async with self._turn:
                    await self._log(self._stream, lines)
            await asyncio.sleep(0)  # reading and a ready log never wait: others must have their turn

    def _expect_rest(self, *, is_new: bool) -> None:
        """Note since when there is something of a line that has not ended."""
        if not self._lines.has_begun:
            self._begun = None
        elif self._begun is None or is_new:
            self._begun = asyncio.get_running_loop().time()

    def _patience(self, now: float) -> float | None:
        """Return until when nothing may come before something is done about it."""
        if self._deadline is not None:
            return now + _SILENCE_SECONDS
        if self._begun is None:
            return None
        return min(now + _SHOW_SECONDS, max(self._begun + _LONGEST_SECONDS, now + _PAUSE_SECONDS))

    def expect_end(self) -> None:
        """Take note that the command has ended: what it wrote is all in the pipe, the rest is others' and optional."""
        self._due = int.from_bytes(fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
        self._deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
        self._stirred.set()

    async def _read(self) -> bytes | None:
        """Return what has come, waiting for it; nothing at the end, and None where what has begun is to be shown."""
        now = asyncio.get_running_loop().time
        while self._deadline is None or self._due > 0 or now() < self._deadline:
            runs = self._deadline is None
            try:
                chunk = os.read(self._pipe, _CHUNK_BYTES)
            except BlockingIOError:
                if await self._is_silent():
                    return None if runs else b""
            else:
                self._due -= len(chunk)
                return chunk
        return b""

    async def _is_silent(self) -> bool:
        """Wait for something to read; True where nothing comes for as long as may be waited."""
        loop = asyncio.get_running_loop()
        self._stirred.clear()
        loop.add_reader(self._pipe, self._stirred.set)
        try:
            async with asyncio.timeout_at(self._patience(loop.time())):
                await self._stirred.wait()
        except TimeoutError:
            return True
        finally:
            loop.remove_reader(self._pipe)
        return False


class _Lines:
    """Cuts bytes into lines, without their ends; half a line or character waits for its rest.

    What is passed on of a line before its end is a `LinePart`, and so is what follows of it; its end alone is no line.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest, self._continues = "", False

    @property
    def has_begun(self) -> bool:
        """Whether there is something of a line that has not been passed on."""
        return bool(self._rest)

    def begun(self) -> list[str]:
        """Return what there is of a line that has not ended."""
        part = LinePart(self._rest, continues=self._continues, goes_on=True)
        self._rest, self._continues = "", True
        return [part]

    def feed(self, chunk: bytes, final: bool = False) -> list[str]:
        """Return the lines that `chunk` completes; with `final`, also the last one, which has no end."""
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
            lines += self.begun()
        return lines
