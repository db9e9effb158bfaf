"""Identifiers.

In: a kind, a moment and ten bytes of noise; any text. Out: an id; the kind that a text names, or None.
Tested: an id can be decoded, ids sort by time, and any other text is refused.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.ids import ALPHABET, IdKind, deployment_of, kind_of, make, workflow_of
from tests.core.support.build import NOW, property_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = st.sampled_from(IdKind)
MOMENTS = st.datetimes(min_value=datetime(1972, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NOISE = st.binary(min_size=10, max_size=10)
BETWEEN = datetime(2038, 7, 18, 17, 43, 22, 561_000, tzinfo=UTC)
"""A moment whose milliseconds no float of seconds holds exactly."""
GOOD = make(IdKind.DEPLOYMENT, NOW, bytes(10))


@property_of
@given(KINDS, MOMENTS, NOISE)
@example(IdKind.TASK, BETWEEN, bytes(10))
def test_an_id_can_be_decoded(kind: IdKind, moment: datetime, noise: bytes) -> None:
    id_ = make(kind, moment, noise)
    number = 0
    for letter in id_.removeprefix(f"{kind}_"):
        number = number * 32 + ALPHABET.index(letter)
    assert kind_of(id_) is kind
    assert number.to_bytes(16, "big")[6:] == noise
    assert number >> 80 == (moment - EPOCH) // timedelta(milliseconds=1)


@property_of
@given(KINDS, MOMENTS, st.timedeltas(timedelta(milliseconds=1), timedelta(days=365)), NOISE, NOISE)
@example(IdKind.TASK, BETWEEN, timedelta(milliseconds=1), b"\xff" * 10, bytes(10))
def test_ids_sort_by_creation_time(
    kind: IdKind, moment: datetime, gap: timedelta, first_noise: bytes, second_noise: bytes
) -> None:
    assert make(kind, moment - gap, first_noise) < make(kind, moment, second_noise)


@property_of
@given(NOISE, NOISE)
def test_ids_of_one_moment_differ_by_their_noise(first_noise: bytes, second_noise: bytes) -> None:
    same = make(IdKind.TASK, NOW, first_noise) == make(IdKind.TASK, NOW, second_noise)
    assert same is (first_noise == second_noise)


def test_the_prefixes_of_all_kinds_differ_and_have_three_letters() -> None:
    assert len(set(IdKind)) == 14
    assert all(len(kind) == 3 and kind.isalpha() and kind.islower() for kind in IdKind)


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "_",
        "dep",
        "dep_",
        GOOD[4:],
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        " " + GOOD,
        GOOD.upper(),
        GOOD[:-1] + "A",
        GOOD[:-1] + "u",
        GOOD[:-1] + "٣",
        GOOD.replace("dep", "xyz"),
        GOOD.replace("dep", "DEP"),
        GOOD.replace("dep_", "dep-"),
        GOOD.replace("dep_", "dep__"),
        GOOD.replace("dep_", "_"),
    ],
)
def test_garbage_names_no_kind(garbage: str) -> None:
    assert kind_of(GOOD) is IdKind.DEPLOYMENT
    assert kind_of(garbage) is None


@property_of
@given(st.text(max_size=3), st.text(max_size=40))
def test_only_a_known_prefix_and_a_whole_body_name_a_kind(prefix: str, body: str) -> None:
    is_valid = len(body) == 26 and all(letter in ALPHABET for letter in body)
    assert (kind_of(f"{prefix}_{body}") is not None) is (prefix in set(IdKind) and is_valid)
    assert kind_of(f"{prefix}_{GOOD[4:]}") == (prefix if prefix in set(IdKind) else None)


@pytest.mark.parametrize("size", [0, 9, 11])
def test_noise_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"10 bytes of noise, not {size}"):
        make(IdKind.TASK, NOW, bytes(size))


def test_a_workflow_is_named_by_its_deployment() -> None:
    deployment = make(IdKind.DEPLOYMENT, EPOCH, bytes(10))
    assert kind_of(workflow_of(deployment)) is IdKind.WORKFLOW
    assert deployment_of(workflow_of(deployment)) == deployment
