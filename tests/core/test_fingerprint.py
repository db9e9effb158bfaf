"""Fingerprints of commands: equal for equal commands, different for different ones."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from app.core.application import CommandStep
from app.core.fingerprint import fingerprint
from app.core.workflow import TaskType, WorkflowTask


@dataclass(frozen=True)
class Order:
    """A value with a field that is created for each call."""

    name: str
    secret: str = field(compare=False)


def task(**fields: Any) -> WorkflowTask:
    return WorkflowTask(key="a", name="a", type=TaskType.CUSTOM, **fields)


NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (task(payload={"a": 1, "b": [{"c": 1.0, "d": None}]}), task(payload={"b": [{"d": None, "c": 1}], "a": 1.0})),
        (task(payload={"a": -0.0}), task(payload={"a": 0})),
        (task(payload={"a": 1e22}), task(payload={"a": 10**22})),
        (CommandStep(("x",), env={"A": "1", "B": "2"}), CommandStep(("x",), env={"B": "2", "A": "1"})),
        (NOON, NOON.astimezone(timezone(timedelta(hours=5)))),
        (("id", {"x": (1, 2)}), ("id", {"x": [1, 2]})),
        (Order("n", "one"), Order("n", "other")),
    ],
)
def test_equal_commands_have_equal_fingerprints(left: object, right: object) -> None:
    assert fingerprint(left) == fingerprint(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "1"}),
        ({"a": None}, {}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        (task(payload={"a": 0.1}), task(payload={"a": 0.2})),
        (task(payload={"a": "b"}), task(payload={"a": "B"})),
        (("id", {"x": None}), ("id", {})),
        (NOON, NOON + timedelta(microseconds=1)),
        ("a", ("a",)),
    ],
)
def test_different_commands_have_different_fingerprints(left: object, right: object) -> None:
    assert fingerprint(left) != fingerprint(right)
