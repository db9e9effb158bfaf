"""Live feeds of many subscribers: one execution and one encoding for all that watch the same.

A group executes one subscription from one position and keeps the last parts that came of it, encoded. A subscriber
reads the parts of a group at its own pace; one that falls out of what is kept, or comes with a cursor that no group
has, gets a group that starts there and catches up. Where a group comes to a position that an older one has, its
subscribers go over to the older one, at the seam between two parts: nothing is left out and nothing comes twice.

Subscribers that wait for a part are handed it one after another, where they can take it so; the others wake up for it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

import msgspec
import strawberry
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from app.api.context import Context, Position
from app.api.parts import Part, Place, Push, Reader
from app.api.shareable import Shareable
from app.api.watch import Watch
from app.core.access import Grant, Principal
from app.core.errors import Role
from app.services.runtime import Runtime

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

Key = tuple[Shareable, tuple[Grant, ...], tuple[Role, ...]]


class NotSharedError(Exception):
    """The operation can not begin, or not go on, behind `position`: the ordinary way says why."""

    def __init__(self, position: Place) -> None:
        super().__init__("refused")
        self.position = position


class AccessLostError(Exception):
    """The token of a subscriber is not valid any more."""


class FeedBrokenError(Exception):
    """The execution failed in a way that nobody expected: who comes back goes on from the last cursor."""


class Group:
    """One execution of a subscription, and those who read what comes of it."""

    def __init__(self, live: "Live", key: Key, principal: Principal, start: Place) -> None:
        self.key = key
        self.start = start
        self.position = start
        self.parts: deque[Part] = deque()
        self.base = 0
        self.ended = False
        self.refused = False
        self.broken = False
        self.forward: tuple[Group, int] | None = None
        self._live = live
        self._principal = principal
        self._where: dict[Place, int] = {}
        self._bytes = 0
        self._readers: set[Reader] = set()
        self._taken = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="shared feed")

    @property
    def next_seq(self) -> int:
        """The number of the part that comes next."""
        return self.base + len(self.parts)

    @property
    def over(self) -> bool:
        """Whether nothing comes any more, here or where its subscribers go on."""
        return self.ended or (self.forward is not None and self.forward[0].over)

    def serves(self, position: Place) -> int | None:
        """Return the number of the part that follows a position, None where it is not kept or may not be the last."""
        if self.over:
            return None
        return 0 if position == self.start and self.base == 0 else self._where.get(position)

    def meets(self, position: Place) -> int | None:
        """Return the number of the part with which one goes on who has everything up to a position."""
        if self.ended or self.forward is not None:
            return None
        return self.next_seq if position == self.position and self.next_seq else self._where.get(position)

    def enter(self, reader: Reader, seq: int) -> None:
        """Begin to read at a part."""
        reader.seq = seq
        self._readers.add(reader)
        self._taken.set()

    def leave(self, reader: Reader) -> None:
        """Read no more."""
        self._readers.discard(reader)
        if not self._readers:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._close_if_idle)

    def took(self, reader: Reader) -> Part:
        """Return the part that a reader is at, and move it on."""
        part = self.parts[reader.seq - self.base]
        reader.seq += 1
        reader.position = part.end
        self._taken.set()
        return part

    async def close(self) -> None:
        """End it."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def _close_if_idle(self) -> None:
        if not self._readers:
            self._task.cancel()
            self._live.forget(self)

    async def _run(self) -> None:
        try:
            await self._execute()
        except Exception:
            self.broken = True
            logger.exception("a shared feed failed; its subscribers are told to come back")
        finally:
            self.ended = self.forward is None
            for reader in self._readers:
                reader.wake()
            if self.ended:
                self._live.forget(self)

    async def _execute(self) -> None:
        context = self._live.context(self._principal)
        operation = self.key[0]
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
                await self._add(Part(self.position, end, encode(result) + b"}"))
                self.forward = self._live.older(self)
                if self.forward is not None:
                    return
                await self._pace()

    async def _add(self, part: Part) -> None:
        seq = self.next_seq
        if part.end != part.start:
            self._where[part.start] = seq
        self.parts.append(part)
        self.position = part.end
        self._bytes += len(part.ending)
        while len(self.parts) > KEPT or (self._bytes > KEPT_BYTES and len(self.parts) > 1):
            dropped = self.parts.popleft()
            self.base += 1
            self._bytes -= len(dropped.ending)
            if dropped.end != dropped.start:
                self._where.pop(dropped.start, None)
        readers = tuple(self._readers)
        for begin in range(0, len(readers), SLICE):
            if begin:
                await asyncio.sleep(0)
            for reader in readers[begin : begin + SLICE]:
                if not begin or reader in self._readers:
                    reader.hand(part, seq)

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


class Live:
    """The shared feeds of one API process."""

    def __init__(
        self, schema: strawberry.Schema, runtime: Runtime, context: Callable[[Principal, Position], Context]
    ) -> None:
        self.schema = schema
        self._watch = Watch(runtime)
        self._context = context
        self._groups: dict[Key, list[Group]] = {}

    def context(self, principal: Principal) -> Context:
        """Return the context of a group, whose access is that of all who read it."""
        return self._context(principal, Position())

    async def principal(self, secret: str) -> Principal | None:
        """Return who comes with a token, as of a second ago at the most."""
        return await self._watch.principal(secret)

    async def read(
        self, operation: Shareable, principal: Principal, secret: str, position: Place, push: Push | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the payloads behind a position, except those that `push` delivers, and end when the feed has ended.

        Raises NotSharedError when the operation is refused as a whole, AccessLostError when the token is not valid any
        more, FeedBrokenError when the execution has failed.
        """
        reader = Reader(position, push)
        with self._watch.watching(secret, principal, reader.tell):
            group = self._enter(operation, principal, reader)
            try:
                while True:
                    if reader.changed:
                        reader.changed = False
                        if reader.principal is None:
                            raise AccessLostError
                        group.leave(reader)
                        group = self._enter(operation, reader.principal, reader)
                    elif reader.seq < group.base:
                        group.leave(reader)
                        group = self._enter(operation, reader.principal or principal, reader)
                    elif reader.seq < group.next_seq:
                        yield group.took(reader).payload
                    elif group.forward is not None:
                        group.leave(reader)
                        group, seq = group.forward
                        group.enter(reader, seq)
                    elif group.refused:
                        raise NotSharedError(reader.position)
                    elif group.broken:
                        raise FeedBrokenError
                    elif group.ended:
                        return
                    else:
                        await reader.wait()
            finally:
                group.leave(reader)

    def _enter(self, operation: Shareable, principal: Principal, reader: Reader) -> Group:
        """Enter the group that has what follows a reader's position, or else a new one."""
        key = (operation, principal.grants, principal.scopes)
        groups = self._groups.setdefault(key, [])
        for group in groups:
            seq = group.serves(reader.position)
            if seq is not None:
                group.enter(reader, seq)
                return group
        group = Group(self, key, principal, reader.position)
        groups.append(group)
        group.enter(reader, 0)
        return group

    def older(self, group: Group) -> tuple[Group, int] | None:
        """Return an older group that has what a group comes to, and the number of the part to go on with."""
        for other in self._groups.get(group.key, ()):
            if other is group:
                return None
            seq = other.meets(group.position)
            if seq is not None:
                return other, seq
        return None

    async def close(self) -> None:
        """End every group, before what they read from is closed."""
        groups = [group for groups in self._groups.values() for group in groups]
        await asyncio.gather(*(group.close() for group in groups))

    def forget(self, group: Group) -> None:
        """Remove a group that nobody reads any more."""
        groups = self._groups.get(group.key, [])
        with suppress(ValueError):
            groups.remove(group)
        if not groups:
            self._groups.pop(group.key, None)
