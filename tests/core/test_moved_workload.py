"""The record of a workload: drift, the desired replicas, and allowed disruptions."""

from dataclasses import replace
from typing import Any

import pytest

from app.core import rollout
from app.core.kubernetes import drift, replicas, update_strategy
from app.core.moved_workload import MovedWorkload, is_half_moved
from app.core.strategy.model import Phase, Progress
from app.core.task import accept_previous_image
from tests.core.support.build import at

OLD, NEW = "web:1", "web:2"
BEGUN = MovedWorkload("dep_1", OLD, 10, OLD, 10)


def deployment(image: str = OLD, size: int = 10, **status: int) -> dict[str, Any]:
    containers = [{"name": "web", "image": image}]
    spec = {"replicas": size, "template": {"spec": {"containers": containers}}}
    return {"metadata": {"name": "web", "generation": 1}, "spec": spec, "status": {"observedGeneration": 1, **status}}


def test_until_a_change_is_confirmed_both_values_are_accepted() -> None:
    on_the_way = BEGUN.with_pending_change(NEW, 7)
    assert (on_the_way.images, on_the_way.sizes) == ((NEW, OLD), (7, 10))
    changed_again = on_the_way.with_pending_change(OLD, 10)
    assert (set(changed_again.images), set(changed_again.sizes)) == ({OLD, NEW}, {7, 10})
    assert (on_the_way.with_change_confirmed().images, on_the_way.with_change_confirmed().sizes) == ((NEW,), (7,))
    assert drift.image(deployment(OLD), "web", *on_the_way.images) is None
    assert drift.image(deployment(OLD), "web", *on_the_way.with_change_confirmed().images) is not None


def test_a_retry_accepts_the_previous_image() -> None:
    progress = accept_previous_image(Progress(moved=BEGUN.with_pending_change(NEW, 10).with_change_confirmed()))
    assert progress is not None and progress.moved is not None and progress.moved.images == (NEW, OLD)
    assert accept_previous_image(None) is None and accept_previous_image(Progress()) == Progress()


@pytest.mark.parametrize(
    ("moved", "current", "is_split", "is_scaled", "size"),
    [
        (None, 7, False, False, 7),
        (replace(BEGUN, size=7), 7, True, False, 10),
        (replace(BEGUN, size=7), 7, False, False, 10),
        (replace(BEGUN, size=7), 8, False, False, 8),
        (BEGUN, 12, False, False, 12),
        (replace(BEGUN, size=None), 12, True, True, 12),
        (replace(BEGUN, size=None), 4, True, True, 10),
        (replace(BEGUN, size=None), 4, False, True, 4),
        (replace(BEGUN, over=True, size=None), 4, False, False, 4),
    ],
)
def test_the_desired_number_of_replicas(
    moved: MovedWorkload | None, current: int, is_split: bool, is_scaled: bool, size: int
) -> None:
    assert replicas.target_replicas(deployment(size=current), moved, is_split=is_split, is_scaled=is_scaled) == size


@pytest.mark.parametrize(
    ("base", "beside", "floor", "expected"),
    [
        ((4, 3, 3), (3, 2, 2), 4, 1),
        ((4, 3, 3), (1, 1, 1), 4, 1),
        ((4, 3, 3), (1, 1, 0), 4, 0),
        ((4, 3, 3), (1, 1, 1), 3, 0),
        ((4, 1, 1), (3, 3, 3), 4, 3),
        ((4, 4, 4), (2, 2, 2), 4, 1),
    ],
)
def test_replicas_that_a_second_set_saves(
    base: tuple[int, int, int], beside: tuple[int, int, int], floor: int, expected: int
) -> None:
    workloads = [
        deployment(size=size, replicas=existing, availableReplicas=available)
        for size, existing, available in (base, beside)
    ]
    assert replicas.replicas_to_keep(workloads[0], workloads[1], floor) == expected


@pytest.mark.parametrize(
    ("fields", "tight", "missing"),
    [
        ({}, False, 2),
        ({"maxSurge": 0, "maxUnavailable": 1}, True, 1),
        ({"maxSurge": "0%", "maxUnavailable": "5%"}, True, 1),
        ({"maxSurge": 1, "maxUnavailable": 0}, False, 0),
    ],
)
def test_limits_that_the_owner_of_a_workload_sets(fields: dict[str, Any], tight: bool, missing: int) -> None:
    body = deployment()
    body["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": fields}
    assert (update_strategy.forbids_surge(body), update_strategy.max_unavailable(body, 10)) == (tight, missing)
    assert (update_strategy.with_safe_strategy(body, 0) == body) is tight
    assert update_strategy.with_own_strategy(update_strategy.with_safe_strategy(body, 0))["spec"] == body["spec"]


def test_a_wait_that_a_person_ended_meanwhile_is_over() -> None:
    watching = Progress(phase=Phase.WATCHING, batch=1, resume_at=at(60))
    assert rollout.park(watching, watching, at(5)) == (watching, at(5))
    promoted = rollout.promote(watching, at(1), full=True)
    assert rollout.park(promoted, watching, at(5)) == (promoted, at(1))
    assert rollout.park(Progress(), watching, at(5)) == (watching, at(5))


def test_half_moved_workloads() -> None:
    assert is_half_moved(BEGUN)
    assert not is_half_moved(replace(BEGUN, over=True)) and not is_half_moved(None)
