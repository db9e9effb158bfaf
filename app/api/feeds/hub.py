"""Feeds with many subscribers: one execution and one encoding for all that follow the same.

An execution follows one subscription from one cursor and buffers its last encoded messages. Subscribers read them at
their own pace. A subscriber whose cursor no execution has gets a new one that starts there and catches up. Once the new
execution reaches a cursor that an older one has, its subscribers move to the older one. They move between two messages:
no message is lost and none comes twice.

Messages go at once to subscribers that wait for them and have a sink; the others wake up and take them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator

from app.api.access_watch import AccessWatch
from app.api.context import ApiRuntime, Context
from app.api.feeds.errors import FeedBrokenError, NotSharedError
from app.api.feeds.shared_execution import Key, SharedExecution, Successor
from app.api.feeds.shared_operation import SharedOperation
from app.api.feeds.subscriber import Cursor, Sink, Subscriber
from app.api.schema_class import Schema
from app.core.access import Principal

MAX_TOTAL_BYTES = 64_000_000
"""Bytes that all executions buffer together. Subscribers of dropped messages read from the database."""
MAX_EXECUTIONS_PER_ACTOR = 1000
"""Executions that one actor can begin. Further subscriptions are executed for their client alone."""


class FeedHub:
    """The shared feeds of one API process."""

    def __init__(self, schema: Schema, api: ApiRuntime) -> None:
        self.schema = schema
        self._buffered_bytes = 0
        self._api = api
        self._watch = AccessWatch(api.services)
        self._executions: dict[Key, list[SharedExecution]] = {}
        self._begun: Counter[str] = Counter()

    def context(self, principal: Principal) -> Context:
        """Return the context of an execution, with the access that all its subscribers have."""
        return self._api.context(principal, shared=True)

    def count_bytes(self, change: int) -> None:
        """Count how much larger or smaller a buffer has become."""
        self._buffered_bytes += change

    async def principal(self, secret: str) -> Principal | None:
        """Return the principal of a token, at most a second old."""
        return await self._watch.principal(secret)

    async def read(
        self, operation: SharedOperation, cursor: Cursor, principal: Principal, secret: str, sink: Sink | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the payloads behind a cursor, except those that the sink takes, until the feed ends.

        Raises NotSharedError, AccessLostError, FeedBrokenError.
        """
        subscriber = Subscriber(cursor, sink)
        with self._watch.watching(secret, principal, subscriber.change_access):
            execution = self._join(operation, principal, subscriber)
            try:
                while True:
                    if subscriber.access_changed or subscriber.seq < execution.buffer.first_seq:
                        principal = subscriber.take_access(principal)
                        execution.remove(subscriber)
                        execution = self._join(operation, principal, subscriber)
                    elif subscriber.seq < execution.buffer.next_seq:
                        yield execution.take(subscriber).payload
                    elif execution.successor is not None:
                        execution = self._move(execution, operation, principal, subscriber)
                    elif execution.refused:
                        raise _not_shared(operation, subscriber)
                    elif execution.broken:
                        raise FeedBrokenError
                    elif execution.ended:
                        return
                    else:
                        await subscriber.wait()
            finally:
                execution.remove(subscriber)

    def _move(
        self, execution: SharedExecution, operation: SharedOperation, principal: Principal, subscriber: Subscriber
    ) -> SharedExecution:
        """Move a subscriber to its execution's successor, unless that was discarded. Raises NotSharedError."""
        successor = execution.successor
        execution.remove(subscriber)
        if successor is None or successor[0].discarded:
            return self._join(operation, principal, subscriber)
        successor[0].add(subscriber, successor[1])
        return successor[0]

    def _join(self, operation: SharedOperation, principal: Principal, subscriber: Subscriber) -> SharedExecution:
        """Add a subscriber to an execution with its cursor, or to a new one. Raises NotSharedError."""
        key = (operation, principal.without_token() if operation.personal else principal.anonymous())
        executions = self._executions.setdefault(key, [])
        for execution in executions:
            seq = execution.seq_behind(subscriber.cursor)
            if seq is not None:
                execution.add(subscriber, seq)
                return execution
        actor_id = principal.actor.id
        if self._begun[actor_id] >= MAX_EXECUTIONS_PER_ACTOR:
            if not executions:
                del self._executions[key]
            raise _not_shared(operation, subscriber)
        self._begun[actor_id] += 1
        execution = SharedExecution(self, key, actor_id, subscriber.cursor)
        executions.append(execution)
        execution.add(subscriber, 0)
        return execution

    def find_successor(self, execution: SharedExecution) -> Successor | None:
        """Return an older execution with the cursor of another one, and the number of the next message."""
        for older in self._executions.get(execution.key, ()):
            if older is execution:
                return None
            seq = older.seq_to_continue(execution.buffer.cursor)
            if seq is not None:
                return older, seq
        return None

    async def close(self) -> None:
        """End every execution, before the database and the bus are closed."""
        await asyncio.gather(*(execution.close() for execution in self._all()))

    def limit_buffers(self) -> None:
        """Drop messages while all executions together buffer too much: first those of idle executions."""
        if self._buffered_bytes <= MAX_TOTAL_BYTES:
            return
        executions = self._all()
        for execution in executions:
            if execution.idle and self._buffered_bytes > MAX_TOTAL_BYTES:
                execution.discard()
        for execution in sorted(executions, key=lambda execution: execution.buffer.size, reverse=True):
            while (
                self._buffered_bytes > MAX_TOTAL_BYTES
                and execution.buffer.size * len(executions) > MAX_TOTAL_BYTES
                and execution.buffer.drop_half()
            ):
                pass

    def remove(self, execution: SharedExecution) -> None:
        """Forget an execution that has ended."""
        executions = self._executions.get(execution.key, [])
        if execution in executions:
            executions.remove(execution)
            self._begun[execution.actor_id] -= 1
            if not self._begun[execution.actor_id]:
                del self._begun[execution.actor_id]
        if not executions:
            self._executions.pop(execution.key, None)

    def _all(self) -> list[SharedExecution]:
        return [execution for executions in self._executions.values() for execution in executions]


def _not_shared(operation: SharedOperation, subscriber: Subscriber) -> NotSharedError:
    return NotSharedError(operation.text, operation.variables_behind(subscriber.cursor))
