"""Conflicting names of cluster objects between applications."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.core.application import Application, KubernetesTarget
from app.core.kubernetes.ownership import name_conflicts, named_objects, reserved_names

THEIRS = Application(
    id="app_01",
    name="payments",
    description="",
    repository_url=None,
    build=None,
    test=None,
    kubernetes=KubernetesTarget("pay", "main", "pay-web", "pay-route"),
    health_check=None,
    archived_at=None,
    created_at=datetime(2030, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        (KubernetesTarget("pay", "c"), ["workload"]),
        (KubernetesTarget("pay-canary", "c"), ["workload"]),
        (KubernetesTarget("pay-preview", "c"), ["workload"]),
        (KubernetesTarget("mine", "c", "pay-web"), ["service"]),
        (KubernetesTarget("mine", "c", "pay-web-canary"), ["service"]),
        (KubernetesTarget("mine", "c", "mine", "pay-route"), ["httpRoute"]),
        (KubernetesTarget("pay", "c", "pay-web", "pay-route"), ["workload", "service", "httpRoute"]),
        (KubernetesTarget("payments", "c", "pay", "pay-web"), []),
        (KubernetesTarget("mine", "c", "pay-web-preview"), ["service"]),
        (KubernetesTarget("pay-canary-2", "c", "pay-web-stable"), []),
    ],
)
def test_objects_of_another_application_are_conflicts(target: KubernetesTarget, fields: list[str]) -> None:
    conflicts = list(name_conflicts(target, None, [THEIRS]))
    assert [conflict.path for conflict in conflicts] == [("kubernetes", field) for field in fields]
    assert list(name_conflicts(target, target, [THEIRS])) == []  # it had them before anybody looked


@pytest.mark.parametrize("mine", ["web-canary", "web-preview"])
def test_names_conflict_in_either_order(mine: str) -> None:
    theirs = replace(THEIRS, kubernetes=KubernetesTarget(mine, "c"))
    assert list(name_conflicts(KubernetesTarget("web", "c"), None, [theirs]))
    assert mine in reserved_names(KubernetesTarget("web", "c"))["workload"]


def test_an_archived_application_keeps_its_objects_and_the_message_names_it() -> None:
    theirs = replace(THEIRS, archived_at=THEIRS.created_at)
    (conflict,) = name_conflicts(KubernetesTarget("pay", "c"), None, [theirs])
    assert "“payments” (archived) uses the workload “pay”" in conflict.message


def test_a_container_is_no_object() -> None:
    assert named_objects(KubernetesTarget("pay", "a")) == named_objects(KubernetesTarget("pay", "b"))
    assert named_objects(None) == (None, None, None)
