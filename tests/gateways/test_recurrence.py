"""The calendar.

The accepted rules and their occurrences; no rule takes long or runs without end.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.freeze import AHEAD, HORIZON
from app.gateways.recurrence import WallCalendar
from tests.core.support.build import property_of

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
        ("FREQ=YEARLY;BYDAY=5FR", "2027-01-29 2028-02-04 2029-02-02"),
        ("FREQ=MONTHLY;BYDAY=+5FR", "2027-01-29 2027-04-30 2027-07-30"),
        ("FREQ=DAILY;COUNT=2", "2027-01-29 2027-01-30"),
        ("FREQ=DAILY;UNTIL=20270130", "2027-01-29 2027-01-30"),
        ("FREQ=DAILY;UNTIL=20270130T160000Z", "2027-01-29 2027-01-30"),
        ("FREQ=DAILY;UNTIL=20270130T155959Z", "2027-01-29"),
        ("FREQ=DAILY;UNTIL=20270130T165959", "2027-01-29"),
    ],
)
def test_rules_repeat_at_the_expected_times(rule: str, days: str) -> None:
    assert CALENDAR.fault(rule, FRIDAY, BERLIN) is None
    starts = CALENDAR.starts(rule, FRIDAY, BERLIN, FRIDAY)[:3]
    assert starts == [datetime.fromisoformat(f"{day}T17:00") for day in days.split()]


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("", "not a supported part"),
        ("every friday", "not a supported part"),
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
        ("FREQ=DAILY;", "not a supported part"),
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
        ("FREQ=MONTHLY;BYDAY=5FR,8MO", "8MO"),
        ("FREQ=MONTHLY;BYDAY=-1FR,-6MO", "-6MO"),
        ("FREQ=MONTHLY;BYDAY=0FR", "BYDAY"),
        ("FREQ=YEARLY;BYDAY=5FR,54MO", "54MO"),
        ("FREQ=YEARLY;BYDAY=5FR,-99MO", "-99MO"),
        ("FREQ=YEARLY;BYMONTH=1;BYDAY=-1FR,6MO", "6MO"),
        ("FREQ=DAILY;BYDAY=1FR", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=4", "BYWEEKNO"),
        ("FREQ=YEARLY;BYYEARDAY=29", "BYYEARDAY"),
        ("FREQ=MONTHLY;BYDAY=FR;BYSETPOS=0", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=FR;BYSETPOS=400", "BYSETPOS"),
        ("FREQ=DAILY;COUNT=+2", "COUNT"),
        ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=DAILY;COUNT=\u0662", "ASCII"),
        ("FREQ=DAILY;COUNT=2\0", "COUNT"),
        ("FREQ=WEEKLY;BYDAY=" + ",".join(["FR"] * 300), "characters"),
    ],
)
def test_other_rules_are_refused_with_the_part_that_is_wrong(rule: str, word: str) -> None:
    assert word in (CALENDAR.fault(rule, FRIDAY, BERLIN) or "")


days = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
counted = st.builds("{}{}".format, st.sampled_from(["", *map(str, range(-60, 60))]), days)
numbers = st.integers(-40, 400).map(str)
parts = st.one_of(
    st.lists(counted, min_size=1, max_size=3).map(lambda starts: f"BYDAY={','.join(starts)}"),
    st.builds("{}={}".format, st.sampled_from(["BYMONTH", "BYMONTHDAY", "BYSETPOS", "INTERVAL", "COUNT"]), numbers),
    st.sampled_from(["UNTIL=20280101", "UNTIL=20270130T000000Z", "WKST=SU", "BYWEEKNO=5"]),
)
frequencies = st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY", "HOURLY"])


@property_of
@given(frequencies, st.lists(parts, max_size=3), st.integers(0, 800), st.integers(-400, 40_000))
def test_every_accepted_rule_has_occurrences_on_any_day(frequency: str, parts: list[str], day: int, later: int) -> None:
    rule, first_start = ";".join([f"FREQ={frequency}", *parts]), FRIDAY + timedelta(days=day)
    if CALENDAR.fault(rule, first_start, BERLIN) is None:
        starts = CALENDAR.starts(rule, first_start, BERLIN, first_start + timedelta(days=later))
        assert list(starts) == sorted(set(starts)) and len(starts) <= AHEAD


@pytest.mark.parametrize("rule", ["FREQ=MONTHLY;BYDAY=1MO,8MO", "FREQ=SECONDLY", "nonsense", ""])
def test_an_invalid_stored_rule_is_reported(rule: str) -> None:
    with pytest.raises(ValueError, match=r"supported part|invalid|FREQ"):
        CALENDAR.starts(rule, FRIDAY, BERLIN, FRIDAY)


def test_parts_of_a_second_are_kept() -> None:
    first_start = FRIDAY.replace(microsecond=123456)
    assert CALENDAR.fault("FREQ=DAILY;COUNT=3", first_start, BERLIN) is None
    starts = CALENDAR.starts("FREQ=DAILY;COUNT=3", first_start, BERLIN, first_start + timedelta(microseconds=1))
    assert starts == [first_start + timedelta(days=1), first_start + timedelta(days=2)]


def test_past_occurrences_are_omitted_long_after_the_first() -> None:
    later_time = FRIDAY + timedelta(days=7000, hours=1)
    starts = CALENDAR.starts("FREQ=DAILY", FRIDAY, BERLIN, later_time)
    assert starts[0] == FRIDAY + timedelta(days=7001) and len(starts) == AHEAD


def test_rare_days_are_looked_for_some_years_ahead_only() -> None:
    leap = datetime.fromisoformat("2028-02-29T17:00")
    starts = CALENDAR.starts("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", leap, BERLIN, leap)
    assert starts == [leap, leap.replace(year=2032), leap.replace(year=2036)]
    assert starts[-1] <= leap + HORIZON


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_zones_by_their_names(name: str) -> None:
    zone = CALENDAR.zone(name)
    assert zone is not None and str(zone) == name


@pytest.mark.parametrize("name", ["", "Europe", "/etc/localtime", "../UTC", "Mars/Olympus", "CEST", "a\x00b"])
def test_an_invalid_time_zone_is_none(name: str) -> None:
    assert CALENDAR.zone(name) is None
