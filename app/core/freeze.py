"""Freeze windows: the times during which no deployment of an environment starts.

A recurring window repeats in the wall time of its zone: Friday 17:00 to Monday 08:00 stays the same when the clocks
change. Where a wall time occurs twice, a window begins with the first and ends with the second. Where the clock skips
a wall time, the window begins or ends at the skip.

A calendar, passed as an argument, knows the zones and expands the recurrence rules.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol

from app.core.errors import InvalidInput, Problem
from app.core.texts import sentence
from app.core.validation import checks

MAX_WINDOWS = 100
"""Windows of one environment."""
LONGEST = timedelta(days=366)
"""The longest duration of one occurrence of a recurring window."""
REASON_SHOWN = 200
"""Characters of a window's reason in messages about waiting deployments."""
AMBIGUOUS_ZONES = frozenset({"localtime", "Factory", "posixrules"})
"""Zone names that depend on the machine, or name no zone at all."""
FIRST_YEAR, LAST_YEAR = 2000, 2199
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
AHEAD = 50
"""Occurrences to expand. A freeze that lasts through all of them has no known end."""
HORIZON = timedelta(days=3660)
"""How far ahead to expand occurrences. A freeze that lasts until then has no known end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeWindow:
    """A window as it is stored. `recurrence` is an RFC 5545 rule, None for a single window."""

    id: str
    environment_id: str
    name: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    created_at: datetime
    recurrence: str | None = None


@dataclass(frozen=True, slots=True)
class FreezeStatus:
    """Whether an environment is frozen. `window` freezes it now; of several, the one that ends last.

    While frozen, `next_end` is its end and `next_start` the start of the next freeze; otherwise both are of the next
    freeze. Adjacent windows are one freeze. None: there is no such freeze, or its end is unknown.

    `fault` says why `window` cannot be expanded. Such a window freezes until it is deleted, to be safe.
    """

    frozen: bool
    window: FreezeWindow | None = None
    next_start: datetime | None = None
    next_end: datetime | None = None
    fault: str | None = None


class UnexpandableError(Exception):
    """A stored window cannot be expanded to occurrences. The message says why."""


class Calendar(Protocol):
    """Knows time zones and expands recurrence rules. Wall times have no zone."""

    def __hash__(self) -> int:
        """Occurrences are cached by calendar."""
        ...

    def zone(self, name: str) -> tzinfo | None:
        """Return the zone of an IANA name, or None."""
        ...

    def fault(self, rule: str, first: datetime, zone: tzinfo) -> str | None:
        """Return why a rule that begins at the wall time `first` is invalid, or None."""
        ...

    def starts(self, rule: str, first: datetime, zone: tzinfo, after: datetime) -> Sequence[datetime]:
        """Return the wall times of a rule from `after` on, in order, at most AHEAD of them.

        Raises any exception for a rule that `fault` would reject.
        """
        ...


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A period during which an environment is frozen; `window` ends last of the windows that cover it."""

    starts_at: datetime
    ends_at: datetime
    window: FreezeWindow


def freeze_status(windows: Iterable[FreezeWindow], now: datetime, calendar: Calendar) -> FreezeStatus:
    """Return whether an environment with these windows is frozen, and when that changes."""
    day = _day(now)
    expanded, limits = list[Sequence[Occurrence]](), list[datetime]()
    for window in windows:
        try:
            occurrences = _occurrences(window, day, calendar)
        except UnexpandableError as error:
            return FreezeStatus(True, window, fault=str(error))
        expanded.append(occurrences)
        if window.recurrence is not None:
            limits.append(occurrences[-1].starts_at if len(occurrences) >= AHEAD else day + HORIZON)
    limit = min(limits, default=None)
    ahead = sorted(
        (item for occurrences in expanded for item in occurrences if item.ends_at > max(now, item.starts_at)),
        key=lambda item: (item.starts_at, item.window.id),
    )
    freezes = list(_merged(ahead))
    if not freezes:
        return FreezeStatus(False)
    first = freezes[0]
    end = first.ends_at if limit is None or first.ends_at <= limit else None
    if first.starts_at > now:
        return FreezeStatus(False, None, first.starts_at, end)
    active = (item for item in ahead if item.starts_at <= now)
    window = max(active, key=lambda item: (item.ends_at, item.window.id)).window
    return FreezeStatus(True, window, freezes[1].starts_at if end and len(freezes) > 1 else None, end)


def expansion_error(window: FreezeWindow, now: datetime, calendar: Calendar) -> str | None:
    """Return why a stored window cannot be expanded to occurrences, or None."""
    try:
        _occurrences(window, _day(now), calendar)
    except UnexpandableError as error:
        return str(error)
    return None


def _day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _merged(occurrences: Sequence[Occurrence]) -> Iterator[Occurrence]:
    """Merge overlapping and adjacent occurrences, given in order of their starts."""
    merged: Occurrence | None = None
    for occurrence in occurrences:
        if merged is None or occurrence.starts_at > merged.ends_at:
            if merged is not None:
                yield merged
            merged = occurrence
        elif occurrence.ends_at > merged.ends_at:
            merged = Occurrence(merged.starts_at, occurrence.ends_at, occurrence.window)
    if merged is not None:
        yield merged


@lru_cache(maxsize=1024)
def _occurrences(window: FreezeWindow, day: datetime, calendar: Calendar) -> tuple[Occurrence, ...]:
    """Return a window's occurrences that end after the start of a day, in order; a few may be earlier.

    An occurrence within a clock skip is empty. The cache lasts for the day. Raises UnexpandableError.
    """
    if window.recurrence is None:
        return (Occurrence(window.starts_at, window.ends_at, window),)
    zone = calendar.zone(window.timezone)
    if zone is None:
        raise UnexpandableError(f"there is no time zone “{window.timezone[:80]}”")
    try:
        return _repeated(window, window.recurrence, zone, day, calendar)
    except Exception as error:
        raise UnexpandableError(str(error) or type(error).__name__) from error


def _repeated(
    window: FreezeWindow, rule: str, zone: tzinfo, day: datetime, calendar: Calendar
) -> tuple[Occurrence, ...]:
    """Return the occurrences of a recurring window.

    Each lasts from one wall time to the other. If the first one begins in an hour that occurs twice and ends in the
    second pass at no later wall time, its real duration counts.
    """
    first_occurrence = Occurrence(window.starts_at, window.ends_at, window)
    first, last = _wall(window.starts_at, zone), _wall(window.ends_at, zone)
    length = last - first if last > first else window.ends_at - window.starts_at
    after = max(first, _wall(day, zone) - length - DAY)
    return tuple(
        first_occurrence if start == first else Occurrence(opening(start, zone), closing(start + length, zone), window)
        for start in calendar.starts(rule, first, zone, after)
    )


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def opening(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first moment at which the clock shows a wall time, or skips it."""
    first, second = _moments(wall, zone)
    return first if first <= second else _skip(second, first, zone)


def closing(wall: datetime, zone: tzinfo) -> datetime:
    """Return the last moment at which the clock shows a wall time, or the moment at which it skips it."""
    first, second = _moments(wall, zone)
    return second if first <= second else _skip(second, first, zone)


def _moments(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the moments of a wall time in order; in reverse order where the clock skips it."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def _skip(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """Return the moment between two at which the zone's offset changes."""
    before = low.astimezone(zone).utcoffset()
    while high - low > INSTANT:
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def validate(window: FreezeWindow, now: datetime, calendar: Calendar) -> Iterator[Problem]:
    """Yield every problem of a new window."""
    yield from checks.display_name(window.name, 100, "name")
    yield from checks.text(window.reason, "reason")
    if not window.reason.strip():
        yield InvalidInput(message="Give a reason: it is shown for every deployment that waits.", path=("reason",))
    yield from checks.in_range(window.starts_at.year, FIRST_YEAR, LAST_YEAR, "startsAt")
    yield from checks.in_range(window.ends_at.year, FIRST_YEAR, LAST_YEAR, "endsAt")
    if window.ends_at <= window.starts_at:
        yield InvalidInput(message="The window must end after it starts.", path=("endsAt",))
    elif window.recurrence is None and window.ends_at <= now:
        yield InvalidInput(message="The window has ended already.", path=("endsAt",))
    elif window.recurrence is not None and window.ends_at - window.starts_at > LONGEST:
        message = f"One occurrence of a recurring window lasts at most {LONGEST.days} days."
        yield InvalidInput(message=message, path=("endsAt",))
    zone = calendar.zone(window.timezone)
    if zone is None or window.timezone in AMBIGUOUS_ZONES:
        message = f"“{window.timezone[:80]}” is not a valid IANA time zone: use a name such as Europe/Berlin."
        yield InvalidInput(message=message, path=("timezone",))
    elif window.recurrence is not None and FIRST_YEAR <= window.starts_at.year <= LAST_YEAR:
        fault = calendar.fault(window.recurrence, _wall(window.starts_at, zone), zone)
        if fault is not None:
            yield InvalidInput(message=fault, path=("recurrence",))


def freeze_message(status: FreezeStatus | None, *, overridden: bool) -> str | None:
    """Return which freeze keeps a deployment from starting, or None."""
    if overridden or status is None or status.window is None:
        return None
    message = sentence(f"The environment is frozen by “{status.window.name}”: {status.window.reason[:REASON_SHOWN]}")
    if status.fault is not None:
        return f"{message} Its times are unknown: {sentence(status.fault)} Delete the window and create it again."
    return message if status.next_end is not None else f"{message} Its end is unknown."
