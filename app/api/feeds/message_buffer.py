"""The last messages of a shared execution, numbered from 0 (`seq`) and found by their cursors."""

from collections import deque
from collections.abc import Callable

from app.api.feeds.subscriber import Cursor, Message

MAX_MESSAGES = 256
MAX_BYTES = 4_000_000
"""Limits of one buffer. A subscriber that falls further behind reads from the database."""


class MessageBuffer:
    """Messages in order. Too many drop the first ones. `on_resize` gets each change of `size`."""

    def __init__(self, start: Cursor, on_resize: Callable[[int], None]) -> None:
        self.start = start
        self.cursor = start
        """The cursor behind the last message."""
        self.first_seq = 0
        self.size = 0
        """Bytes of all messages."""
        self._messages: deque[Message] = deque()
        self._seq_behind: dict[Cursor, int] = {}
        self._on_resize = on_resize

    @property
    def next_seq(self) -> int:
        """The number of the next message to be appended."""
        return self.first_seq + len(self._messages)

    def seq_behind(self, cursor: Cursor) -> int | None:
        """Return the number of the first message behind a cursor, None when it is not buffered."""
        return 0 if cursor == self.start and self.first_seq == 0 else self._seq_behind.get(cursor)

    def seq_to_continue(self, cursor: Cursor) -> int | None:
        """Return the number of the message behind a cursor, which may not be appended yet."""
        return self.next_seq if cursor == self.cursor and self.next_seq else self._seq_behind.get(cursor)

    def get(self, seq: int) -> Message:
        """Return a buffered message."""
        return self._messages[seq - self.first_seq]

    def append(self, message: Message) -> None:
        """Append a message, and drop the first ones beyond the limits."""
        if message.end != message.start:
            self._seq_behind[message.start] = self.next_seq
        self._messages.append(message)
        self.cursor = message.end
        self._resize(len(message.suffix))
        while len(self._messages) > MAX_MESSAGES or (self.size > MAX_BYTES and len(self._messages) > 1):
            self._drop_first()

    def drop_half(self) -> bool:
        """Drop the older half of the messages, but not the last one. Return whether any was dropped."""
        count = len(self._messages) // 2
        for _ in range(count):
            self._drop_first()
        return count > 0

    def clear(self) -> None:
        """Drop all messages."""
        self._messages.clear()
        self._seq_behind.clear()
        self._resize(-self.size)

    def _drop_first(self) -> None:
        dropped = self._messages.popleft()
        self.first_seq += 1
        self._resize(-len(dropped.suffix))
        if dropped.end != dropped.start:
            self._seq_behind.pop(dropped.start, None)

    def _resize(self, change: int) -> None:
        self.size += change
        self._on_resize(change)
