"""Writes what a task prints: numbered, fenced by the attempt, in batches, at most 100 ms after it was printed."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Self

from app.core.logs import LogLine, Stream, level_of, mask, pieces
from app.ports import LONG_LINE
from app.services.patience import patiently
from app.services.runtime import Runtime
from app.store import logs
from app.store.logs import NewLine

FLUSH_SECONDS = 0.1
BATCH_LINES = 2000
"""Lines that are written at once; whoever prints more waits until they are written."""


class LeaseLostError(Exception):
    """The attempt is not this worker's any more: it may write nothing, and must end what it runs."""


class LogWriter:
    """Takes lines of one attempt and writes them from a task of its own, so that ending the attempt loses none.

    Enter it before the first line; leaving it waits until the last one is written.
    """

    def __init__(self, runtime: Runtime, task_id: str, attempt: int, worker: str, secrets: Iterable[str] = ()) -> None:
        self._runtime = runtime
        self._task_id = task_id
        self._attempt = attempt
        self._worker = worker
        self._secrets = tuple(secrets)
        self._longest = max(map(len, self._secrets), default=0)
        self._held: dict[Stream, str] = {}
        self._waiting: list[NewLine] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._hurry = asyncio.Event()
        self._room.set()
        self._closing = False
        self._last: int | None = None
        self._doubtful = True

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_all(), name=f"logs of {self._task_id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(LeaseLostError):
            for stream in list(self._held):
                await self.write(stream, [""])
        self._closing = True
        self._hurry.set()
        self._news.set()
        await asyncio.wait([self._task])
        self._task.result()

    async def write(self, stream: Stream, lines: Sequence[str]) -> None:
        """Take lines; wait when many are unwritten. Raises LeaseLostError."""
        if self._task.done():
            self._task.result()
        await self._room.wait()
        now = self._runtime.clock.now()
        for line in self._masked(stream, lines):
            stored = list(pieces(line))
            level = level_of(stored[0], stream)
            self._waiting.extend(NewLine(now, level, piece) for piece in stored)
        self._news.set()
        if len(self._waiting) >= BATCH_LINES:
            self._hurry.set()
            self._room.clear()

    def _masked(self, stream: Stream, lines: Sequence[str]) -> Iterator[str]:
        """Yield lines without secrets. The end of a piece of an endless line waits: a secret may go on in the next."""
        for line in lines:
            text = mask(self._held.pop(stream, "") + line, self._secrets)
            if self._longest > 1 and len(line) >= LONG_LINE:
                text, self._held[stream] = text[: 1 - self._longest], text[1 - self._longest :]
            yield text

    async def say(self, message: str) -> None:
        """Write a line of Boreas's own."""
        await self.write(Stream.SYSTEM, [message])

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
                    batch, self._waiting = self._waiting[:BATCH_LINES], self._waiting[BATCH_LINES:]
                    await self._write_batch(batch)
                    if len(self._waiting) < BATCH_LINES:
                        self._room.set()
        finally:
            self._room.set()

    async def _write_batch(self, batch: Sequence[NewLine]) -> None:
        first = await patiently(lambda: self._append(batch))
        numbered = [
            LogLine(first + index, line.at, line.level, line.message, self._attempt) for index, line in enumerate(batch)
        ]
        await self._runtime.bus.publish([(logs.topic(self._task_id), logs.encode(numbered))])

    async def _append(self, batch: Sequence[NewLine]) -> int:
        """Store lines, unless they were stored and only the answer was lost. Return the number of the first one."""
        if self._doubtful:
            stored = await logs.last(self._task_id, self._attempt, self._worker)
            if stored is None:
                raise self._lost()
            if self._last is None:
                self._last = stored
            if stored == self._last + len(batch):
                self._doubtful, self._last = False, stored
                return stored - len(batch) + 1
        self._doubtful = True
        first = await logs.append(self._task_id, self._attempt, self._worker, batch)
        if first is None:
            raise self._lost()
        self._doubtful, self._last = False, first + len(batch) - 1
        return first

    def _lost(self) -> LeaseLostError:
        return LeaseLostError(f"attempt {self._attempt} of {self._task_id} is not {self._worker}'s any more")
