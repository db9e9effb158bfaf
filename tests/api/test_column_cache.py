"""Columns that were read before: those of just one moment, and not too many of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.api.execution.column_cache import ColumnCache
from app.api.execution.columns import MAX_ENCODINGS, Columns
from app.api.execution.selections import SelectedFields
from app.store.tasks import Version

NOW = datetime(2026, 11, 25, tzinfo=UTC)
EARLIER: Version = (4, NOW)
LATER: Version = (4, NOW + timedelta(microseconds=1))


def columns(size: int) -> Columns:
    return Columns([list(range(size))])


def test_they_are_those_of_just_one_version() -> None:
    kept, found = ColumnCache[str, Version](), columns(3)
    kept.put("a", EARLIER, found)
    assert kept.get("a", EARLIER) is found
    assert kept.get("a", LATER) is kept.get("a", (5, NOW)) is kept.get("b", EARLIER) is None


def test_a_later_version_takes_the_place_of_an_earlier_one() -> None:
    kept, found = ColumnCache[str, Version](max_values=4), columns(3)
    kept.put("a", EARLIER, columns(3))
    kept.put("a", LATER, found)
    assert kept.get("a", LATER) is found and kept.get("a", EARLIER) is None


def test_those_go_first_that_nobody_asks_for() -> None:
    kept = ColumnCache[str, Version](max_values=4)
    for key in "ab":
        kept.put(key, EARLIER, columns(2))
    assert kept.get("a", EARLIER)
    kept.put("c", EARLIER, columns(1))
    assert [bool(kept.get(key, EARLIER)) for key in "abc"] == [True, False, True]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 6), st.booleans())))
def test_what_is_kept_fits_whatever_comes(steps: list[tuple[str, int, bool]]) -> None:
    kept, sizes = ColumnCache[str, Version](max_values=8), dict[str, int]()
    for key, size, later in steps:
        kept.put(key, LATER if later else EARLIER, columns(size))
        sizes[key] = size
        there = [key for key in sizes if kept.get(key, EARLIER) or kept.get(key, LATER)]
        assert sum(sizes[key] for key in there) <= 8
        assert key in there


def test_the_same_values_are_encoded_in_few_ways() -> None:
    found = columns(1)
    ways = [SelectedFields({}, (), (), lambda columns, size: []) for _ in range(MAX_ENCODINGS + 2)]
    for way in ways:
        found.keep_encoding(way, "shown")
    assert list(found.encodings) == [id(way) for way in ways[2:]]
