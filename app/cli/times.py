"""Moments and spans, as people read them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FORMS = "like 30m, 12h, 7d or 2w, or an ISO 8601 time such as 2026-01-31T09:00"


@dataclass(frozen=True, slots=True)
class Times:
    """How moments are shown: as ages, or whole in the user's zone or in UTC."""

    now: datetime
    whole: bool = False
    utc: bool = False

    def __call__(self, moment: str | None) -> str:
        """Return a moment as an age (`5m`), or whole."""
        if moment is None:
            return ""
        return self.exact(moment) if self.whole or self.utc else age(self.now - datetime.fromisoformat(moment))

    def exact(self, moment: str | None) -> str:
        """Return a moment whole, in the user's zone or in UTC."""
        if moment is None:
            return ""
        at = datetime.fromisoformat(moment)
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if self.utc else f"{at.astimezone():%Y-%m-%d %H:%M %Z}"

    def second(self, moment: str | None) -> str:
        """Return a moment to the second, in the user's zone or in UTC."""
        if moment is None or self.utc:
            return self.exact(moment)
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S %Z}"

    def both(self, moment: str | None) -> str:
        """Return a moment whole, and how long ago it is or how far ahead."""
        if moment is None:
            return ""
        gone = self.now - datetime.fromisoformat(moment)
        return (
            f"{self.exact(moment)} ({age(gone)} ago)"
            if gone >= timedelta(0)
            else f"{self.exact(moment)} (in {age(-gone)})"
        )


def age(span: timedelta) -> str:
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


def took(seconds: float | None) -> str:
    """Return a duration: `0.8s`, `12s`, `3m20s`, `2h5m`."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60}m"


class Moment(click.ParamType[str]):
    """Reads a moment: an age such as 2h, before now or (`ahead`) after it, or ISO 8601 in the user's zone."""

    name = "time"

    def __init__(self, *, ahead: bool = False) -> None:
        self._sign = 1 if ahead else -1

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return ISO 8601 in UTC. Raises BadParameter."""
        found = re.fullmatch(r"(\d{1,5})([smhdw])", value)
        try:
            if found:
                at = datetime.now(UTC) + self._sign * timedelta(**{UNITS[found[2]]: int(found[1])})
            else:
                at = datetime.fromisoformat(value)
            return at.astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            self.fail(f"“{value}” is no time. Write it {FORMS}.", param, ctx)
