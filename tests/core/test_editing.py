"""Edits of graphs.

In: a list of tasks and an edit; for rewrites also the stored tasks. Out: the new list, faults of
started tasks, and the rows to delete, insert and update. Tested elsewhere: faults of graphs (`test_workflow_faults`),
and the effect of an edit on a deployment (`services/test_editing`).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import editing
from app.core.editing import (
    Addition,
    Connection,
    Disconnection,
    Edit,
    Modification,
    Move,
    MoveDirection,
    Removal,
    Replacement,
    Restoration,
    apply_edit,
)
from app.core.errors import FaultKind, InvalidInput, NotFound, Problem, Refused
from app.core.revision import WorkflowDiff, describe, diff
from app.core.task import UNSTARTED, Task, TaskStatus, new_task, workflow_tasks
from app.core.workflow import Position, WorkflowTask
from app.core.workflow_faults import find_faults
from app.core.workflow_rewrite import Rewrite, rewrite
from tests.core.support.build import NOW, closure, dags, node, property_of, task

S = TaskStatus
CHAIN = (node("a"), node("b", "a"), node("c", "b"))
UP, DOWN = MoveDirection.UP, MoveDirection.DOWN
MOVED = (node("a"), node("c", "b"), node("b", "a"))


def edges(tasks: tuple[WorkflowTask, ...]) -> dict[str, tuple[str, ...]]:
    return {task.key: task.block_by for task in tasks}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Replacement((node("x", "y", "y"), node("y"))), {"x": ("y",), "y": ()}),
        (Restoration((node("x"),), 1), {"x": ()}),
        (Addition(node("d", "c", "c")), {"a": (), "b": ("a",), "c": ("b",), "d": ("c",)}),
        (Modification("c", {"block_by": ("a", "a")}), {"a": (), "b": ("a",), "c": ("a",)}),
        (Removal("a"), {"b": (), "c": ("b",)}),
        (Removal("b"), {"a": (), "c": ("a",)}),
        (Removal("c"), {"a": (), "b": ("a",)}),
        (Move("b", DOWN), {"a": (), "c": ("b",), "b": ("a",)}),
        (Move("b", UP), {"b": ("a",), "a": (), "c": ("b",)}),
        (Connection("a", "c"), {"a": (), "b": ("a",), "c": ("b", "a")}),
        (Disconnection("a", "b"), {"a": (), "b": (), "c": ("b",)}),
    ],
)
def test_an_edit_makes_the_list(edit: Edit, expected: dict[str, tuple[str, ...]]) -> None:
    edited = apply_edit(CHAIN, edit)
    assert list(edges(edited).items()) == list(expected.items())


def test_tasks_behind_a_removed_task_wait_for_its_blockers() -> None:
    tasks = (node("a"), node("b"), node("c", "a", "b"), node("d", "b", "c"))
    assert edges(apply_edit(tasks, Removal("c"))) == {"a": (), "b": (), "d": ("b", "a")}


def test_a_changed_task_keeps_its_other_fields() -> None:
    edited = apply_edit(CHAIN, Modification("b", {"name": "B 🚀", "max_attempts": 3}))
    assert edited == (CHAIN[0], replace(CHAIN[1], name="B 🚀", max_attempts=3), CHAIN[2])


@pytest.mark.parametrize(
    ("edit", "problem", "field"),
    [
        (Modification("z", {}), NotFound, "key"),
        (Removal("z"), NotFound, "key"),
        (Move("z", UP), NotFound, "key"),
        (Move("a", UP), InvalidInput, "direction"),
        (Move("c", DOWN), InvalidInput, "direction"),
        (Connection("z", "a"), NotFound, "from"),
        (Connection("a", "z"), NotFound, "to"),
        (Connection("a", "b"), InvalidInput, "to"),
        (Disconnection("z", "a"), NotFound, "from"),
        (Disconnection("a", "z"), NotFound, "to"),
        (Disconnection("a", "c"), InvalidInput, "from"),
    ],
)
def test_an_invalid_edit_is_refused_with_its_field(edit: Edit, problem: type[Problem], field: str) -> None:
    with pytest.raises(Refused) as refused:
        apply_edit(CHAIN, edit)
    (reported,) = refused.value.problems
    assert (type(reported), reported.path) == (problem, (field,))


@pytest.mark.parametrize(
    ("edit", "keys"),
    [
        (Modification("a", {"name": "other"}), ["a"]),
        (Modification("a", {"position": Position(1, 2)}), []),
        (Modification("b", {"name": "other"}), []),
        (Removal("a"), ["a"]),
        (Removal("b"), []),
        (Move("a", DOWN), ["a"]),
        (Move("b", UP), []),
        (Connection("a", "c"), []),
        (Replacement((node("b"), node("a"))), []),
        (Replacement((node("b"),)), ["a"]),
    ],
)
def test_started_tasks_cannot_be_changed(edit: Edit, keys: list[str]) -> None:
    faults = editing.faults(CHAIN, apply_edit(CHAIN, edit), edit, {"a"})
    assert [key for fault in faults for key in fault.task_keys] == keys
    assert all(fault.kind is FaultKind.NOT_EDITABLE for fault in faults)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Addition(node("d", "c")), "added d"),
        (Removal("b"), "removed b, connected a → c"),
        (Modification("b", {"name": "x", "require_confirm": True}), "changed b (name, require confirm)"),
        (Connection("a", "c"), "connected a → c"),
        (Disconnection("b", "c"), "disconnected b → c"),
        (Move("b", UP), "moved b up"),
        (Restoration(CHAIN[:1], 4), "restored revision 4"),
        (Replacement(CHAIN), "changed nothing"),
        (Replacement(MOVED), "changed the order"),
        (Replacement((node("a", position=Position(1, 1)), *CHAIN[1:])), "changed the layout"),
        (Replacement((*CHAIN, *(node(f"n{n}") for n in range(9)))), "added n0, n1, n2, n3, n4 and 4 more"),
    ],
)
def test_an_edit_is_described_in_words(edit: Edit, words: str) -> None:
    assert editing.summary(CHAIN, apply_edit(CHAIN, edit), edit) == words


STORED = [new_task(each, "d", order, {"a": "1", "b": "2", "c": "3"}) for order, each in enumerate(CHAIN)]


def test_stored_tasks_can_be_read_as_a_graph() -> None:
    assert workflow_tasks(STORED) == CHAIN


def test_tasks_keep_their_ids_by_their_keys() -> None:
    edited = (node("c"), node("new", "c"), node("a", "new"))
    rewritten = rewrite(STORED, edited, {"new": "4"})
    assert rewritten.removed == ("2",)
    assert [(item.id, item.key, item.block_by, item.status) for item in rewritten.added] == [
        ("4", "new", ("3",), S.BLOCKED)
    ]
    assert {item.id: (item.order, item.block_by) for item in rewritten.redefined} == {"3": (0, ()), "1": (2, ("4",))}
    assert {change.task_id: change.to for change in rewritten.changes} == {"1": S.BLOCKED, "3": S.PENDING}


def test_a_moved_task_is_not_redefined() -> None:
    rewritten = rewrite(STORED, (CHAIN[1], CHAIN[0], CHAIN[2]), {})
    assert (rewritten.moved, rewritten.redefined, rewritten.added, rewritten.removed, rewritten.changes) == (
        {"2": 0, "1": 1},
        (),
        (),
        (),
        (),
    )


@pytest.mark.parametrize(
    ("blocker_status", "status", "expected"),
    [
        (S.SUCCESS, S.BLOCKED, S.PENDING),
        (S.SKIPPED, S.BLOCKED, S.PENDING),
        (S.PENDING, S.PENDING, S.BLOCKED),
        (S.PENDING, S.WAITING_CONFIRM, S.BLOCKED),
        (S.SUCCESS, S.WAITING_CONFIRM, S.WAITING_CONFIRM),
        (S.PENDING, S.SKIPPED, S.SKIPPED),
    ],
)
def test_new_blockers_decide_the_status_of_a_task(blocker_status: TaskStatus, status: TaskStatus, expected: S) -> None:
    stored = [task("a", blocker_status), task("b", status)]
    rewritten = rewrite(stored, (workflow_tasks(stored)[0], node("b", "a", command=None)), {})
    assert {change.task_id: change.to for change in rewritten.changes}.get("b", status) == expected


@pytest.mark.parametrize(
    ("fields", "stays"),
    [
        ({}, True),
        ({"position": Position(1, 1)}, True),
        ({"name": "other"}, False),
        ({"payload": {"seconds": 2}}, False),
        ({"block_by": ("a",)}, False),
        ({"require_confirm": False}, False),
    ],
)
def test_a_confirmation_covers_only_the_confirmed_definition(fields: dict[str, Any], stays: bool) -> None:
    confirmed = task("b", S.PENDING, require_confirm=True, confirmed_by="u", confirmed_at=NOW)
    stored = [task("a", S.SUCCESS), confirmed]
    edited = apply_edit(workflow_tasks(stored), Modification("b", fields))
    redefined = {item.id: item for item in rewrite(stored, edited, {}).redefined}.get("b", confirmed)
    assert (redefined.confirmed_by, redefined.confirmed_at) == (("u", NOW) if stays else (None, None))


def test_lists_of_blockers_differ_as_sets() -> None:
    left, right = node("x", "a", "b"), node("x", "b", "a")
    assert diff([left], [right]) == WorkflowDiff((), (), ())
    assert diff([left], [node("x", "b")]).changed[0].fields == ("block_by",)


KEYS = [f"n{index}" for index in range(7)]
keys = st.sampled_from(KEYS)
tasks_ = st.builds(
    lambda key, blockers, name: node(key, *blockers, max_attempts=name),
    keys,
    st.lists(keys, max_size=3),
    st.integers(1, 3),
)
edits: st.SearchStrategy[Edit] = st.one_of(
    st.builds(Addition, tasks_),
    st.builds(Modification, keys, st.fixed_dictionaries({}, optional={"name": keys, "block_by": st.tuples(keys)})),
    st.builds(Removal, keys),
    st.builds(Move, keys, st.sampled_from(MoveDirection)),
    st.builds(Connection, keys, keys),
    st.builds(Disconnection, keys, keys),
    st.builds(Replacement, st.lists(tasks_, max_size=5).map(tuple)),
)


def apply_diff(tasks: tuple[WorkflowTask, ...], diff: WorkflowDiff) -> dict[str, WorkflowTask]:
    """Return a graph after a difference, by key."""
    tasks_by_key = {item.key: item for item in tasks}
    for removed in diff.removed:
        del tasks_by_key[removed.key]
    return (
        tasks_by_key | {item.key: item for item in diff.added} | {change.key: change.after for change in diff.changed}
    )


def by_key(tasks: Iterable[WorkflowTask]) -> dict[str, WorkflowTask]:
    """Return tasks by key, with their blockers in one order."""
    return {item.key: replace(item, block_by=tuple(sorted(item.block_by))) for item in tasks}


def apply_if_valid(tasks: tuple[WorkflowTask, ...], edit: Edit) -> tuple[WorkflowTask, ...]:
    """Return the graph after an edit, or as it was where the edit would be refused."""
    try:
        edited = apply_edit(tasks, edit)
    except Refused:
        return tasks
    return tasks if find_faults(edited, {}) else edited


@property_of
@given(dags(6, min_nodes=1), st.lists(edits, max_size=8))
def test_any_sequence_of_edits_keeps_the_graph_valid_and_can_be_described(
    start: dict[str, tuple[str, ...]], doings: list[Edit]
) -> None:
    graph = tuple(node(key, *dict.fromkeys(blockers)) for key, blockers in start.items())
    stored = [new_task(item, "d", order, {key: key for key in start}) for order, item in enumerate(graph)]
    for edit in doings:
        edited = apply_if_valid(graph, edit)
        assert find_faults(edited, {}) == ()
        assert by_key(apply_diff(graph, diff(graph, edited)).values()) == by_key(edited)
        assert describe(graph, edited)
        rewritten = rewrite(stored, edited, {item.key: item.key for item in edited}) if edited else None
        if rewritten is not None:
            stored_by_id = {item.id: item for item in stored if item.id not in rewritten.removed}
            stored_by_id |= {item.id: item for item in (*rewritten.redefined, *rewritten.added)}
            stored = sorted(
                (_at(item, rewritten.moved.get(item.id, item.order), rewritten) for item in stored_by_id.values()),
                key=lambda item: item.order,
            )
            graph = edited
            assert workflow_tasks(stored) == edited
            assert list(rewritten.tasks) == stored
            assert_stands(stored)


def _at(item: Task, order: int, rewritten: Rewrite) -> Task:
    status = {change.task_id: change.to for change in rewritten.changes}.get(item.id, item.status)
    return replace(item, order=order, status=status)


def assert_stands(stored: list[Task]) -> None:
    """Check that no task has started, and that a task is PENDING exactly if it has no blockers."""
    assert all(item.status in UNSTARTED for item in stored)
    assert all((item.status is S.PENDING) is (not item.block_by) for item in stored)


@property_of
@given(dags(7, min_nodes=1), st.data())
def test_removing_a_task_changes_no_order_among_the_others(
    edges_: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    graph = tuple(node(key, *blockers) for key, blockers in edges_.items())
    removed_key = data.draw(st.sampled_from(sorted(edges_)))
    closure_after = closure(edges(apply_edit(graph, Removal(removed_key))))
    closure_before = closure(edges_)
    assert closure_after == {key: reach - {removed_key} for key, reach in closure_before.items() if key != removed_key}
