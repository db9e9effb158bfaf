"""Log lines: what is stored of what a command prints."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from app.core import escapes
from app.core.log_levels import LogLevel


class LinePart(str):
    """A part of a printed line: it `continues` the part before, unless it is the first, and `goes_on`, unless the last.

    A part that goes on may be the last nevertheless, where nothing but the line's end follows.
    """

    __slots__ = ("continues", "goes_on")
    continues: bool
    goes_on: bool

    def __new__(cls, text: str, *, continues: bool, goes_on: bool) -> "LinePart":
        """Return a text with its place in its line."""
        made = super().__new__(cls, text)
        made.continues, made.goes_on = continues, goes_on
        return made


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
"""How many lines are looked through for those that pass a filter, before whoever asks must ask again."""


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Which lines are wanted: None admits all. `contains` ignores case, and escape sequences within a line."""

    levels: tuple[LogLevel, ...] | None = None
    contains: str | None = None
    attempt: int | None = None

    @property
    def open(self) -> bool:
        """Whether every line passes."""
        return self.levels is None and self.contains is None and self.attempt is None

    @property
    def reach(self) -> int:
        """How many lines can be looked through at once: a tenth of a second's worth."""
        return TEXT_REACH if self.contains is not None else LEVEL_REACH

    @cached_property
    def _wanted(self) -> str:
        return _lower(self.contains or "")

    def admits(self, line: LogLine) -> bool:
        """Tell whether a line passes, as a query would."""
        return (
            (self.levels is None or line.level in self.levels)
            and (self.contains is None or self._wanted in _lower(escapes.strip(line.message)))
            and (self.attempt is None or line.attempt == self.attempt)
        )


@dataclass(frozen=True, slots=True)
class TaskLogLine:
    """A line in the order of its deployment; `position` counts from 1 within it, over all tasks."""

    position: int
    task_id: str
    line: LogLine


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRange:
    """Which part of a log: up to `limit` lines between two numbers, counted from the oldest end or the newest."""

    limit: int
    after: int = 0
    before: int | None = None
    oldest: bool = True

    def within(self, reach: int, last: int) -> "LogRange":
        """Return what can be looked through of it in a log of `last` lines, from the end that it is counted from."""
        if self.oldest:
            end = self.after + reach + 1
            return self if last < end else replace(self, before=end if self.before is None else min(end, self.before))
        begin = (last + 1 if self.before is None else min(self.before, last + 1)) - reach - 1
        return replace(self, after=max(self.after, begin))


MAX_MESSAGE = 8192
"""Characters of one stored line; longer ones are split, not dropped."""


PORTION = 256_000
"""Characters that a feed sends at once: whoever is slow is not sent megabytes in one message."""


def batch_size(lines: Sequence[LogLine]) -> int:
    """Return how many of some lines go into one message: at least one, where there is any."""
    size = 0
    for count, line in enumerate(lines):
        size += len(line.message)
        if count and size > PORTION:
            return count
    return len(lines)


def _lower(text: str) -> str:
    """Lower each character by itself, as PostgreSQL does: Python lowers a Greek sigma by where it stands."""
    return "".join(map(str.lower, text))


_CONTROL = re.compile("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


def stored_messages(text: str) -> Sequence[str]:
    """Return what is stored of one printed line: control characters made visible, cut to `MAX_MESSAGE` characters.

    PostgreSQL can not hold NUL in text, and a terminal must not be steered by a log: both become U+FFFD. Of escape
    sequences colours and links stay, as consoles can show them. A carriage return ends what a progress bar overwrote.
    """
    if len(text) <= MAX_MESSAGE and text.isprintable():
        return (text,)
    return split_message(escapes.clean(text.rstrip("\r\n")).text)


def split_message(text: str) -> Sequence[str]:
    """Return what is stored of one printed line that has no other escape sequences than those that are kept."""
    if len(text) <= MAX_MESSAGE and text.isprintable():
        return (text,)
    if "\r" in text:
        text = text.rstrip("\r").rsplit("\r", 1)[-1]
    clean = _CONTROL.sub("�", text)
    if len(clean) <= MAX_MESSAGE:
        return (clean,)
    found, start = [], 0
    while len(clean) - start > MAX_MESSAGE:
        end = escapes.cut_position(clean, start, MAX_MESSAGE)
        found.append(clean[start:end])
        start = end
    return [*found, clean[start:]]
