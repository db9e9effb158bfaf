"""The graph that is generated from applications.

In: applications and the order in which some of them must come. Out: tasks with edges.
Tested: the tasks and edges for each shape of an application, the order's edges, and that no generated graph has a
fault. Faults are tested in test_workflow_faults.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import graph
from app.core.application import Application, CommandStep
from app.core.deployment import definition_of
from app.core.workflow import TaskType, WorkflowTask, blocker_graph
from app.core.workflow_faults import find_faults
from app.core.workflow_generator import generate as generate_defined
from tests.core.support.build import application, property_of

EARLY = {TaskType.BUILD, TaskType.TEST}


def generate(applications: Sequence[Application], must_in_order: Sequence[str] = ()) -> tuple[WorkflowTask, ...]:
    return generate_defined([definition_of(item, None) for item in applications], must_in_order)


def edges(tasks: tuple[WorkflowTask, ...]) -> dict[str, tuple[str, ...]]:
    return {task.key: task.block_by for task in tasks}


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[Application], list[str]]:
    shape = st.tuples(st.booleans(), st.booleans(), st.booleans())
    shapes = draw(st.lists(shape, max_size=6))
    chosen = [application(f"a{i}", build=b, test=t, health=h) for i, (b, t, h) in enumerate(shapes)]
    ids = draw(st.permutations([item.id for item in chosen]))
    return chosen, ids[: draw(st.integers(0, len(ids)))]


@pytest.mark.parametrize(
    ("build", "test", "health", "expected"),
    [
        (False, False, False, "deploy"),
        (True, False, False, "build deploy"),
        (False, True, False, "test deploy"),
        (False, False, True, "deploy health_check"),
        (True, True, False, "build test deploy"),
        (True, False, True, "build deploy health_check"),
        (False, True, True, "test deploy health_check"),
        (True, True, True, "build test deploy health_check"),
    ],
)
def test_an_application_has_the_tasks_that_it_defines_in_a_chain(
    build: bool, test: bool, health: bool, expected: str
) -> None:
    chain = ["prepare", *(f"shop/{name}" for name in expected.split())]
    tasks = generate([application("shop", build=build, test=test, health=health)])
    assert edges(tasks) == {key: tuple(chain[max(i - 1, 0) : i]) for i, key in enumerate(chain)}


def test_without_applications_only_the_prepare_task_is_generated() -> None:
    assert [(task.key, task.type) for task in generate([])] == [("prepare", TaskType.PREPARE)]


def test_generated_tasks_have_a_type_and_an_application() -> None:
    tasks = generate([application("shop")])
    assert [task.type for task in tasks] == list(TaskType)[:5]
    assert [task.application_id for task in tasks] == [None, *["id-shop"] * 4]


def test_the_limits_of_a_step_become_those_of_its_task() -> None:
    slow = CommandStep(("make", "-j2"), timeout_seconds=77, max_attempts=3)
    _, build, test, *_ = generate([replace(application("shop"), build=slow)])
    assert (build.command, build.timeout_seconds, build.max_attempts) == (slow, 77, 3)
    assert (test.timeout_seconds, test.max_attempts) == (1800, 1)


@pytest.mark.parametrize(
    ("must", "expected"),
    [
        ([], {}),
        (["id-a"], {}),
        (["id-a", "id-b"], {"b": "a/health_check"}),
        (["id-b", "id-a"], {"a": "b/deploy"}),
        (["id-a", "id-b", "id-c"], {"b": "a/health_check", "c": "b/deploy"}),
        (["id-c", "id-a"], {"a": "c/deploy"}),
    ],
)
def test_must_in_order_lets_a_deploy_wait_for_the_last_task_before_it(
    must: list[str], expected: dict[str, str]
) -> None:
    tasks = generate([application("a"), application("b", health=False), application("c", health=False)], must)
    blocker_by_application = {task.key.split("/")[0]: task.block_by[1] for task in tasks if len(task.block_by) > 1}
    assert blocker_by_application == expected
    assert all(task.type is TaskType.DEPLOY for task in tasks if len(task.block_by) > 1)


@property_of
@given(orders())
def test_every_generated_graph_is_valid(drawn: tuple[list[Application], list[str]]) -> None:
    applications, must = drawn
    names = {item.id: item.name for item in applications}
    assert find_faults(generate(applications, must), names, must) == ()


@property_of
@given(orders())
def test_builds_and_tests_wait_for_no_other_application(drawn: tuple[list[Application], list[str]]) -> None:
    tasks = generate(*drawn)
    masks = graph.ancestors(blocker_graph(tasks))
    for task in (item for item in tasks if item.type in EARLY):
        ancestors = [ancestor for index, ancestor in enumerate(tasks) if masks[task.key] >> index & 1]
        assert {ancestor.application_id for ancestor in ancestors} <= {None, task.application_id}


@property_of
@given(orders())
def test_deploys_follow_must_in_order(drawn: tuple[list[Application], list[str]]) -> None:
    tasks = generate(*drawn)
    order = graph.order(blocker_graph(tasks))
    deploys = [key for key in order if key.endswith("/deploy")]
    expected = [f"{id_.removeprefix('id-')}/deploy" for id_ in drawn[1]]
    assert [key for key in deploys if key in expected] == expected
