"""The calendar: which rules are taken, what they give, and that none takes long or goes on for ever."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.core.freeze import AHEAD
from app.gateways.recurrence import HORIZON, WallCalendar

CALENDAR = WallCalendar()
BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = datetime.fromisoformat("2027-01-29T17:00")
"""The last Friday, and the third day from the end, of a month."""


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY", "2027-01-29 2027-01-30 2027-01-31"),
        ("rrule:freq=weekly", "2027-01-29 2027-02-05 2027-02-12"),
        ("FREQ=WEEKLY;INTERVAL=2", "2027-01-29 2027-02-12 2027-02-26"),
        ("FREQ=WEEKLY;BYDAY=FR,SU;WKST=SU", "2027-01-29 2027-01-31 2027-02-05"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "2027-01-29 2027-02-26 2027-03-26"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "2027-01-29 2027-02-26 2027-03-29"),
        ("FREQ=MONTHLY;BYMONTHDAY=29", "2027-01-29 2027-03-29 2027-04-29"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2027-01-29 2027-02-26 2027-03-31"),
        ("FREQ=YEARLY;BYMONTH=1;BYDAY=-1FR", "2027-01-29 2028-01-28 2029-01-26"),
        ("FREQ=DAILY;BYMONTH=1,12", "2027-01-29 2027-01-30 2027-01-31"),
        ("FREQ=DAILY;COUNT=2", "2027-01-29 2027-01-30"),
        ("FREQ=DAILY;UNTIL=20270130", "2027-01-29 2027-01-30"),
        ("FREQ=DAILY;UNTIL=20270130T160000Z", "2027-01-29 2027-01-30"),
        ("FREQ=DAILY;UNTIL=20270130T155959Z", "2027-01-29"),
        ("FREQ=DAILY;UNTIL=20270130T165959", "2027-01-29"),
    ],
)
def test_rules_repeat_as_they_say(rule: str, days: str) -> None:
    assert CALENDAR.fault(rule, FRIDAY, BERLIN) is None
    found = CALENDAR.starts(rule, FRIDAY, BERLIN, FRIDAY)[:3]
    assert found == [datetime.fromisoformat(f"{day}T17:00") for day in days.split()]


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("", "no part"),
        ("every friday", "no part"),
        ("FREQ=HOURLY", "FREQ"),
        ("FREQ=MINUTELY", "FREQ"),
        ("FREQ=SECONDLY;COUNT=1000", "FREQ"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=DAILY;BYHOUR=1,2,3", "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=1", "BYMINUTE"),
        ("FREQ=YEARLY;BYEASTER=0", "BYEASTER"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=9999", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=100000", "COUNT"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270130", "both"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20271399", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20270101", "startsAt"),
        ("FREQ=DAILY;FREQ=WEEKLY", "twice"),
        ("FREQ=DAILY;", "no part"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=1FR", "numbered"),
        ("FREQ=WEEKLY;BYMONTHDAY=29", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYSETPOS=1;BYDAY=FR", "BYSETPOS"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYDAY=MO", "startsAt"),
        ("FREQ=MONTHLY;BYDAY=1FR", "startsAt"),
        ("FREQ=MONTHLY;BYMONTHDAY=30", "startsAt"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "startsAt"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "startsAt"),
        ("FREQ=MONTHLY;BYDAY=FR;BYSETPOS=20", "startsAt"),
        ("FREQ=WEEKLY\nEXRULE:FREQ=DAILY", "FREQ"),
        ("FREQ=WEEKLY;BYDAY=" + ",".join(["FR"] * 300), "characters"),
    ],
)
def test_other_rules_are_refused_with_the_part_that_is_wrong(rule: str, word: str) -> None:
    assert word in (CALENDAR.fault(rule, FRIDAY, BERLIN) or "")


def test_what_was_is_left_out_also_long_after_the_first() -> None:
    late = FRIDAY + timedelta(days=7000, hours=1)
    found = CALENDAR.starts("FREQ=DAILY", FRIDAY, BERLIN, late)
    assert found[0] == FRIDAY + timedelta(days=7001) and len(found) == AHEAD


def test_rare_days_are_looked_for_some_years_ahead_only() -> None:
    leap = datetime.fromisoformat("2028-02-29T17:00")
    found = CALENDAR.starts("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", leap, BERLIN, leap)
    assert found == [leap, leap.replace(year=2032), leap.replace(year=2036)]
    assert found[-1] <= leap + HORIZON


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_zones_by_their_names(name: str) -> None:
    zone = CALENDAR.zone(name)
    assert zone is not None and str(zone) == name


@pytest.mark.parametrize("name", ["", "Europe", "/etc/localtime", "../UTC", "Mars/Olympus", "CEST", "a\x00b"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert CALENDAR.zone(name) is None
