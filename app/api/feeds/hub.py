"""Live feeds of many subscribers: one execution and one encoding for all that watch the same.

A group executes one subscription from one position and keeps the last parts that came of it, encoded. A subscriber
reads the parts of a group at its own pace; one that falls out of what is kept, or comes with a cursor that no group
has, gets a group that starts there and catches up. Where a group comes to a position that an older one has, its
subscribers go over to the older one, at the seam between two parts: nothing is left out and nothing comes twice.

Subscribers that wait for a part are handed it one after another, where they can take it so; the others wake up for it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable

from app.api.access_watch import Watch
from app.api.context import Context, Position
from app.api.feeds.shared_execution import Key, SharedExecution
from app.api.feeds.shared_operation import SharedOperation
from app.api.feeds.subscriber import Cursor, Sink, Subscriber
from app.api.schema_class import Schema
from app.core.access import Principal
from app.services.runtime import Runtime

KEPT_BYTES_IN_ALL = 64_000_000
"""What all groups of a process keep together: whose parts went is served from the database, as one who is behind."""
GROUPS_EACH = 1000
"""How many groups one actor can begin. What goes beyond is executed for its subscriber alone."""


class NotSharedError(Exception):
    """The operation can not begin, or not go on, behind `position`: the ordinary way says why."""

    def __init__(self, position: Cursor) -> None:
        super().__init__("refused")
        self.position = position


class AccessLostError(Exception):
    """The token of a subscriber is not valid any more."""


class FeedBrokenError(Exception):
    """The execution failed in a way that nobody expected: who comes back goes on from the last cursor."""


class FeedHub:
    """The shared feeds of one API process."""

    def __init__(self, schema: Schema, runtime: Runtime, context: Callable[[Principal, Position], Context]) -> None:
        self.schema = schema
        self._watch = Watch(runtime)
        self._context = context
        self._groups: dict[Key, list[SharedExecution]] = {}
        self._begun: Counter[str] = Counter()
        self.bytes = 0

    def context(self, principal: Principal) -> Context:
        """Return the context of a group, whose access is that of all who read it."""
        return self._context(principal, Position())

    async def principal(self, secret: str) -> Principal | None:
        """Return who comes with a token, as of a second ago at the most."""
        return await self._watch.principal(secret)

    async def read(
        self, operation: SharedOperation, principal: Principal, secret: str, position: Cursor, push: Sink | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the payloads behind a position, except those that `push` delivers, and end when the feed has ended.

        Raises NotSharedError when the operation is refused as a whole, AccessLostError when the token is not valid any
        more, FeedBrokenError when the execution has failed.
        """
        reader = Subscriber(position, push)
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
                        group = self._forward(group, operation, reader.principal or principal, reader)
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

    def _forward(
        self, group: SharedExecution, operation: SharedOperation, principal: Principal, reader: Subscriber
    ) -> SharedExecution:
        """Leave a group for the one that goes on with it, unless that was closed meanwhile. Raises NotSharedError."""
        following = group.forward
        group.leave(reader)
        if following is None or following[0].closed:
            return self._enter(operation, principal, reader)
        following[0].enter(reader, following[1])
        return following[0]

    def _enter(self, operation: SharedOperation, principal: Principal, reader: Subscriber) -> SharedExecution:
        """Enter the group that has what follows a reader's position, or else a new one. Raises NotSharedError."""
        key = (operation, principal.without_token() if operation.personal else principal.as_anybody())
        groups = self._groups.setdefault(key, [])
        for group in groups:
            seq = group.serves(reader.position)
            if seq is not None:
                group.enter(reader, seq)
                return group
        actor_id = principal.actor.id
        if self._begun[actor_id] >= GROUPS_EACH:
            if not groups:
                del self._groups[key]
            raise NotSharedError(reader.position)
        self._begun[actor_id] += 1
        group = SharedExecution(self, key, actor_id, reader.position)
        groups.append(group)
        group.enter(reader, 0)
        return group

    def older(self, group: SharedExecution) -> tuple[SharedExecution, int] | None:
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

    def make_room(self) -> None:
        """Keep less where all groups together keep too much: first nothing that nobody reads."""
        if self.bytes <= KEPT_BYTES_IN_ALL:
            return
        groups = [group for groups in self._groups.values() for group in groups]
        for group in groups:
            if group.idle and self.bytes > KEPT_BYTES_IN_ALL:
                group.end()
        for group in sorted(groups, key=lambda group: group.bytes, reverse=True):
            while self.bytes > KEPT_BYTES_IN_ALL and group.bytes * len(groups) > KEPT_BYTES_IN_ALL and group.shrink():
                pass

    def forget(self, group: SharedExecution) -> None:
        """Remove a group that nobody reads any more."""
        groups = self._groups.get(group.key, [])
        if group in groups:
            groups.remove(group)
            self._begun[group.actor_id] -= 1
            if not self._begun[group.actor_id]:
                del self._begun[group.actor_id]
        if not groups:
            self._groups.pop(group.key, None)
