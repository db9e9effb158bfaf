"""Shares of a worker's slots: worked examples, and that no share can be made fairer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.fair_share import shares
from tests.core.support.build import property_of


@pytest.mark.parametrize(
    ("free", "running", "hungry", "expected"),
    [
        (4, {}, [], {}),
        (4, {}, ["a"], {"a": 4}),
        (-1, {}, ["a"], {"a": 0}),
        (4, {}, ["a", "b"], {"a": 2, "b": 2}),
        (5, {}, ["a", "b"], {"a": 3, "b": 2}),
        (4, {"a": 28}, ["a", "b"], {"a": 0, "b": 4}),
        (4, {"a": 2}, ["a", "b"], {"a": 1, "b": 3}),
        (1, {"a": 1, "b": 1, "c": 0}, ["a", "b", "c"], {"a": 0, "b": 0, "c": 1}),
        (2, {"other": 9}, ["a", "b"], {"a": 1, "b": 1}),
        (0, {}, ["a", "b"], {"a": 0, "b": 0}),
    ],
)
def test_examples(free: int, running: dict[str, int], hungry: list[str], expected: dict[str, int]) -> None:
    assert shares(free, running, hungry) == expected


names = st.sampled_from("abcdefg")


@property_of
@given(st.integers(0, 40), st.dictionaries(names, st.integers(0, 40)), st.lists(names, unique=True))
def test_all_free_slots_are_given_fairly(free: int, running: dict[str, int], hungry: list[str]) -> None:
    slots = shares(free, running, hungry)
    assert set(slots) == set(hungry) and sum(slots.values()) == (free if hungry else 0)
    totals = {name: running.get(name, 0) + room for name, room in slots.items()}
    for pool in hungry:
        for other_pool in hungry:
            if slots[other_pool]:
                assert totals[other_pool] <= totals[pool] + 1
