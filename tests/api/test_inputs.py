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


def task_input(**fields: Any) -> WorkflowTaskInput:
    return WorkflowTaskInput(key="k", name="n", type=TaskType.BUILD, **fields)


def core_task(**fields: Any) -> WorkflowTask:
    return WorkflowTask(key="k", name="n", type=TaskType.BUILD, **fields)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (task_input(), core_task()),
        (task_input(block_by=None, require_confirm=None, command=None, payload=None, position=None), core_task()),
        (task_input(block_by=["a"], require_confirm=True), core_task(block_by=("a",), require_confirm=True)),
        (task_input(payload={"a": 1}, application_id="x"), core_task(payload={"a": 1}, application_id="x")),
        (task_input(position=PositionInput(x=1, y=2)), core_task(position=Position(1, 2))),
        (task_input(timeout_seconds=5, max_attempts=6), core_task(timeout_seconds=5, max_attempts=6)),
        (task_input(command=CommandStepInput(command=["m"])), core_task(command=CommandStep(("m",)))),
        (
            task_input(
                command=CommandStepInput(
                    command=["m"], image="i", env=JSON({"A": "b"}), timeout_seconds=2, max_attempts=3
                )
            ),
            core_task(command=CommandStep(("m",), "i", {"A": "b"}, 2, 3), timeout_seconds=2, max_attempts=3),
        ),
        (
            task_input(
                command=CommandStepInput(command=[], timeout_seconds=None, max_attempts=None), timeout_seconds=7
            ),
            core_task(command=CommandStep(()), timeout_seconds=7),
        ),
    ],
)
def test_a_task_input_becomes_the_expected_core_value(task: WorkflowTaskInput, expected: WorkflowTask) -> None:
    assert task.task() == expected
    assert core_tasks([task_input(command=CommandStepInput(command=["x"])), task, task_input()], "tasks")[1:] == (
        expected,
        core_task(),
    )


@pytest.mark.parametrize(
    ("task", "field"),
    [
        (task_input(payload=[1]), ("payload",)),
        (task_input(command=CommandStepInput(command=[], env=JSON("A=b"))), ("command", "env")),
    ],
)
def test_a_value_that_is_not_an_object_is_refused_with_its_path(
    task: WorkflowTaskInput, field: tuple[str, ...]
) -> None:
    for act, path in (
        (lambda: core_tasks([task_input(), task], "tasks"), ("tasks", "1", *field)),
        (lambda: task.task("task"), ("task", *field)),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert [problem.path for problem in refused.value.problems] == [path]
