"""Faults of a graph.

In: any tasks, the applications of the deployment, the order they must come in; for an edit also the tasks before it and
those that have started. Out: every fault at once, with the keys concerned.
Tested: each kind of fault alone, several at once, cycles against a model, and graphs at and above the greatest size.
"""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given

from app.core.application import CommandStep
from app.core.errors import ErrorCode, FaultKind
from app.core.workflow import MAX_TASKS, Position, TaskType, WorkflowTask
from app.core.workflow_faults import edit_faults, find_faults
from tests.core.support.build import closure, graphs, node, property_of

Found = list[tuple[FaultKind, tuple[str, ...]]]
BUILD, TEST, DEPLOY, HEALTH = TaskType.BUILD, TaskType.TEST, TaskType.DEPLOY, TaskType.HEALTH_CHECK
K = FaultKind
"""Short name for the tables below."""
APPLICATIONS = {"A": "shop", "B": "cart"}
PLAIN = node("x")


def faults_of(*tasks: WorkflowTask, must: tuple[str, ...] = (), commands_needed: bool = True) -> Found:
    faults = find_faults(tasks, APPLICATIONS, must, commands_needed=commands_needed)
    assert all(fault.code is ErrorCode.INVALID and fault.path == ("tasks",) and fault.message for fault in faults)
    return [(fault.kind, fault.task_keys) for fault in faults]


def tasks_with_value(value: str) -> list[WorkflowTask]:
    command = CommandStep(("run", value))
    variable = CommandStep(("run",), env={"KEY": value})
    return [node("x", command=command), node("x", command=variable)]


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([], []),
        ([PLAIN], []),
        ([node("x", "gone")], [(K.UNKNOWN_BLOCKER, ("x", "gone"))]),
        ([node("x", "gone", "gone")], [(K.UNKNOWN_BLOCKER, ("x", "gone"))]),
        ([node("x", "far", "gone")], [(K.UNKNOWN_BLOCKER, ("x", "far")), (K.UNKNOWN_BLOCKER, ("x", "gone"))]),
        ([PLAIN, PLAIN], [(K.DUPLICATE_KEY, ("x",))]),
        ([PLAIN, PLAIN, PLAIN], [(K.DUPLICATE_KEY, ("x",))]),
        ([node("a", "b"), node("b", "a")], [(K.CYCLE, ("a", "b", "a"))]),
        ([node("a", "b"), node("b", "c"), node("c", "b")], [(K.CYCLE, ("b", "c", "b"))]),
        ([node("x", command=None)], [(K.MISSING_COMMAND, ("x",))]),
        ([node("x", command=CommandStep(()))], [(K.MISSING_COMMAND, ("x",))]),
        ([node("x", type=BUILD, app="A", command=None)], [(K.MISSING_COMMAND, ("x",))]),
        ([node("x", type=TEST, app="A", command=None)], [(K.MISSING_COMMAND, ("x",))]),
        ([node("x", type=DEPLOY, app="A", command=None)], []),
        ([node("x", type=HEALTH, app="A", command=None)], []),
        ([node("x", type=TaskType.PREPARE, command=None)], []),
        ([node("x", app="Z")], [(K.UNKNOWN_APPLICATION, ("x",))]),
        *(([node("x", type=kind)], [(K.UNKNOWN_APPLICATION, ("x",))]) for kind in (BUILD, TEST, DEPLOY, HEALTH)),
        ([node("x", type=TaskType.PREPARE)], []),
    ],
)
def test_a_fault_alone(tasks: list[WorkflowTask], expected: Found) -> None:
    assert faults_of(*tasks) == expected


def test_a_task_that_waits_for_itself_is_a_fault() -> None:
    assert (K.SELF_BLOCK, ("x",)) in faults_of(node("x", "x"))


@pytest.mark.parametrize(
    ("first_type", "second_type", "fault"),
    [
        (BUILD, TEST, False),
        (BUILD, DEPLOY, False),
        (TEST, HEALTH, False),
        (DEPLOY, DEPLOY, False),
        (TEST, BUILD, True),
        (DEPLOY, BUILD, True),
        (DEPLOY, TEST, True),
        (HEALTH, BUILD, True),
        (HEALTH, TEST, True),
        (HEALTH, DEPLOY, True),
        (HEALTH, TaskType.CUSTOM, False),
    ],
)
def test_types_have_an_order_within_an_application(first_type: TaskType, second_type: TaskType, fault: bool) -> None:
    direct = [node("one", type=first_type, app="A"), node("two", "one", type=second_type, app="A")]
    between = [direct[0], node("mid", "one"), node("two", "mid", type=second_type, app="A")]
    expected = [(K.TYPE_ORDER, ("two", "one"))] if fault else []
    assert faults_of(*direct) == faults_of(*between) == expected


def test_types_have_no_order_between_applications() -> None:
    assert faults_of(node("one", type=HEALTH, app="A"), node("two", "one", type=BUILD, app="B")) == []


@pytest.mark.parametrize(
    ("must", "blocked_by", "expected"),
    [
        ((), (), []),
        (("A",), (), []),
        (("A", "B"), ("a/health",), []),
        (("A", "B"), (), [(K.MUST_IN_ORDER, ("b/deploy", "a/health"))]),
        (("A", "B"), ("a/deploy",), [(K.MUST_IN_ORDER, ("b/deploy", "a/health"))]),
        (("B", "A"), (), [(K.MUST_IN_ORDER, ("a/deploy", "b/deploy"))]),
    ],
)
def test_must_in_order_needs_its_edges(must: tuple[str, ...], blocked_by: tuple[str, ...], expected: Found) -> None:
    first_tasks = [node("a/deploy", type=DEPLOY, app="A"), node("a/health", "a/deploy", type=HEALTH, app="A")]
    assert faults_of(*first_tasks, node("b/deploy", *blocked_by, type=DEPLOY, app="B"), must=must) == expected


def test_must_in_order_names_only_applications_of_the_deployment() -> None:
    deploys = [node("a", type=DEPLOY, app="A"), node("b", "a", type=DEPLOY, app="B")]
    assert find_faults(deploys, APPLICATIONS, ("A", "Z", "B")) != ()


@pytest.mark.parametrize(
    "value", ["${{ parameters.size }}", "--size=${{parameters.size}}g", "${{ a }}${{ b }}", "${{}}"]
)
def test_a_parameter_without_a_value_is_found_in_commands_and_variables(value: str) -> None:
    assert [faults_of(task) for task in tasks_with_value(value)] == [[(K.MISSING_PARAMETER, ("x",))]] * 2
    assert faults_of(node("x", command=CommandStep((value,), env={"KEY": value}))) == [(K.MISSING_PARAMETER, ("x",))]


@pytest.mark.parametrize("value", ["$HOME", "${HOME}", "{{ size }}", "$ {{ size }}", "${{ size", "size }}"])
def test_text_that_only_looks_like_a_parameter_is_valid(value: str) -> None:
    assert [faults_of(task) for task in tasks_with_value(value)] == [[], []]


def test_a_fault_of_a_parameter_shows_it() -> None:
    (fault,) = find_faults(tasks_with_value("at ${{ parameters.size }}")[:1], APPLICATIONS)
    assert "${{ parameters.size }}" in fault.message


def test_where_only_simulated_no_command_is_missed() -> None:
    tasks = [node("x", command=None), node("y", "z", command=None)]
    assert faults_of(*tasks, commands_needed=False) == [(K.UNKNOWN_BLOCKER, ("y", "z"))]


def test_several_faults_are_reported_at_once() -> None:
    tasks = [
        node("a", "gone", command=None),
        node("a", type=BUILD),
        node("b", "b", app="Z"),
        tasks_with_value("${{ p }}")[0],
    ]
    assert Counter(kind for kind, _ in faults_of(*tasks)) == Counter(
        [K.DUPLICATE_KEY, K.UNKNOWN_BLOCKER, K.SELF_BLOCK, K.MISSING_COMMAND, K.MISSING_PARAMETER]
        + [K.UNKNOWN_APPLICATION] * 2
    )


def test_faults_of_order_are_reported_beside_each_other_and_beside_contents() -> None:
    tasks = [
        node("a", "t", type=BUILD, app="A", command=None),
        node("t", type=TEST, app="A"),
        node("d", type=DEPLOY, app="A"),
        node("e", type=DEPLOY, app="B"),
    ]
    expected = [(K.MISSING_COMMAND, ("a",)), (K.TYPE_ORDER, ("a", "t")), (K.MUST_IN_ORDER, ("e", "d"))]
    assert faults_of(*tasks, must=("A", "B")) == expected


@pytest.mark.parametrize(
    ("other_tasks", "kind"),
    [
        ([node("x", "x")], K.SELF_BLOCK),
        ([node("x", "gone")], K.UNKNOWN_BLOCKER),
        ([node("x", command=None)], K.MISSING_COMMAND),
        ([node("x", app="Z")], K.UNKNOWN_APPLICATION),
        ([node("x", "y"), node("y", "x")], K.CYCLE),
    ],
)
def test_no_other_fault_hides_a_cycle(other_tasks: list[WorkflowTask], kind: FaultKind) -> None:
    faults = faults_of(*other_tasks, node("a", "b"), node("b", "a"))
    assert kind in [fault for fault, _ in faults]
    assert [set(keys) for fault, keys in faults if fault is K.CYCLE and "a" in keys] == [{"a", "b"}]


@property_of
@given(graphs())
def test_a_graph_of_plain_tasks_is_valid_unless_a_task_waits_for_itself(
    edges: dict[str, tuple[str, ...]],
) -> None:
    faults = faults_of(*(node(key, *blockers) for key, blockers in edges.items()))
    assert bool(faults) is any(key in reach for key, reach in closure(edges).items())
    assert [keys for kind, keys in faults if kind is K.SELF_BLOCK] == [(key,) for key in edges if key in edges[key]]
    assert {kind for kind, _ in faults} <= {K.SELF_BLOCK, K.CYCLE}


@property_of
@given(graphs())
def test_every_knot_of_tasks_has_its_cycle_reported(edges: dict[str, tuple[str, ...]]) -> None:
    reach = closure(edges)
    knots = [{key_ for key_ in reach[key] if key in reach[key_]} for key in edges]
    cycles = [set(keys) for kind, keys in faults_of(*(node(key, *edges[key]) for key in edges)) if kind is K.CYCLE]
    assert all(any(cycle <= knot for cycle in cycles) for knot in knots if len(knot) > 1)


@property_of
@given(graphs())
def test_the_path_of_a_cycle_can_be_walked(edges: dict[str, tuple[str, ...]]) -> None:
    for kind, keys in faults_of(*(node(key, *blockers) for key, blockers in edges.items())):
        if kind is K.CYCLE:
            assert keys[0] == keys[-1]
            assert all(blocker in edges[key] for key, blocker in pairwise(keys))


def test_the_greatest_graph_is_accepted_and_one_task_more_is_not() -> None:
    chain = [node(f"n{i}", *([f"n{i - 1}"] if i else [])) for i in range(MAX_TASKS + 1)]
    assert MAX_TASKS == 2000
    assert faults_of(*chain[:MAX_TASKS]) == []
    assert faults_of(*chain) == [(K.TOO_LARGE, ())]


def test_a_cycle_through_the_greatest_graph_is_found() -> None:
    ring = [node(f"n{i}", f"n{i - 1}" if i else f"n{MAX_TASKS - 1}") for i in range(MAX_TASKS)]
    ((kind, path),) = faults_of(*ring)
    assert (kind, len(path), path[0]) == (K.CYCLE, MAX_TASKS + 1, path[-1])


@pytest.mark.parametrize(
    ("edited", "faults"),
    [
        ([node("a"), node("b", "a"), node("c", "b")], []),
        ([node("a"), node("b", "a")], []),
        ([node("a"), node("b", "a"), node("c", "a")], []),
        ([node("a"), node("b", "a"), node("c", "b", "new"), node("new")], []),
        ([node("c", "b"), node("b", "a"), node("a")], []),
        ([node("a"), node("c")], ["b"]),
        ([], ["a", "b"]),
        ([node("a"), node("b")], ["b"]),
        ([node("a", max_attempts=2), node("b", "a")], ["a"]),
        ([node("a", command=CommandStep(("rm",))), node("b", "a")], ["a"]),
        ([node("a"), node("new"), node("b", "a", "new")], ["b"]),
        ([node("a", type=TaskType.PREPARE), node("b", "a", payload={"seconds": 1})], ["a", "b"]),
    ],
)
def test_tasks_that_have_started_cannot_be_edited(edited: list[WorkflowTask], faults: list[str]) -> None:
    original = [node("a"), node("b", "a"), node("c", "b")]
    reported = edit_faults(original, edited, {"a", "b"})
    assert [fault.task_keys for fault in reported] == [(key,) for key in faults]
    assert {fault.kind for fault in reported} <= {K.NOT_EDITABLE}


def test_while_nothing_has_started_everything_may_be_edited() -> None:
    assert edit_faults([node("a")], [node("b", position=Position(1, 2))], set()) == ()
