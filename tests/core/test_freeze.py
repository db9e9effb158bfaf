"""The freeze status of an environment: its window and its end.

In: windows, a moment, the calendar of the system. Out: a status. Tested: single windows to the microsecond; several
windows against a plain timeline; wall times at clock changes; and, over random windows around such changes, that no
deployment starts while the wall time is within a window.
The tests of the calendar cover recurrence rules.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.freeze import (
    FreezeStatus,
    FreezeWindow,
    closing,
    expansion_error,
    freeze_message,
    freeze_status,
    opening,
    validate,
)
from app.gateways.recurrence import WallCalendar
from tests.core.support.build import NOW, at, property_of

CALENDAR = WallCalendar()
INSTANT = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(
    starts_at: datetime, ends_at: datetime, rule: str | None = None, zone: str = "UTC", id: str = "w"
) -> FreezeWindow:
    return FreezeWindow(
        id=id,
        environment_id="e",
        name=f"window {id}",
        reason="the year ends",
        starts_at=starts_at,
        ends_at=ends_at,
        timezone=zone,
        created_at=NOW,
        recurrence=rule,
    )


def wall(text: str, zone: str) -> datetime:
    """Return the moment at which the clock of a zone shows a time (the first one)."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_without_windows_nothing_is_frozen() -> None:
    assert freeze_status([], NOW, CALENDAR) == FreezeStatus(False)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(-1), (False, at(0), at(60))),
        (at(0) - INSTANT, (False, at(0), at(60))),
        (at(0), (True, None, at(60))),
        (at(60) - INSTANT, (True, None, at(60))),
        (at(60), (False, None, None)),
    ],
)
def test_a_window_begins_with_its_start_and_is_over_at_its_end(
    now: datetime, expected: tuple[bool, datetime | None, datetime | None]
) -> None:
    hourly = window(at(0), at(60))
    status = freeze_status([hourly], now, CALENDAR)
    assert (status.frozen, status.next_start, status.next_end) == expected
    assert status.window == (hourly if status.frozen else None)


def test_touching_windows_are_one_freeze_named_by_the_current_window_that_ends_last() -> None:
    outer, inner, next_ = window(at(0), at(60), id="a"), window(at(10), at(20), id="b"), window(at(60), at(90), id="c")
    separate = window(at(91), at(99), id="d")
    status = freeze_status([separate, next_, inner, outer], at(15), CALENDAR)
    assert (status.window, status.next_end, status.next_start) == (outer, at(90), at(91))


times = st.integers(0, 30)


@property_of
@given(st.lists(st.tuples(times, st.integers(1, 8)), max_size=6), times)
def test_the_freeze_status_agrees_with_a_timeline(drawn: list[tuple[int, int]], now: int) -> None:
    frozen = {second for start, length in drawn for second in range(start, start + length)}
    windows = [window(at(start), at(start + length), id=str(n)) for n, (start, length) in enumerate(drawn)]
    status = freeze_status(windows, at(now), CALENDAR)
    ahead = range(now, 60)
    end_of = {True: next((t for t in ahead if t not in frozen), None)}
    start = next((t for t in ahead if t in frozen and t - 1 not in frozen and t > now), None)
    begin = start if start is not None else 60
    end_of[False] = next((t for t in range(begin, 60) if t not in frozen), None) if start is not None else None
    assert status.frozen == (now in frozen)
    assert status.next_start == (None if start is None else at(start))
    assert status.next_end == (None if (end := end_of[status.frozen]) is None else at(end))


@pytest.mark.parametrize(
    ("zone", "wall_time", "first_instant", "last_instant"),
    [
        ("Europe/Berlin", "2027-07-01T12:00", "2027-07-01T10:00", "2027-07-01T10:00"),
        ("Europe/Berlin", "2027-03-28T01:59", "2027-03-28T00:59", "2027-03-28T00:59"),
        ("Europe/Berlin", "2027-03-28T02:00", "2027-03-28T01:00", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T01:00", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-03-28T03:00", "2027-03-28T01:00", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-10-31T02:30", "2027-10-31T00:30", "2027-10-31T01:30"),
        ("Europe/Berlin", "2027-10-31T03:00", "2027-10-31T02:00", "2027-10-31T02:00"),
        ("America/New_York", "2027-03-14T02:30", "2027-03-14T07:00", "2027-03-14T07:00"),
        ("America/New_York", "2027-11-07T01:30", "2027-11-07T05:30", "2027-11-07T06:30"),
        ("Australia/Lord_Howe", "2027-10-03T02:15", "2027-10-02T15:30", "2027-10-02T15:30"),
        ("Australia/Lord_Howe", "2027-10-03T02:30", "2027-10-02T15:30", "2027-10-02T15:30"),
        ("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45", "2027-04-03T15:15"),
    ],
)
def test_wall_times_that_come_twice_or_not_at_all(
    zone: str, wall_time: str, first_instant: str, last_instant: str
) -> None:
    time = datetime.fromisoformat(wall_time)
    assert (opening(time, ZoneInfo(zone)), closing(time, ZoneInfo(zone))) == (utc(first_instant), utc(last_instant))


@pytest.mark.parametrize(
    ("zone", "begins", "ends"),
    [
        ("Europe/Berlin", "2027-03-26T16:00", "2027-03-29T06:00"),
        ("Europe/Berlin", "2027-10-29T15:00", "2027-11-01T07:00"),
        ("America/New_York", "2027-03-12T22:00", "2027-03-15T12:00"),
        ("America/New_York", "2027-11-05T21:00", "2027-11-08T13:00"),
        ("Australia/Lord_Howe", "2027-04-02T06:00", "2027-04-04T21:30"),
        ("Australia/Lord_Howe", "2027-10-01T06:30", "2027-10-03T21:00"),
    ],
)
def test_a_weekend_keeps_its_wall_times_when_the_clocks_change_in_it(zone: str, begins: str, ends: str) -> None:
    weekend = window(wall("2026-01-02T17:00", zone), wall("2026-01-05T08:00", zone), "FREQ=WEEKLY;BYDAY=FR", zone)
    outside, within = utc(begins) - INSTANT, utc(begins)
    assert freeze_status([weekend], outside, CALENDAR).next_start == utc(begins)
    status = freeze_status([weekend], within, CALENDAR)
    assert (status.frozen, status.next_end) == (True, utc(ends))
    assert freeze_status([weekend], utc(ends), CALENDAR).frozen is False


def test_a_window_that_the_clock_leaps_over_does_not_come_that_day() -> None:
    nightly = window(
        wall("2027-03-20T02:10", "Europe/Berlin"),
        wall("2027-03-20T02:50", "Europe/Berlin"),
        "FREQ=DAILY",
        "Europe/Berlin",
    )
    status = freeze_status([nightly], wall("2027-03-28T00:00", "Europe/Berlin"), CALENDAR)
    assert status.next_start == wall("2027-03-29T02:10", "Europe/Berlin")


def test_a_first_occurrence_is_exactly_what_was_given() -> None:
    second_0230 = datetime.fromisoformat("2027-10-31T02:30").replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
    once = window(second_0230.astimezone(UTC), utc("2027-10-31T02:00"), "FREQ=DAILY", "Europe/Berlin")
    assert freeze_status([once], utc("2027-10-30T12:00"), CALENDAR).next_start == utc("2027-10-31T01:30")


def test_a_freeze_that_never_opens_has_no_end_in_sight() -> None:
    always = window(utc("2027-01-01"), utc("2027-01-02"), "FREQ=DAILY")
    status = freeze_status([always], utc("2030-06-01"), CALENDAR)
    assert (status.frozen, status.window, status.next_start, status.next_end) == (True, always, None, None)


def test_a_freeze_of_years_that_follow_one_another_has_no_end_in_sight() -> None:
    always = window(utc("2027-01-01"), utc("2028-01-02"), "FREQ=YEARLY")
    status = freeze_status([always], utc("2027-06-01"), CALENDAR)
    assert (status.frozen, status.next_start, status.next_end) == (True, None, None)
    assert "Its end is unknown" in (freeze_message(status, overridden=False) or "")
    three_years = window(utc("2027-01-01"), utc("2028-01-02"), "FREQ=YEARLY;COUNT=3")
    assert freeze_status([three_years], utc("2027-06-01"), CALENDAR).next_end == utc("2030-01-02")


def test_parts_of_a_second_are_kept() -> None:
    daily = window(utc("2027-01-01T00:00:00.250"), utc("2027-01-01T00:00:00.750"), "FREQ=DAILY")
    assert problems(daily) == []
    status = freeze_status([daily], utc("2027-01-05T00:00:00.250"), CALENDAR)
    assert (status.frozen, status.next_end) == (True, utc("2027-01-05T00:00:00.750"))
    assert not freeze_status([daily], utc("2027-01-05T00:00:00.750"), CALENDAR).frozen


@pytest.mark.parametrize("end", ["2027-10-31T01:10", "2027-10-31T01:30"])
def test_a_window_within_the_hour_that_comes_twice_comes_again_for_as_long(end: str) -> None:
    """It begins at 2:30, and ends at 2:10 or 2:30 of the second time."""
    night = window(utc("2027-10-31T00:30"), utc(end), "FREQ=DAILY", "Europe/Berlin")
    status = freeze_status([night], utc("2027-11-02T00:00"), CALENDAR)
    assert status.next_start == utc("2027-11-02T01:30")
    assert status.next_end == utc("2027-11-02T01:30") + (utc(end) - utc("2027-10-31T00:30"))


@pytest.mark.parametrize(
    ("rule", "zone", "word"),
    [
        ("FREQ=MONTHLY;BYDAY=1MO,8MO", "UTC", "8MO"),
        ("FREQ=SECONDLY", "UTC", "SECONDLY"),
        ("nonsense", "UTC", "NONSENSE"),
        ("FREQ=DAILY", "Mars/Olympus", "Mars/Olympus"),
    ],
)
def test_a_window_that_cannot_be_expanded_freezes(rule: str, zone: str, word: str) -> None:
    broken, good = window(at(0), at(60), rule, zone, id="b"), window(at(10), at(20))
    status = freeze_status([good, broken], at(100_000), CALENDAR)
    assert (status.frozen, status.window, status.next_start, status.next_end) == (True, broken, None, None)
    assert word in (status.fault or "") and word in (freeze_message(status, overridden=False) or "")
    assert word in (expansion_error(broken, NOW, CALENDAR) or "")
    assert expansion_error(good, NOW, CALENDAR) is None


def test_a_window_outside_the_calendar_freezes() -> None:
    end = datetime.max.replace(tzinfo=UTC)
    assert freeze_status([window(utc("2027-01-01"), end, "FREQ=DAILY", "Asia/Tokyo")], NOW, CALENDAR).fault


def test_the_last_occurrence_ends_it() -> None:
    twice = window(utc("2027-01-01"), utc("2027-01-01T06:00"), "FREQ=DAILY;COUNT=2")
    assert freeze_status([twice], utc("2027-01-02T03:00"), CALENDAR).next_end == utc("2027-01-02T06:00")
    assert freeze_status([twice], utc("2027-01-02T06:00"), CALENDAR) == FreezeStatus(False)


CHANGES = {"Europe/Berlin": "2027-10-31", "America/New_York": "2027-03-14", "Australia/Lord_Howe": "2027-04-04"}


@property_of
@given(
    st.sampled_from(sorted(CHANGES)),
    st.integers(0, 23 * 60),
    st.integers(1, 3 * 24 * 60),
    st.sampled_from(["FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY"]),
    st.integers(-5 * 24 * 60, 5 * 24 * 60),
)
def test_frozen_whenever_the_wall_time_is_within_the_window(
    zone: str, start: int, length: int, rule: str, minute: int
) -> None:
    change = datetime.fromisoformat(CHANGES[zone])
    opening_time = change - timedelta(days=21) + timedelta(minutes=start)
    tz = ZoneInfo(zone)
    daily = window(opening(opening_time, tz), closing(opening_time + timedelta(minutes=length), tz), rule, zone)
    moment = change.replace(tzinfo=UTC) + timedelta(minutes=minute)
    wall_time = moment.astimezone(tz).replace(tzinfo=None)
    step = timedelta(days=7 if "WEEKLY" in rule else 3 if "INTERVAL" in rule else 1)
    starts = [opening_time + n * step for n in range(40)]
    within = any(begin <= wall_time < begin + timedelta(minutes=length) for begin in starts)
    twice = moment.astimezone(tz).utcoffset() != (moment - timedelta(hours=2)).astimezone(tz).utcoffset() or (
        moment.astimezone(tz).utcoffset() != (moment + timedelta(hours=2)).astimezone(tz).utcoffset()
    )
    frozen = freeze_status([daily], moment, CALENDAR).frozen
    assert frozen == within or (frozen and twice)


def problems(subject: FreezeWindow) -> list[tuple[str, ...]]:
    return [problem.path or () for problem in validate(subject, NOW, CALENDAR)]


def test_a_valid_window_has_no_problems() -> None:
    assert problems(window(at(0), at(60))) == []
    assert problems(window(at(-9999), at(-99), "FREQ=DAILY")) == []


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"name": " "}, [("name",)]),
        ({"name": "n" * 101}, [("name",)]),
        ({"reason": "\n"}, [("reason",)]),
        ({"ends_at": at(0)}, [("endsAt",)]),
        ({"starts_at": at(-20), "ends_at": at(-10)}, [("endsAt",)]),
        ({"ends_at": at(0) + timedelta(days=367), "recurrence": "FREQ=YEARLY"}, [("endsAt",)]),
        ({"starts_at": utc("1999-12-31T12:00")}, [("startsAt",)]),
        ({"ends_at": utc("2200-01-01")}, [("endsAt",)]),
        ({"timezone": "Mars/Olympus"}, [("timezone",)]),
        ({"timezone": "../../etc/passwd"}, [("timezone",)]),
        ({"timezone": ""}, [("timezone",)]),
        ({"recurrence": "FREQ=HOURLY"}, [("recurrence",)]),
        ({"timezone": "Europe", "recurrence": "FREQ=HOURLY"}, [("timezone",)]),
        ({"name": "", "reason": "", "timezone": "x"}, [("name",), ("reason",), ("timezone",)]),
    ],
)
def test_every_problem_of_a_window_is_reported(change: dict[str, object], paths: list[tuple[str, ...]]) -> None:
    fields = {name: getattr(window(at(0), at(60)), name) for name in FreezeWindow.__dataclass_fields__}
    assert problems(FreezeWindow(**(fields | change))) == paths


def test_the_message_names_the_window_and_its_reason() -> None:
    status = freeze_status([window(at(0), at(60))], at(1), CALENDAR)
    assert freeze_message(status, overridden=False) == "The environment is frozen by “window w”: the year ends."
    assert freeze_message(status, overridden=True) is None
    assert freeze_message(FreezeStatus(False), overridden=False) is None
