"""The quick check that lets valid tasks skip the whole check.

In: tasks of which any part may be invalid. Out: whether all parts are valid. Tested: it never passes a task with a
problem, and passes the tasks of editors and generators. `test_validation` tests the whole check.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.application import CommandStep
from app.core.validation.task_checks import is_clearly_valid, workflow_task, workflow_tasks
from app.core.workflow import WorkflowTask
from tests.core.support.build import node, property_of

texts = st.one_of(
    st.sampled_from(["", " ", "a", "a\0", "a\n", "\ud800", "é 🚀", "BOREAS_X", "x" * 201, "\u2028", "\xa0"]),
    st.text(st.characters(), max_size=3),
)
numbers = st.sampled_from([-1, 0, 1, 100, 101, 7 * 86_400, 7 * 86_400 + 1])
steps = st.builds(
    CommandStep,
    st.lists(texts, max_size=3).map(tuple),
    st.none() | texts,
    st.dictionaries(st.just("A") | texts, texts | st.integers(), max_size=2),
)
tasks = st.builds(
    lambda key, name, **more: replace(node(key, **more), name=name),
    texts,
    texts,
    command=st.none() | steps,
    payload=st.just({}) | st.dictionaries(texts, texts, max_size=1),
    timeout_seconds=numbers,
    max_attempts=numbers,
)


@property_of
@given(st.lists(tasks, max_size=4))
def test_is_clearly_valid_accepts_no_invalid_task(tasks: list[WorkflowTask]) -> None:
    for task in tasks:
        assert not is_clearly_valid(task) or not list(workflow_task(task))
    problems = [problem for index, task in enumerate(tasks) for problem in workflow_task(task, "tasks", str(index))]
    assert list(workflow_tasks(tasks)) == problems


USUAL = node("web/build 🚀", command=CommandStep(("make", "-C", "web"), "image:1", {"PART": "é"}))


@pytest.mark.parametrize(
    ("task", "good"),
    [
        (USUAL, True),
        (replace(USUAL, command=None), True),
        (replace(USUAL, key=" "), False),
        (replace(USUAL, name="x" * 201), False),
        (replace(USUAL, timeout_seconds=0), False),
        (replace(USUAL, max_attempts=101), False),
        (replace(USUAL, command=CommandStep(("a\0",))), False),
        (replace(USUAL, command=CommandStep(("a",), env={"BOREAS_X": "1"})), False),
    ],
)
def test_clearly_valid_tasks(task: WorkflowTask, good: bool) -> None:
    assert is_clearly_valid(task) is good
