"""Writes the log of one attempt: numbered, fenced, in batches, at most 100 ms after it was printed."""

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
"""Limits of one write; a command that prints more waits until it is written."""
LINE_BYTES = 100
"""What a line counts towards the limit of a log in addition to its text: about what storing it takes."""
MIB = 1024 * 1024


class LeaseLostError(Exception):
    """This worker has lost the lease on the attempt: it must end the attempt, and its writes are refused."""


class LogWriter:
    """Writes the lines of one attempt in a task of its own, so that ending the attempt loses none.

    Each command writes to a sink of its own; Boreas's own lines go to `say` and `write`. Enter the writer before the
    first line; leaving it waits until the last one is written. Once the log has reached its limit, a last line says so,
    and the output of commands is dropped; Boreas's own lines are still written.
    """

    def __init__(self, runtime: Runtime, task: Task, worker: str, masker: Masker | None = None) -> None:
        self._runtime = runtime
        self._task = task
        self._worker = worker
        self._masker = masker or Masker()
        self._cleaners: dict[tuple[int, Stream], OutputCleaner] = {}
        self._levels: dict[tuple[int, Stream], LogLevel] = {}
        self._pending: list[NewLine] = []
        self._pending_bytes = 0
        self._bytes = task.log_bytes
        self._truncated = task.logs_truncated
        self._has_lines = asyncio.Event()
        self._has_room = asyncio.Event()
        self._flush_now = asyncio.Event()
        self._has_room.set()
        self._closing = False
        self._last_number: int | None = None
        self._uncertain = True

    async def __aenter__(self) -> Self:
        self._writing = asyncio.create_task(self._write_all(), name=f"logs of {self._task.id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(LeaseLostError):
            for key, cleaner in self._cleaners.items():
                await self._append(key, await cleaner.finish())
        self._closing = True
        self._flush_now.set()
        self._has_lines.set()
        await asyncio.wait([self._writing])
        self._writing.result()

    def sink(self, prefix: str = "") -> LogSink:
        """Return a sink for the output of one command. `prefix` tells its lines from those of other commands."""
        source = len(self._cleaners) + 1

        async def write(stream: Stream, lines: Sequence[str]) -> None:
            await self._accept((source, stream), prefix, lines)

        for stream in (Stream.STDOUT, Stream.STDERR):
            self._cleaners[source, stream] = OutputCleaner(self._masker, prefix)
        return write

    async def write(self, stream: Stream, lines: Sequence[str]) -> None:
        """Take lines; wait while many are unwritten. Raises LeaseLostError."""
        await self._accept((0, stream), "", lines)

    async def say(self, message: str) -> None:
        """Write a line of Boreas's own."""
        await self.write(Stream.SYSTEM, [message])

    async def _accept(self, key: tuple[int, Stream], prefix: str, lines: Sequence[str]) -> None:
        if self._writing.done():
            self._writing.result()
        await self._has_room.wait()
        if not lines or (self._truncated and key[1] is not Stream.SYSTEM):
            return
        cleaner = self._cleaners.setdefault(key, OutputCleaner(self._masker, prefix))
        await self._append(key, await cleaner.clean(lines))

    async def _append(self, key: tuple[int, Stream], texts: Sequence[tuple[str, bool]]) -> None:
        """Queue texts for writing. One that continues the line before has that line's level."""
        now = self._runtime.clock.now()
        stream, level = key[1], self._levels.get(key, LogLevel.INFO)
        for start in range(0, len(texts), LINES_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            for text, continues in texts[start : start + LINES_AT_ONCE]:
                messages = split_message(text)
                if not continues:
                    level = level_of(messages[0], stream)
                for message in messages:
                    if self._fits(stream, message):
                        self._pending.append(NewLine(now, level, message))
        self._levels[key] = level
        self._has_lines.set()
        if len(self._pending) >= BATCH_LINES or self._pending_bytes >= BATCH_BYTES:
            self._flush_now.set()
            self._has_room.clear()

    def _fits(self, stream: Stream, message: str) -> bool:
        """Count a line, and return whether the log has room for it. The first line without room adds a notice."""
        size = _size(message)
        if stream is not Stream.SYSTEM:
            if self._truncated:
                return False
            if self._bytes + size > self._runtime.log_bytes:
                self._truncated = True
                limit = f"{self._runtime.log_bytes / MIB:.3g} MiB"
                notice = f"WARN: the log of this task has reached its limit of {limit}: further output is dropped."
                self._pending.append(NewLine(self._runtime.clock.now(), LogLevel.WARN, notice))
                self._pending_bytes += _size(notice)
                return False
        self._bytes += size
        self._pending_bytes += size
        return True

    async def _write_all(self) -> None:
        try:
            while self._pending or not self._closing:
                await self._has_lines.wait()
                self._has_lines.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(FLUSH_SECONDS):
                        await self._flush_now.wait()
                if not self._closing:
                    self._flush_now.clear()
                while self._pending:
                    await self._write_batch(*self._next_batch())
                    if len(self._pending) < BATCH_LINES and self._pending_bytes < BATCH_BYTES:
                        self._has_room.set()
        finally:
            self._has_room.set()

    def _next_batch(self) -> tuple[list[NewLine], int]:
        """Take the lines of the next write, at least one, and return them with their size."""
        count = total = 0
        for line in self._pending[:BATCH_LINES]:
            size = _size(line.message)
            if count and total + size > BATCH_BYTES:
                break
            count, total = count + 1, total + size
        batch, self._pending = self._pending[:count], self._pending[count:]
        self._pending_bytes -= total
        return batch, total

    async def _write_batch(self, batch: Sequence[NewLine], size: int) -> None:
        first = await retry_while_away(lambda: self._store(batch, size))
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

    async def _store(self, batch: Sequence[NewLine], size: int) -> int:
        """Store lines, unless a lost answer hid that they are stored. Return the number of the first one."""
        task, worker = self._task, self._worker
        if self._uncertain:
            stored = await logs.last(task.id, task.attempt, worker)
            if stored is None:
                raise self._lease_lost()
            if self._last_number is None:
                self._last_number = stored
            if stored == self._last_number + len(batch):
                self._uncertain, self._last_number = False, stored
                return stored - len(batch) + 1
        self._uncertain = True
        first = await logs.append(task.id, task.attempt, worker, batch, size=size, truncated=self._truncated)
        if first is None:
            raise self._lease_lost()
        self._uncertain, self._last_number = False, first + len(batch) - 1
        return first

    def _lease_lost(self) -> LeaseLostError:
        return LeaseLostError(f"attempt {self._task.attempt} of {self._task.id} is no longer held by {self._worker}")


def _size(message: str) -> int:
    """Return what a line counts towards the limit, in bytes."""
    return LINE_BYTES + (len(message) if message.isascii() else len(message.encode()))
