"""Freeze windows: when no deployment of an environment starts, and until when.

A recurring window repeats in the wall time of its zone: Friday 17:00 to Monday 08:00 stays so when the clocks change.
It freezes while the clock on the wall shows a time within it. Where the clock shows a time twice, a window begins with
the first and ends with the second; where the clock leaps over a time, it begins or ends with the leap.

What repeats when, and the zones, come from a calendar, which is an argument.
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
"""How long one occurrence of a recurring window may last."""
REASON_SHOWN = 200
"""Characters of a window's reason that are told to whom it holds up."""
UNFIT_ZONES = frozenset({"localtime", "Factory", "posixrules"})
"""Names among the zones that stand for whatever a machine is set to, or for nothing."""
FIRST_YEAR, LAST_YEAR = 2000, 2199
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
AHEAD = 50
"""Occurrences that are looked at. A freeze that goes on through all of them has no end in sight."""
HORIZON = timedelta(days=3660)
"""How far ahead occurrences are looked for. What repeats may go on behind it: a freeze until then shows no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeWindow:
    """A window as it is stored. `recurrence` is an RFC 5545 rule, None for a window that comes once."""

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
    """How an environment stands. `window` is what freezes it now: of several the one that ends last.

    While frozen, `next_end` is when it ends and `next_start` when the next freeze begins; else they are when the next
    one begins and ends. Windows that touch are one freeze. None: there is none, or no end in sight.

    `fault` says why it cannot be told when `window` comes: it freezes until it is deleted, for it may be meant to.
    """

    frozen: bool
    window: FreezeWindow | None = None
    next_start: datetime | None = None
    next_end: datetime | None = None
    fault: str | None = None


class UnexpandableError(Exception):
    """It cannot be told when a stored window comes. The message says why."""


class Calendar(Protocol):
    """Knows the zones, and when rules repeat. Wall times have no zone."""

    def __hash__(self) -> int:
        """Answers are kept by the calendar that gave them."""
        ...

    def zone(self, name: str) -> tzinfo | None:
        """Return the zone of an IANA name, None when there is none."""
        ...

    def fault(self, rule: str, first: datetime, zone: tzinfo) -> str | None:
        """Return why a rule that shall begin at the wall time `first` can not be taken, None when it can."""
        ...

    def starts(self, rule: str, first: datetime, zone: tzinfo, after: datetime) -> Sequence[datetime]:
        """Return the wall times, from `after` on and in order, at which a rule repeats: at most AHEAD of them.

        Raises whatever it likes for a rule that `fault` would not let in.
        """
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Some time in which an environment is frozen, by windows of which `window` ends last."""

    starts_at: datetime
    ends_at: datetime
    window: FreezeWindow


def freeze_status(windows: Iterable[FreezeWindow], now: datetime, calendar: Calendar) -> FreezeStatus:
    """Say how an environment with these windows stands."""
    day = _day(now)
    known, limits = list[Sequence[Span]](), list[datetime]()
    for window in windows:
        try:
            spans = _spans(window, day, calendar)
        except UnexpandableError as error:
            return FreezeStatus(True, window, fault=str(error))
        known.append(spans)
        if window.recurrence is not None:
            limits.append(spans[-1].starts_at if len(spans) >= AHEAD else day + HORIZON)
    limit = min(limits, default=None)
    ahead = sorted(
        (span for spans in known for span in spans if span.ends_at > max(now, span.starts_at)),
        key=lambda span: (span.starts_at, span.window.id),
    )
    freezes = list(_merged(ahead))
    if not freezes:
        return FreezeStatus(False)
    first = freezes[0]
    end = first.ends_at if limit is None or first.ends_at <= limit else None
    if first.starts_at > now:
        return FreezeStatus(False, None, first.starts_at, end)
    active = (span for span in ahead if span.starts_at <= now)
    window = max(active, key=lambda span: (span.ends_at, span.window.id)).window
    return FreezeStatus(True, window, freezes[1].starts_at if end and len(freezes) > 1 else None, end)


def expansion_error(window: FreezeWindow, now: datetime, calendar: Calendar) -> str | None:
    """Say why it cannot be told when a stored window comes; None: it can."""
    try:
        _spans(window, _day(now), calendar)
    except UnexpandableError as error:
        return str(error)
    return None


def _day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _merged(spans: Sequence[Span]) -> Iterator[Span]:
    """Yield the freezes that spans, in order of their starts, make up together."""
    whole: Span | None = None
    for span in spans:
        if whole is None or span.starts_at > whole.ends_at:
            if whole is not None:
                yield whole
            whole = span
        elif span.ends_at > whole.ends_at:
            whole = Span(whole.starts_at, span.ends_at, span.window)
    if whole is not None:
        yield whole


@lru_cache(maxsize=1024)
def _spans(window: FreezeWindow, day: datetime, calendar: Calendar) -> tuple[Span, ...]:
    """Return the occurrences of a window that had not ended when a day began, in order, and maybe one or two before.

    Those that a leap swallows are empty. They are asked for again and again on that day, and found once.
    Raises UnexpandableError.
    """
    if window.recurrence is None:
        return (Span(window.starts_at, window.ends_at, window),)
    zone = calendar.zone(window.timezone)
    if zone is None:
        raise UnexpandableError(f"there is no time zone “{window.timezone[:80]}”")
    try:
        return _repeated(window, window.recurrence, zone, day, calendar)
    except Exception as error:
        raise UnexpandableError(str(error) or type(error).__name__) from error


def _repeated(window: FreezeWindow, rule: str, zone: tzinfo, day: datetime, calendar: Calendar) -> tuple[Span, ...]:
    """Return the occurrences of a window that repeats.

    It lasts from one wall time to the other; where the first one lies in an hour that comes twice, and ends in its
    second half at no later wall time, as long as that one does.
    """
    once = Span(window.starts_at, window.ends_at, window)
    first, last = _wall(window.starts_at, zone), _wall(window.ends_at, zone)
    length = last - first if last > first else window.ends_at - window.starts_at
    after = max(first, _wall(day, zone) - length - DAY)
    return tuple(
        once if start == first else Span(opening(start, zone), closing(start + length, zone), window)
        for start in calendar.starts(rule, first, zone, after)
    )


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def opening(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first moment at which the clock shows a wall time, or leaps over it."""
    first, second = _readings(wall, zone)
    return first if first <= second else _leap(second, first, zone)


def closing(wall: datetime, zone: tzinfo) -> datetime:
    """Return the last moment at which the clock shows a wall time, or the one at which it leaps over it."""
    first, second = _readings(wall, zone)
    return second if first <= second else _leap(second, first, zone)


def _readings(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the moments that a wall time names, in order; in reverse order where the clock leaps over it."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def _leap(low: datetime, high: datetime, zone: tzinfo) -> datetime:
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
    """Yield everything that is wrong with a window that shall be made."""
    yield from checks.display_name(window.name, 100, "name")
    yield from checks.text(window.reason, "reason")
    if not window.reason.strip():
        yield InvalidInput(message="Say why: the reason is shown to whom it holds up.", path=("reason",))
    yield from checks.in_range(window.starts_at.year, FIRST_YEAR, LAST_YEAR, "startsAt")
    yield from checks.in_range(window.ends_at.year, FIRST_YEAR, LAST_YEAR, "endsAt")
    if window.ends_at <= window.starts_at:
        yield InvalidInput(message="It must end after it starts.", path=("endsAt",))
    elif window.recurrence is None and window.ends_at <= now:
        yield InvalidInput(message="It is past.", path=("endsAt",))
    elif window.recurrence is not None and window.ends_at - window.starts_at > LONGEST:
        message = f"One occurrence of a recurring window lasts at most {LONGEST.days} days."
        yield InvalidInput(message=message, path=("endsAt",))
    zone = calendar.zone(window.timezone)
    if zone is None or window.timezone in UNFIT_ZONES:
        message = f"“{window.timezone[:80]}” is no IANA time zone that is the same everywhere, such as Europe/Berlin."
        yield InvalidInput(message=message, path=("timezone",))
    elif window.recurrence is not None and FIRST_YEAR <= window.starts_at.year <= LAST_YEAR:
        why = calendar.fault(window.recurrence, _wall(window.starts_at, zone), zone)
        if why is not None:
            yield InvalidInput(message=why, path=("recurrence",))


def freeze_message(found: FreezeStatus | None, *, overridden: bool) -> str | None:
    """Say which freeze keeps a deployment from starting, None when none does."""
    if overridden or found is None or found.window is None:
        return None
    why = sentence(f"The environment is frozen by “{found.window.name}”: {found.window.reason[:REASON_SHOWN]}")
    if found.fault is not None:
        return f"{why} It cannot be told when it comes: {sentence(found.fault)} Delete it, and make it anew."
    return why if found.next_end is not None else f"{why} No end is in sight."
