"""Admission of waiting deployments.

In: the locks of active deployments of an environment, those that waiting ones need (in the order of requests), and the
capacity. Out: those that may start, and for each the reason why it does not.
Tested: worked examples; and over random queues that no application is locked twice, no deployment is overtaken for an
application, the capacity holds, and every deployment starts in the end.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.admission import Claim, QueuePosition, WaitReason, admit, queue_position
from tests.core.support.build import property_of


def claims(text: str) -> list[Claim]:
    """Read "x:ab y!:c" as x, which needs a and b, and y, which needs c and is exempt from freezes."""
    pairs = [word.split(":") for word in text.split()]
    return [Claim(id.rstrip("!"), tuple(applications), id.endswith("!")) for id, applications in pairs]


@pytest.mark.parametrize(
    ("active", "waiting", "capacity", "admitted"),
    [
        ("", "", 2, ""),
        ("", "x:a", 1, "x"),
        ("", "x:a y:b", 2, "x y"),
        ("", "x:a y:b", 1, "x"),
        ("", "x:a", 0, ""),
        ("", "x:a y:a", 2, "x"),
        ("r:a", "x:a", 2, ""),
        ("r:a", "x:b", 2, "x"),
        ("r:a", "x:b", 1, ""),
        ("r:a s:b", "x:c", 1, ""),
        ("r:a", "x:a y:b", 2, "y"),
        ("r:a", "x:ab y:b", 3, ""),
        ("r:a", "x:ab y:bc z:c", 9, ""),
        ("r:a", "x:ab y:c", 3, "y"),
        ("", "x:ab y:bc z:c", 9, "x"),
        ("", "x:a y:b z:a", 9, "x y"),
        ("r:a", "x:b y:b z:c", 2, "x"),
    ],
)
def test_deployments_that_can_start(active: str, waiting: str, capacity: int, admitted: str) -> None:
    assert " ".join(admit(claims(active), claims(waiting), capacity)) == admitted


@pytest.mark.parametrize(
    ("active", "waiting", "capacity", "admitted"),
    [
        ("", "x:a", 9, ""),
        ("", "x!:a", 9, "x"),
        ("", "x:a y!:a z:b", 9, "y"),
        ("", "x!:a y!:a", 9, "x"),
        ("", "x!:a y!:b", 1, "x"),
        ("r:a", "x!:a y!:b", 9, "y"),
    ],
)
def test_deployments_that_can_start_during_a_freeze(active: str, waiting: str, capacity: int, admitted: str) -> None:
    assert " ".join(admit(claims(active), claims(waiting), capacity, frozen=True)) == admitted


@pytest.mark.parametrize(
    ("id", "waiting", "frozen", "expected"),
    [
        ("y", "x:a y:a", True, QueuePosition((WaitReason("x", "a"),), 2, full=False)),
        ("y", "x:a y!:a", False, QueuePosition((WaitReason("x", "a"),), 2, full=False)),
        ("y", "x:a y!:a", True, QueuePosition((), 1, full=False)),
        ("y", "w!:a x:a y!:a", True, QueuePosition((WaitReason("w", "a"),), 2, full=False)),
    ],
)
def test_the_queue_position_of_an_exempt_deployment(
    id: str, waiting: str, frozen: bool, expected: QueuePosition
) -> None:
    assert queue_position(id, (), claims(waiting), 9, frozen=frozen) == expected


@pytest.mark.parametrize(
    ("active", "waiting", "capacity", "expected"),
    [
        ("", "x:a", 1, QueuePosition((), 1, full=False)),
        ("r:b", "x:a", 1, QueuePosition((), 1, full=True)),
        ("r:a", "x:a", 2, QueuePosition((WaitReason("r", "a"),), 1, full=False)),
        ("r:a", "x:a", 1, QueuePosition((WaitReason("r", "a"),), 1, full=True)),
        ("r:a", "w:b x:ab", 9, QueuePosition((WaitReason("r", "a"), WaitReason("w", "b")), 2, full=False)),
        ("r:ab", "x:ab", 9, QueuePosition((WaitReason("r", "a"), WaitReason("r", "b")), 1, full=False)),
        ("r:a", "v:c w:c x:b y:b", 9, QueuePosition((), 3, full=False)),
    ],
)
def test_the_queue_position_of_a_waiting_deployment(
    active: str, waiting: str, capacity: int, expected: QueuePosition
) -> None:
    assert queue_position("x", claims(active), claims(waiting), capacity) == expected


NEEDS = st.text("abcdefgh", min_size=1, max_size=3).map(lambda letters: tuple(dict.fromkeys(letters)))
QUEUES = st.lists(NEEDS, max_size=8).map(lambda needs: [Claim(f"d{i}", need) for i, need in enumerate(needs)])


@property_of
@given(QUEUES, QUEUES, st.integers(0, 5))
def test_exactly_admitted_deployments_can_start(
    active_claims: list[Claim], waiting: list[Claim], capacity: int
) -> None:
    active = [claim for claim in active_claims if claim.deployment_id in admit([], active_claims, capacity)]
    admitted = admit(active, waiting, capacity)
    free = [
        claim.deployment_id
        for claim in waiting
        if queue_position(claim.deployment_id, active, waiting, capacity).can_start
    ]
    assert free == list(admitted)


@property_of
@given(QUEUES, st.integers(1, 4), st.data())
def test_a_queue_empties_in_order_and_within_the_capacity(
    waiting: list[Claim], capacity: int, data: st.DataObject
) -> None:
    active: list[Claim] = []
    started: list[Claim] = []
    while waiting or active:
        admitted = admit(active, waiting, capacity)
        assert active or admitted, "no deployment runs, but none may start"
        started += [claim for claim in waiting if claim.deployment_id in admitted]
        active += [claim for claim in waiting if claim.deployment_id in admitted]
        waiting = [claim for claim in waiting if claim.deployment_id not in admitted]
        locked_ids = [application for claim in active for application in claim.application_ids]
        assert len(active) <= capacity and len(locked_ids) == len(set(locked_ids))
        active.remove(data.draw(st.sampled_from(active)))
    for application in "abcdefgh":
        turns = [claim.deployment_id for claim in started if application in claim.application_ids]
        assert turns == sorted(turns)


@property_of
@given(QUEUES.filter(bool), st.lists(NEEDS, max_size=40), st.integers(1, 3))
def test_newcomers_do_not_starve_a_waiting_deployment(
    waiting: list[Claim], newcomers: list[tuple[str, ...]], capacity: int
) -> None:
    waited_for, active, rounds = waiting[-1].deployment_id, list[Claim](), 0
    while waited_for in [claim.deployment_id for claim in waiting]:
        admitted = admit(active, waiting, capacity)
        active += [claim for claim in waiting if claim.deployment_id in admitted]
        waiting = [claim for claim in waiting if claim.deployment_id not in admitted]
        waiting += [Claim(f"new{rounds}.{i}", need) for i, need in enumerate(newcomers)]
        active, rounds = active[1:], rounds + 1
        assert rounds <= 2 * 8
