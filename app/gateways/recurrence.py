"""The calendar: IANA time zones, and RFC 5545 recurrence rules as dateutil expands them.

Rules are restricted, so that none takes long to expand: days, weeks, months and years; no times of day, which the
window itself has; and the first occurrence must be the start of the window. Occurrences are computed for some years.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta, tzinfo
from functools import cache, lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrule, rrulestr

from app.core.freeze import AHEAD, HORIZON

MAX_RULE_LENGTH = 500
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MANY_DAYS = ("MONTHLY", "YEARLY")
"""Frequencies whose days can be numbered: the last Friday, the third day."""
UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")
BY_DAY = re.compile(r"([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)")
IN_MONTH, IN_YEAR = 5, 53
"""How often a weekday can occur in a month, and in a year."""


def _number(low: int, high: int) -> Callable[[str], bool]:
    form = re.compile(r"[+-]?\d{1,4}" if low < 0 else r"\d{1,4}")
    return lambda text: bool(form.fullmatch(text)) and low <= int(text) <= high and int(text) != 0


def _each(is_valid: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda text: all(is_valid(item) for item in text.split(","))


def _moment(text: str) -> bool:
    try:
        return bool(UNTIL.fullmatch(text)) and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


PARTS: Mapping[str, Callable[[str], bool]] = {
    "FREQ": lambda text: text in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"),
    "INTERVAL": _number(1, 366),
    "COUNT": _number(1, 1000),
    "UNTIL": _moment,
    "BYDAY": _each(lambda text: bool(BY_DAY.fullmatch(text))),
    "BYMONTH": _each(_number(1, 12)),
    "BYMONTHDAY": _each(_number(-31, 31)),
    "BYSETPOS": _each(_number(-366, 366)),
    "WKST": lambda text: text in DAYS,
}
"""The parts that a rule may have, and whether a value is valid."""


class WallCalendar:
    """Fulfils `app.core.freeze.Calendar`."""

    def zone(self, name: str) -> tzinfo | None:
        """Return the zone of an IANA name, None when there is none."""
        return ZoneInfo(name) if name in _zones() else None

    def fault(self, rule: str, first: datetime, zone: tzinfo) -> str | None:
        """Return why a rule is invalid; None where it is valid."""
        why = _fault_of_rule(rule) or _fault_of_first(dict(_parts(rule)), first)
        if why is not None:
            return why
        whole = first.replace(microsecond=0)
        try:
            begins = next(iter(_parsed(rule, whole, zone)), None)
            _upcoming(rule, whole, zone, whole)
        except Exception as error:
            return f"It is not a recurrence rule: {error}."
        return None if begins == whole else _not_first(begins)

    def starts(self, rule: str, first: datetime, zone: tzinfo, after: datetime) -> Sequence[datetime]:
        """Return the wall times, from `after` on and in order, at which a rule repeats: at most AHEAD of them.

        Rules have whole seconds: every occurrence gets the fraction of a second of the first. Raises ValueError for an
        invalid rule, and what else dateutil raises.
        """
        whole, part = first.replace(microsecond=0), timedelta(microseconds=first.microsecond)
        day = max(whole, datetime.combine(after.date(), time()))
        return [start + part for start in _upcoming(rule, whole, zone, day) if start + part >= after][:AHEAD]


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _parts(rule: str) -> list[tuple[str, str]]:
    text = rule.strip().upper().removeprefix("RRULE:")
    return [(name.strip(), value.strip()) for name, _, value in (part.partition("=") for part in text.split(";"))]


def _fault_of_rule(rule: str) -> str | None:
    if len(rule) > MAX_RULE_LENGTH:
        return f"A rule may have at most {MAX_RULE_LENGTH} characters."
    if not rule.isascii():
        return "A rule may contain ASCII characters only."
    return _fault_of_parts(_parts(rule))


def _fault_of_parts(parts: Sequence[tuple[str, str]]) -> str | None:
    names = [name for name, _ in parts]
    for name, value in parts:
        if name not in PARTS:
            return f"“{name[:40]}” is not a supported part of a rule. Use {', '.join(PARTS)}."
        if not PARTS[name](value):
            return f"“{value[:80]}” is invalid for {name}."
    if len(set(names)) < len(names):
        return "A part is given twice."
    given = dict(parts)
    frequency = given.get("FREQ")
    if frequency is None:
        return "It has no FREQ. Set it to DAILY, WEEKLY, MONTHLY or YEARLY."
    if "COUNT" in given and "UNTIL" in given:
        return "It has both COUNT and UNTIL. Leave one out."
    if "BYSETPOS" in given and (frequency not in MANY_DAYS or not {"BYDAY", "BYMONTHDAY", "BYMONTH"} & given.keys()):
        return "BYSETPOS needs FREQ=MONTHLY or YEARLY, and BYDAY, BYMONTHDAY or BYMONTH to select from."
    why = _fault_of_days(given, frequency)
    if why is not None:
        return why
    return (
        "BYMONTHDAY cannot be combined with FREQ=WEEKLY." if frequency == "WEEKLY" and "BYMONTHDAY" in given else None
    )


def _fault_of_days(given: Mapping[str, str], frequency: str) -> str | None:
    """Return why a numbered day of BYDAY is invalid: a month or a year must be able to have it."""
    most = IN_YEAR if frequency == "YEARLY" and "BYMONTH" not in given else IN_MONTH
    for item in given.get("BYDAY", "").split(","):
        number = item[:-2]
        if number and frequency not in MANY_DAYS:
            return "A numbered day in BYDAY, such as -1FR, needs FREQ=MONTHLY or YEARLY."
        if number and abs(int(number)) > most:
            return f"“{item}” is invalid for BYDAY: number days from 1 to {most}, or from -1 to -{most}."
    return None


def _fault_of_first(given: Mapping[str, str], first: datetime) -> str | None:
    """Return why the first day does not match the rule, before dateutil searches for it in vain."""
    month_days = (first.day, first.day - _days_in_month(first) - 1)
    named = (
        ("BYMONTH", lambda text: int(text) == first.month),
        ("BYMONTHDAY", lambda text: int(text) in month_days),
        ("BYDAY", lambda text: text[-2:] == DAYS[first.weekday()]),
    )
    fits = all(any(matches(item) for item in given[name].split(",")) for name, matches in named if name in given)
    return None if fits else _not_first(None)


def _days_in_month(day: datetime) -> int:
    return ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day


def _not_first(first_occurrence: datetime | None) -> str:
    hint = f" The first one is {first_occurrence:%Y-%m-%d}." if first_occurrence else ""
    return f"startsAt is not an occurrence of the rule in the time zone.{hint}"


def _parsed(rule: str, first: datetime, zone: tzinfo) -> rrule:
    """Return a rule whose occurrences are wall times. Raises ValueError."""
    parts = dict(_parts(rule))
    until = parts.pop("UNTIL", None)
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    parsed = rrulestr(text, dtstart=first)
    if not isinstance(parsed, rrule):
        raise ValueError("it is a set of rules")
    return parsed.replace(until=_until(until, zone)) if until else parsed


def _until(text: str, zone: tzinfo) -> datetime:
    """Return the wall time of the last possible occurrence. A day without a time ends at 23:59:59."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        return moment.astimezone(zone).replace(tzinfo=None)
    return moment if "T" in text else moment.replace(hour=23, minute=59, second=59)


@lru_cache(maxsize=1024)
def _upcoming(rule: str, first: datetime, zone: tzinfo, day: datetime) -> tuple[datetime, ...]:
    """Return the occurrences of a rule from a day on, cached: callers ask often on that day.

    Raises ValueError for a rule that is not accepted any longer, before dateutil searches for occurrences in vain.
    """
    why = _fault_of_rule(rule)
    if why is not None:
        raise ValueError(why)
    occurrences = _parsed(rule, first, zone).xafter(day, inc=True)
    return tuple(islice(takewhile(lambda start: start <= day + HORIZON, occurrences), AHEAD + 1))
