"""Times and durations as people read and write them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FORMATS = "Write it like 30m, 12h, 7d or 2w, or as an ISO 8601 time such as 2026-01-31T09:00"


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """Formats times as ages, or exactly: in the user's zone or in UTC."""

    now: datetime
    is_exact: bool = False
    utc: bool = False

    def __call__(self, time: str | None) -> str:
        """Return a time as an age (`5m`), or exactly."""
        if time is None:
            return ""
        is_exact = self.is_exact or self.utc
        return self.exact(time) if is_exact else format_age(self.now - datetime.fromisoformat(time))

    def exact(self, time: str | None) -> str:
        """Return an exact time, in the user's zone or in UTC."""
        if time is None:
            return ""
        return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if self.utc else local_time(time)

    def exact_to_second(self, time: str | None) -> str:
        """Return an exact time with its seconds, in the user's zone or in UTC."""
        if time is None or self.utc:
            return self.exact(time)
        return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M:%S %Z}"

    def exact_with_age(self, time: str | None) -> str:
        """Return an exact time, and how long ago it was or how far ahead it is."""
        if time is None:
            return ""
        past = self.now - datetime.fromisoformat(time)
        distance = f"{format_age(past)} ago" if past >= timedelta(0) else f"in {format_age(-past)}"
        return f"{self.exact(time)} ({distance})"


def local_time(time: str) -> str:
    """Return a time to the minute, in the user's zone."""
    return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M %Z}"


def local_time_of_day(time: str) -> str:
    """Return the time of day to the second, in the user's zone."""
    return f"{datetime.fromisoformat(time).astimezone():%H:%M:%S}"


def format_age(span: timedelta) -> str:
    """Return a span in its largest unit or two: `45s`, `5m`, `3h12m`, `2d4h`, `12d`."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes}m"
    if hours < 24:
        rest = minutes % 60
        return f"{hours}h{rest}m" if rest and hours < 10 else f"{hours}h"
    rest = hours % 24
    return f"{days}d{rest}h" if rest and days < 4 else f"{days}d"


def format_duration(seconds: float | None) -> str:
    """Return a duration: `0.8s`, `12s`, `3m20s`, `2h5m`."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60}m"


def parse_span(text: str) -> timedelta | None:
    """Return the span that a text such as 2h names, None if it names none."""
    match = re.fullmatch(r"(\d{1,5})([smhdw])", text)
    return timedelta(**{UNITS[match[2]]: int(match[1])}) if match else None


class TimeParameter(click.ParamType[str]):
    """Parses a time: a span such as 2h, before now or (`ahead`) after it, or ISO 8601 in the user's zone."""

    name = "time"

    def __init__(self, *, ahead: bool = False) -> None:
        self._sign = 1 if ahead else -1

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return ISO 8601 in UTC. Raises BadParameter."""
        try:
            span = parse_span(value)
            time = datetime.fromisoformat(value) if span is None else datetime.now(UTC) + self._sign * span
            return time.astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            self.fail(f"“{value}” is not a time. {FORMATS}.", param, ctx)


class SpanParameter(click.ParamType[timedelta]):
    """Parses a span such as 30m, 2h, 3d or 1w."""

    name = "span"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the span. Raises BadParameter."""
        span = parse_span(value)
        if span is None:
            self.fail(f"“{value}” is not a span. Write it like 30m, 2h, 3d or 1w.", param, ctx)
        return span
