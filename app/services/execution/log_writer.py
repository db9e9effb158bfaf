"""Writes what a task prints: numbered, fenced by the attempt, in batches, at most 100 ms after it was printed."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from app.core.log_levels import LogLevel, Stream, level_of
from app.core.logs import LogLine, split_message
from app.core.masking import Masker
from app.core.task import Task
from app.ports import LogSink
from app.services.execution.output_cleaning import LINES_AT_ONCE, OutputCleaner
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.store import deployment_logs, logs
from app.store.logs import NewLine

FLUSH_SECONDS = 0.1
BATCH_LINES = 2000
BATCH_BYTES = 1_000_000
"""What is written at once; whoever prints more waits until it is written."""
LINE_BYTES = 100
"""What a line counts towards the limit beyond its text: about what it takes to keep it."""
MIB = 1024 * 1024


class LeaseLostError(Exception):
    """The attempt is not this worker's any more: it may write nothing, and must end what it runs."""


class LogWriter:
    """Takes lines of one attempt and writes them from a task of its own, so that ending the attempt loses none.

    Each command writes to a sink of its own; what Boreas says goes to `say` and `write`. Enter the writer before the
    first line; leaving it waits until the last one is written. Once the log of the task has reached
    its limit, a last line says so, and nothing that a command prints is kept any more; what Boreas says still is.
    """

    def __init__(self, runtime: Runtime, task: Task, worker: str, masker: Masker | None = None) -> None:
        self._runtime = runtime
        self._task = task
        self._worker = worker
        self._masker = masker or Masker()
        self._printed: dict[tuple[int, Stream], OutputCleaner] = {}
        self._levels: dict[tuple[int, Stream], LogLevel] = {}
        self._waiting: list[NewLine] = []
        self._waiting_bytes = 0
        self._bytes = task.log_bytes
        self._truncated = task.logs_truncated
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room.set()
        self._closing = False
        self._last: int | None = None
        self._doubtful = True

    async def __aenter__(self) -> Self:
        self._writing = asyncio.create_task(self._write_all(), name=f"logs of {self._task.id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(LeaseLostError):
            for key, printed in self._printed.items():
                await self._keep(key, await printed.finish())
        self._closing = True
        self._hurry.set()
        self._news.set()
        await asyncio.wait([self._writing])
        self._writing.result()

    def sink(self, prefix: str = "") -> LogSink:
        """Return where one command prints to; `prefix` tells its lines from those of others."""
        source = len(self._printed) + 1

        async def write(stream: Stream, lines: Sequence[str]) -> None:
            await self._accept((source, stream), prefix, lines)

        for stream in (Stream.STDOUT, Stream.STDERR):
            self._printed[source, stream] = OutputCleaner(self._masker, prefix)
        return write

    async def write(self, stream: Stream, lines: Sequence[str]) -> None:
        """Take lines; wait when many are unwritten. Raises LeaseLostError."""
        await self._accept((0, stream), "", lines)

    async def say(self, message: str) -> None:
        """Write a line of Boreas's own."""
        await self.write(Stream.SYSTEM, [message])

    async def _accept(self, key: tuple[int, Stream], prefix: str, lines: Sequence[str]) -> None:
        if self._writing.done():
            self._writing.result()
        await self._room.wait()
        if not lines or (self._truncated and key[1] is not Stream.SYSTEM):
            return
        printed = self._printed.setdefault(key, OutputCleaner(self._masker, prefix))
        await self._keep(key, await printed.take(lines))

    async def _keep(self, key: tuple[int, Stream], texts: Sequence[tuple[str, bool]]) -> None:
        """Keep texts, each with whether it goes on with the line before and so has its level."""
        now = self._runtime.clock.now()
        stream, level = key[1], self._levels.get(key, LogLevel.INFO)
        for start in range(0, len(texts), LINES_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            for text, continues in texts[start : start + LINES_AT_ONCE]:
                stored = split_message(text)
                if not continues:
                    level = level_of(stored[0], stream)
                for piece in stored:
                    if self._admits(stream, piece):
                        self._waiting.append(NewLine(now, level, piece))
        self._levels[key] = level
        self._news.set()
        if len(self._waiting) >= BATCH_LINES or self._waiting_bytes >= BATCH_BYTES:
            self._hurry.set()
            self._room.clear()

    def _admits(self, stream: Stream, piece: str) -> bool:
        """Count a line, and tell whether it is kept. The first one that is not leaves a line that says so."""
        size = _size(piece)
        if stream is not Stream.SYSTEM:
            if self._truncated:
                return False
            if self._bytes + size > self._runtime.log_bytes:
                self._truncated = True
                limit = f"{self._runtime.log_bytes / MIB:.3g} MiB"
                notice = f"WARN: the log of this task has reached its limit of {limit}: what follows is not kept."
                self._waiting.append(NewLine(self._runtime.clock.now(), LogLevel.WARN, notice))
                self._waiting_bytes += _size(notice)
                return False
        self._bytes += size
        self._waiting_bytes += size
        return True

    async def _write_all(self) -> None:
        try:
            while self._waiting or not self._closing:
                await self._news.wait()
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(FLUSH_SECONDS):
                        await self._hurry.wait()
                if not self._closing:
                    self._hurry.clear()
                while self._waiting:
                    await self._write_batch(*self._take())
                    if len(self._waiting) < BATCH_LINES and self._waiting_bytes < BATCH_BYTES:
                        self._room.set()
        finally:
            self._room.set()

    def _take(self) -> tuple[list[NewLine], int]:
        """Take what is written at once, at least a line, with what it counts."""
        count = taken = 0
        for line in self._waiting[:BATCH_LINES]:
            size = _size(line.message)
            if count and taken + size > BATCH_BYTES:
                break
            count, taken = count + 1, taken + size
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_bytes -= taken
        return batch, taken

    async def _write_batch(self, batch: Sequence[NewLine], size: int) -> None:
        first = await retry_while_away(lambda: self._append(batch, size))
        attempt = self._task.attempt
        numbered = [
            LogLine(first + index, line.at, line.level, line.message, attempt) for index, line in enumerate(batch)
        ]
        await self._runtime.bus.publish(
            [
                (logs.topic(self._task.id), logs.encode(numbered)),
                (deployment_logs.topic(self._task.deployment_id), b""),
            ]
        )

    async def _append(self, batch: Sequence[NewLine], size: int) -> int:
        """Store lines, unless they were stored and only the answer was lost. Return the number of the first one."""
        task, worker = self._task, self._worker
        if self._doubtful:
            stored = await logs.last(task.id, task.attempt, worker)
            if stored is None:
                raise self._lost()
            if self._last is None:
                self._last = stored
            if stored == self._last + len(batch):
                self._doubtful, self._last = False, stored
                return stored - len(batch) + 1
        self._doubtful = True
        first = await logs.append(task.id, task.attempt, worker, batch, size=size, truncated=self._truncated)
        if first is None:
            raise self._lost()
        self._doubtful, self._last = False, first + len(batch) - 1
        return first

    def _lost(self) -> LeaseLostError:
        return LeaseLostError(f"attempt {self._task.attempt} of {self._task.id} is not {self._worker}'s any more")


def _size(message: str) -> int:
    """Return what a line counts towards the limit, in bytes."""
    return LINE_BYTES + (len(message) if message.isascii() else len(message.encode()))
