"""Inputs become core values.

Null means the default, and values of the wrong kind are refused with their path.
"""

from typing import Any

import pytest

from app.api.inputs.commands import CommandStepInput
from app.api.inputs.workflows import PositionInput, WorkflowTaskInput, core_tasks
from app.api.scalars import JSON
from app.core.application import CommandStep
from app.core.errors import Refused
from app.core.workflow import Position, TaskType, WorkflowTask


def sent(**fields: Any) -> WorkflowTaskInput:
    return WorkflowTaskInput(key="k", name="n", type=TaskType.BUILD, **fields)


def meant(**fields: Any) -> WorkflowTask:
    return WorkflowTask(key="k", name="n", type=TaskType.BUILD, **fields)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (sent(), meant()),
        (sent(block_by=None, require_confirm=None, command=None, payload=None, position=None), meant()),
        (sent(block_by=["a"], require_confirm=True), meant(block_by=("a",), require_confirm=True)),
        (sent(payload={"a": 1}, application_id="x"), meant(payload={"a": 1}, application_id="x")),
        (sent(position=PositionInput(x=1, y=2)), meant(position=Position(1, 2))),
        (sent(timeout_seconds=5, max_attempts=6), meant(timeout_seconds=5, max_attempts=6)),
        (sent(command=CommandStepInput(command=["m"])), meant(command=CommandStep(("m",)))),
        (
            sent(
                command=CommandStepInput(
                    command=["m"], image="i", env=JSON({"A": "b"}), timeout_seconds=2, max_attempts=3
                )
            ),
            meant(command=CommandStep(("m",), "i", {"A": "b"}, 2, 3), timeout_seconds=2, max_attempts=3),
        ),
        (
            sent(command=CommandStepInput(command=[], timeout_seconds=None, max_attempts=None), timeout_seconds=7),
            meant(command=CommandStep(()), timeout_seconds=7),
        ),
    ],
)
def test_a_task_input_becomes_the_expected_core_value(task: WorkflowTaskInput, expected: WorkflowTask) -> None:
    assert task.task() == expected
    assert core_tasks([sent(command=CommandStepInput(command=["x"])), task, sent()], "tasks")[1:] == (expected, meant())


@pytest.mark.parametrize(
    ("task", "field"),
    [
        (sent(payload=[1]), ("payload",)),
        (sent(command=CommandStepInput(command=[], env=JSON("A=b"))), ("command", "env")),
    ],
)
def test_a_value_that_is_not_an_object_is_refused_with_its_path(
    task: WorkflowTaskInput, field: tuple[str, ...]
) -> None:
    for act, path in (
        (lambda: core_tasks([sent(), task], "tasks"), ("tasks", "1", *field)),
        (lambda: task.task("task"), ("task", *field)),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert [problem.path for problem in refused.value.problems] == [path]
