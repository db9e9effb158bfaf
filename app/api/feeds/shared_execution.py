"""One execution of a subscription, its last messages, and the subscribers that read them."""

import asyncio
import logging
from contextlib import aclosing
from typing import Protocol

from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from app.api.context import Context
from app.api.encoding import encode_body, result_body
from app.api.feeds.message_buffer import MessageBuffer
from app.api.feeds.shared_operation import SharedOperation
from app.api.feeds.subscriber import Cursor, Message, Subscriber
from app.api.schema_class import Schema
from app.core.access import Principal

logger = logging.getLogger(__name__)

MAX_AHEAD = 16
"""Messages that are produced ahead of the fastest subscriber."""
SUBSCRIBERS_PER_TURN = 500
"""Subscribers that get a message before other tasks run: a few milliseconds."""
LINGER_SECONDS = 5.0
"""How long an execution without subscribers goes on: clients with a broken connection come back to it."""

Key = tuple[SharedOperation, Principal]
"""The operation and its access: that of all with the same grants, or of one actor if it is personal."""


class Executions(Protocol):
    """The executions of a process, as one of them sees them."""

    schema: Schema

    def context(self, principal: Principal) -> Context:
        """Return a context with the access of a principal."""
        ...

    def count_bytes(self, change: int) -> None:
        """Count how much larger or smaller a buffer has become."""
        ...

    def find_successor(self, execution: "SharedExecution") -> "Successor | None":
        """Return the execution that the subscribers of another one can go on with."""
        ...

    def limit_buffers(self) -> None:
        """Drop messages while all executions together buffer too much."""
        ...

    def remove(self, execution: "SharedExecution") -> None:
        """Forget an execution that has ended."""
        ...


class SharedExecution:
    """One execution of a subscription, its last messages, and its subscribers."""

    def __init__(self, executions: Executions, key: Key, actor_id: str, start: Cursor) -> None:
        self.key = key
        self.actor_id = actor_id
        self.buffer = MessageBuffer(start, executions.count_bytes)
        self.ended = False
        self.refused = False
        self.broken = False
        self.discarded = False
        self.successor: Successor | None = None
        self._executions = executions
        self._subscribers: set[Subscriber] = set()
        self._advanced = asyncio.Event()
        self._task: asyncio.Task[None] | None = asyncio.create_task(self._run(), name="shared feed")

    @property
    def idle(self) -> bool:
        """Whether it has no subscribers."""
        return not self._subscribers

    @property
    def finished(self) -> bool:
        """Whether neither this execution nor its successors produce more messages."""
        return self.ended or (self.successor is not None and self.successor[0].finished)

    def seq_behind(self, cursor: Cursor) -> int | None:
        """Return the number of the first message behind a cursor, None when it is not buffered."""
        return None if self.finished else self.buffer.seq_behind(cursor)

    def seq_to_continue(self, cursor: Cursor) -> int | None:
        """Return the number of the message behind a cursor, which may not be produced yet."""
        return None if self.ended or self.successor is not None else self.buffer.seq_to_continue(cursor)

    def add(self, subscriber: Subscriber, seq: int) -> None:
        """Add a subscriber that reads from a message on."""
        subscriber.seq = seq
        self._subscribers.add(subscriber)
        self._advanced.set()

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a subscriber. The last one ends the execution, after `LINGER_SECONDS`."""
        self._subscribers.discard(subscriber)
        if not self._subscribers and self.ended:
            self._clear()
        elif not self._subscribers:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._discard_if_idle)

    def take(self, subscriber: Subscriber) -> Message:
        """Return a subscriber's next message, and move the subscriber on."""
        message = self.buffer.get(subscriber.seq)
        subscriber.seq += 1
        subscriber.cursor = message.end
        self._advanced.set()
        return message

    async def close(self) -> None:
        """Cancel the execution, and wait for its end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def discard(self) -> None:
        """Cancel an execution that has no subscribers."""
        self.discarded = True
        if self._task is not None:
            self._task.cancel()
        self._executions.remove(self)
        self._clear()

    def _discard_if_idle(self) -> None:
        if self.idle:
            self.discard()

    def _clear(self) -> None:
        """Drop all messages, and the reference to the successor."""
        self.buffer.clear()
        self.successor = None

    async def _run(self) -> None:
        try:
            await self._execute()
        except Exception:
            self.broken = True
            logger.exception("a shared feed failed; its subscribers have to reconnect")
        finally:
            # A cancelled task keeps its frames, and these would keep the execution.
            self._task = None
            self.ended = self.successor is None
            for subscriber in self._subscribers:
                subscriber.wake()
            if self.ended:
                self._executions.remove(self)
                if not self._subscribers:
                    self._clear()

    async def _execute(self) -> None:
        """Produce messages until the feed ends, or until an older execution can serve the subscribers."""
        operation, principal = self.key
        context = self._executions.context(principal)
        schema = self._executions.schema
        await schema.documents.load(operation.text)
        results = await schema.stream(
            operation.text,
            variable_values=operation.variables_behind(self.buffer.start),
            context_value=context,
            operation_name=operation.operation_name,
        )
        async with aclosing(results):
            async for result in results:
                if isinstance(result, PreExecutionError) or not isinstance(result, ExecutionResult):
                    self.refused = True
                    return
                end = context.position.cursor if context.position.cursor is not None else self.buffer.cursor
                await self._publish(Message(self.buffer.cursor, end, encode_body(result_body(result)) + b"}"))
                self.successor = self._executions.find_successor(self)
                if self.successor is not None:
                    return
                await self._wait_for_subscribers()

    async def _publish(self, message: Message) -> None:
        """Buffer a message, and deliver it to the subscribers that wait for it."""
        seq = self.buffer.next_seq
        self.buffer.append(message)
        self._executions.limit_buffers()
        subscribers = tuple(self._subscribers)
        for begin in range(0, len(subscribers), SUBSCRIBERS_PER_TURN):
            if begin:
                await asyncio.sleep(0)
            for subscriber in subscribers[begin : begin + SUBSCRIBERS_PER_TURN]:
                if not begin or subscriber in self._subscribers:
                    subscriber.deliver(message, seq)

    async def _wait_for_subscribers(self) -> None:
        """Wait until a subscriber is at most `MAX_AHEAD` messages behind, or there is none."""
        while self._subscribers and not any(
            self.buffer.next_seq - subscriber.seq <= MAX_AHEAD for subscriber in self._subscribers
        ):
            self._advanced.clear()
            await self._advanced.wait()


Successor = tuple[SharedExecution, int]
"""An execution that has the same messages, and the number of the one to go on with."""
