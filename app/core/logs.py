"""Log lines: the stored form of what a command prints."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from app.core import escapes
from app.core.log_levels import LogLevel


class LinePart(str):
    """A part of a printed line. It `continues` an earlier part, and it `goes_on` in a later one.

    A part that goes on is the last one after all if only the line's end follows.
    """

    __slots__ = ("continues", "goes_on")
    continues: bool
    goes_on: bool

    def __new__(cls, text: str, *, continues: bool, goes_on: bool) -> "LinePart":
        """Return a text with its position in its line."""
        part = super().__new__(cls, text)
        part.continues, part.goes_on = continues, goes_on
        return part


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line as it is stored; `number` counts from 1 within its task."""

    number: int
    timestamp: datetime
    level: LogLevel
    message: str
    attempt: int


LEVEL_REACH = 1_000_000
TEXT_REACH = 100_000
"""Lines that one request searches for matches; the client asks again for the next lines."""


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Which lines a list contains; None admits all. `contains` ignores case and escape sequences."""

    levels: tuple[LogLevel, ...] | None = None
    contains: str | None = None
    attempt: int | None = None

    @property
    def open(self) -> bool:
        """Tell whether every line matches."""
        return self.levels is None and self.contains is None and self.attempt is None

    @property
    def reach(self) -> int:
        """The number of lines that one request searches: about a tenth of a second of work."""
        return TEXT_REACH if self.contains is not None else LEVEL_REACH

    @cached_property
    def _lower_contains(self) -> str:
        return _lower(self.contains or "")

    def admits(self, line: LogLine) -> bool:
        """Tell whether a line matches, by the same rules as a query."""
        return (
            (self.levels is None or line.level in self.levels)
            and (self.contains is None or self._lower_contains in _lower(escapes.strip(line.message)))
            and (self.attempt is None or line.attempt == self.attempt)
        )


@dataclass(frozen=True, slots=True)
class TaskLogLine:
    """A line in the order of its deployment; `position` counts the lines of all its tasks from 1."""

    position: int
    task_id: str
    line: LogLine


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRange:
    """A range of a log: up to `limit` lines between two numbers, from the oldest or the newest end."""

    limit: int
    after: int = 0
    before: int | None = None
    oldest: bool = True

    def within(self, reach: int, last: int) -> "LogRange":
        """Limit the range to `reach` lines from the end that it counts from, in a log of `last` lines."""
        if self.oldest:
            end = self.after + reach + 1
            return self if last < end else replace(self, before=end if self.before is None else min(end, self.before))
        begin = (last + 1 if self.before is None else min(self.before, last + 1)) - reach - 1
        return replace(self, after=max(self.after, begin))


MAX_MESSAGE = 8192
"""Characters of one stored line; longer ones are split, not dropped."""


MAX_BATCH = 256_000
"""Characters of one feed message, so that slow subscribers do not get megabytes at once."""


def batch_size(lines: Sequence[LogLine]) -> int:
    """Return how many of the lines fit into one message; at least one if there are any."""
    size = 0
    for count, line in enumerate(lines):
        size += len(line.message)
        if count and size > MAX_BATCH:
            return count
    return len(lines)


def _lower(text: str) -> str:
    """Lower each character by itself, as PostgreSQL does; Python lowers a Greek sigma by its position."""
    return "".join(map(str.lower, text))


_CONTROL = re.compile("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


def stored_messages(text: str) -> Sequence[str]:
    """Return the stored messages of one printed line, each of up to `MAX_MESSAGE` characters.

    Control characters become U+FFFD: PostgreSQL cannot store NUL, and a log must not control a terminal. Only colours
    and links stay of escape sequences. Text before a carriage return is dropped, as a progress bar overwrote it.
    """
    if len(text) <= MAX_MESSAGE and text.isprintable():
        return (text,)
    return split_message(escapes.clean(text.rstrip("\r\n")).text)


def split_message(text: str) -> Sequence[str]:
    """Return the stored messages of one line that has no other escape sequences than colours and links."""
    if len(text) <= MAX_MESSAGE and text.isprintable():
        return (text,)
    if "\r" in text:
        text = text.rstrip("\r").rsplit("\r", 1)[-1]
    clean = _CONTROL.sub("�", text)
    if len(clean) <= MAX_MESSAGE:
        return (clean,)
    messages, start = [], 0
    while len(clean) - start > MAX_MESSAGE:
        end = escapes.cut_position(clean, start, MAX_MESSAGE)
        messages.append(clean[start:end])
        start = end
    return [*messages, clean[start:]]
