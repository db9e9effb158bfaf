"""A group of subscribers: one execution of a subscription, the last parts of it, and those who read them."""

import asyncio
import logging
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from app.api.feeds.shared_operation import SharedOperation
from app.api.feeds.subscriber import Cursor, Message, Subscriber
from app.core.access import Principal

if TYPE_CHECKING:
    from app.api.feeds.hub import FeedHub

logger = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode

KEPT = 256
KEPT_BYTES = 4_000_000
"""What a group keeps of its parts. Who falls further behind is served from the database."""
AHEAD = 16
"""How many parts a group is ahead of its fastest subscriber at most: what nobody takes is not made."""
SLICE = 500
"""To how many subscribers a part is handed before others have their turn: a few milliseconds."""
LINGER_SECONDS = 5.0
"""How long a group without subscribers goes on: those whose connection broke come back to it."""

Key = tuple[SharedOperation, Principal]
"""What is executed, and for whom: anybody with the same access, or one actor where it depends on who asks."""


class SharedExecution:
    """One execution of a subscription, and those who read what comes of it."""

    def __init__(self, live: "FeedHub", key: Key, actor_id: str, start: Cursor) -> None:
        self.key = key
        self.actor_id = actor_id
        self.bytes = 0
        self.start = start
        self.position = start
        self.parts: deque[Message] = deque()
        self.base = 0
        self.ended = False
        self.refused = False
        self.broken = False
        self.closed = False
        self.forward: tuple[SharedExecution, int] | None = None
        self._live = live
        self._where: dict[Cursor, int] = {}
        self._readers: set[Subscriber] = set()
        self._taken = asyncio.Event()
        self._task: asyncio.Task[None] | None = asyncio.create_task(self._run(), name="shared feed")

    @property
    def next_seq(self) -> int:
        """The number of the part that comes next."""
        return self.base + len(self.parts)

    @property
    def over(self) -> bool:
        """Whether nothing comes any more, here or where its subscribers go on."""
        return self.ended or (self.forward is not None and self.forward[0].over)

    def serves(self, position: Cursor) -> int | None:
        """Return the number of the part that follows a position, None where it is not kept or may not be the last."""
        if self.over:
            return None
        return 0 if position == self.start and self.base == 0 else self._where.get(position)

    def meets(self, position: Cursor) -> int | None:
        """Return the number of the part with which one goes on who has everything up to a position."""
        if self.ended or self.forward is not None:
            return None
        return self.next_seq if position == self.position and self.next_seq else self._where.get(position)

    def enter(self, reader: Subscriber, seq: int) -> None:
        """Begin to read at a part."""
        reader.seq = seq
        self._readers.add(reader)
        self._taken.set()

    def leave(self, reader: Subscriber) -> None:
        """Read no more."""
        self._readers.discard(reader)
        if not self._readers and self.ended:
            self._clear()
        elif not self._readers:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._close_if_idle)

    def took(self, reader: Subscriber) -> Message:
        """Return the part that a reader is at, and move it on."""
        part = self.parts[reader.seq - self.base]
        reader.seq += 1
        reader.position = part.end
        self._taken.set()
        return part

    async def close(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    @property
    def idle(self) -> bool:
        """Whether nobody reads it."""
        return not self._readers

    def shrink(self) -> bool:
        """Keep half of the parts, but one at the least; return whether any went."""
        going = len(self.parts) // 2
        for _ in range(going):
            self._drop()
        return going > 0

    def end(self) -> None:
        """End it: it is not read by anybody."""
        self.closed = True
        if self._task is not None:
            self._task.cancel()
        self._live.forget(self)
        self._clear()

    def _close_if_idle(self) -> None:
        if not self._readers:
            self.end()

    def _clear(self) -> None:
        """Let go of what was kept, and of what holds this: nobody comes back to it."""
        self.parts.clear()
        self._where.clear()
        self._live.bytes -= self.bytes
        self.bytes = 0
        self.forward = None

    async def _run(self) -> None:
        try:
            await self._execute()
        except Exception:
            self.broken = True
            logger.exception("a shared feed failed; its subscribers are told to come back")
        finally:
            # A cancelled task holds its frames, and these would hold the group.
            self._task = None
            self.ended = self.forward is None
            for reader in self._readers:
                reader.wake()
            if self.ended:
                self._live.forget(self)
                if not self._readers:
                    self._clear()

    async def _execute(self) -> None:
        operation, principal = self.key
        context = self._live.context(principal)
        await self._live.schema.documents.load(operation.text)
        stream = await self._live.schema.stream(
            operation.text,
            variable_values=operation.given(self.start),
            context_value=context,
            operation_name=operation.operation_name,
        )
        async with aclosing(stream):
            async for result in stream:
                if isinstance(result, PreExecutionError) or not isinstance(result, ExecutionResult):
                    self.refused = True
                    return
                end = context.position.cursor if context.position.cursor is not None else self.position
                await self._add(Message(self.position, end, encode(result) + b"}"))
                self.forward = self._live.older(self)
                if self.forward is not None:
                    return
                await self._pace()

    async def _add(self, part: Message) -> None:
        seq = self.next_seq
        if part.end != part.start:
            self._where[part.start] = seq
        self.parts.append(part)
        self.position = part.end
        self.bytes += len(part.ending)
        self._live.bytes += len(part.ending)
        while len(self.parts) > KEPT or (self.bytes > KEPT_BYTES and len(self.parts) > 1):
            self._drop()
        self._live.make_room()
        readers = tuple(self._readers)
        for begin in range(0, len(readers), SLICE):
            if begin:
                await asyncio.sleep(0)
            for reader in readers[begin : begin + SLICE]:
                if not begin or reader in self._readers:
                    reader.hand(part, seq)

    def _drop(self) -> None:
        dropped = self.parts.popleft()
        self.base += 1
        self.bytes -= len(dropped.ending)
        self._live.bytes -= len(dropped.ending)
        if dropped.end != dropped.start:
            self._where.pop(dropped.start, None)

    async def _pace(self) -> None:
        while self._readers and not any(self.next_seq - reader.seq <= AHEAD for reader in self._readers):
            self._taken.clear()
            await self._taken.wait()


def encode(result: ExecutionResult) -> bytes:
    """Return a result as the payload of a message."""
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    return _encode(payload)
