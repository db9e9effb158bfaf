"""The cache of columns: values of one version only, and a maximum size."""

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


def test_the_cache_returns_values_of_one_version_only() -> None:
    cache, values = ColumnCache[str, Version](), columns(3)
    cache.put("a", EARLIER, values)
    assert cache.get("a", EARLIER) is values
    assert cache.get("a", LATER) is cache.get("a", (5, NOW)) is cache.get("b", EARLIER) is None


def test_a_later_version_takes_the_place_of_an_earlier_one() -> None:
    cache, values = ColumnCache[str, Version](max_values=4), columns(3)
    cache.put("a", EARLIER, columns(3))
    cache.put("a", LATER, values)
    assert cache.get("a", LATER) is values and cache.get("a", EARLIER) is None


def test_the_least_recently_used_values_are_evicted_first() -> None:
    cache = ColumnCache[str, Version](max_values=4)
    for key in "ab":
        cache.put(key, EARLIER, columns(2))
    assert cache.get("a", EARLIER)
    cache.put("c", EARLIER, columns(1))
    assert [bool(cache.get(key, EARLIER)) for key in "abc"] == [True, False, True]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 6), st.booleans())))
def test_the_cache_never_exceeds_its_size(steps: list[tuple[str, int, bool]]) -> None:
    cache, sizes = ColumnCache[str, Version](max_values=8), dict[str, int]()
    for key, size, is_later in steps:
        cache.put(key, LATER if is_later else EARLIER, columns(size))
        sizes[key] = size
        cached_keys = [key for key in sizes if cache.get(key, EARLIER) or cache.get(key, LATER)]
        assert sum(sizes[key] for key in cached_keys) <= 8
        assert key in cached_keys


def test_the_same_values_are_encoded_in_few_ways() -> None:
    values = columns(1)
    ways = [SelectedFields({}, (), (), lambda columns, size: []) for _ in range(MAX_ENCODINGS + 2)]
    for way in ways:
        values.keep_encoding(way, "shown")
    assert list(values.encodings) == [id(way) for way in ways[2:]]
