"""Edits of workflows: the kinds of edits, and `apply_edit`, which returns the edited list of tasks.

`allowed_actions` decides whether a graph may be edited at all, and `workflow_faults` whether the result is valid.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import Any

from app.core import graph, workflow, workflow_faults
from app.core.errors import FaultKind, InvalidInput, Refused, WorkflowFault, not_found
from app.core.revision import describe
from app.core.workflow import WorkflowTask

Tasks = Sequence[WorkflowTask]


class MoveDirection(StrEnum):
    """The direction in which a task moves in the list."""

    UP = "UP"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replaces the whole graph, as an editor saves it."""

    tasks: tuple[WorkflowTask, ...]


@dataclass(frozen=True, slots=True)
class Restoration:
    """Restores the whole graph of an earlier revision."""

    tasks: tuple[WorkflowTask, ...]
    number: int


@dataclass(frozen=True, slots=True)
class Addition:
    """Adds a task at the end of the list."""

    task: WorkflowTask


@dataclass(frozen=True, slots=True)
class Modification:
    """Changes some fields of a task, by their names in the core."""

    key: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Removal:
    """Removes a task. The tasks that waited for it wait for its blockers instead, so none starts earlier."""

    key: str


@dataclass(frozen=True, slots=True)
class Move:
    """Swaps a task with its neighbour in the list; edges stay."""

    key: str
    direction: MoveDirection


@dataclass(frozen=True, slots=True)
class Connection:
    """Makes `to` wait for `from_`."""

    from_: str
    to: str


@dataclass(frozen=True, slots=True)
class Disconnection:
    """Stops `to` from waiting for `from_`."""

    from_: str
    to: str


Edit = Replacement | Restoration | Addition | Modification | Removal | Move | Connection | Disconnection
PATHS: Mapping[type[Edit], tuple[str, ...]] = {
    Replacement: ("tasks",),
    Restoration: ("revision",),
    Addition: ("task",),
    Modification: ("key",),
    Removal: ("key",),
    Move: ("key",),
    Connection: ("to",),
    Disconnection: ("to",),
}
"""The input field of each kind of edit that its faults name."""


def apply_edit(tasks: Tasks, edit: Edit) -> tuple[WorkflowTask, ...]:
    """Return the list of tasks after an edit. Raises Refused for an edit that does not fit this list."""
    match edit:
        case Replacement(new) | Restoration(new):
            after: Tasks = _reused(tasks, new)
        case Addition(task):
            after = (*tasks, task)
        case Modification(key, fields):
            after = _changed(tasks, key, "key", lambda task: replace(task, **fields))
        case Removal(key):
            after = _removed(tasks, key)
        case Move(key, direction):
            after = _moved(tasks, key, direction)
        case Connection(from_, to):
            after = _connected(tasks, from_, to)
        case Disconnection(from_, to):
            after = _disconnected(tasks, from_, to)
    return tuple(_with_unique_blockers(task) for task in after)


def faults(before: Tasks, after: Tasks, edit: Edit, started: Collection[str]) -> tuple[WorkflowFault, ...]:
    """Return a fault for each task in `started` (keys of started or ended tasks) that an edit changes."""
    if isinstance(edit, Move) and edit.key in started:
        message = f"“{edit.key}” has started or ended: it cannot be moved."
        return (WorkflowFault(kind=FaultKind.NOT_EDITABLE, message=message, task_keys=(edit.key,)),)
    return workflow_faults.edit_faults(before, after, started)


def waived_approvals(before: Tasks, after: Tasks, finished_keys: Collection[str]) -> tuple[str, ...]:
    """Return the keys of tasks with approval that an edit removes, relaxes or lets others bypass.

    Finished tasks (`finished_keys`) no longer require one.
    """
    gates = [task.key for task in before if task.require_confirm and task.key not in finished_keys]
    if not gates:
        return ()
    remaining = {task.key for task in after if task.require_confirm}
    gates_before, gates_after = _gates(before), _gates(after)
    common = gates_before.keys() & gates_after.keys()
    bypassed = {gate for key in common for gate in gates_before[key] - gates_after[key]}
    return tuple(key for key in gates if key not in remaining or key in bypassed)


def _gates(tasks: Tasks) -> Mapping[str, set[str]]:
    """Return, by the key of each task, the tasks requiring an approval that it waits for, directly or not."""
    masks = graph.ancestors(workflow.blocker_graph(tasks))
    gates = [(1 << index, task.key) for index, task in enumerate(tasks) if task.require_confirm]
    return {key: {gate for bit, gate in gates if mask & bit} for key, mask in masks.items()}


def summary(before: Tasks, after: Tasks, edit: Edit) -> str:
    """Describe an edit in words."""
    match edit:
        case Restoration(number=number):
            return f"restored revision {number}"
        case Move(key, direction):
            return f"moved {key} {direction.lower()}"
        case _:
            return describe(before, after)


def _reused(tasks: Tasks, new: Tasks) -> Tasks:
    """Return the new tasks, with the old objects for unchanged ones: comparing identical objects is fast."""
    old_by_key = {task.key: task for task in tasks}
    return [old if (old := old_by_key.get(task.key)) == task else task for task in new]


def _with_unique_blockers(task: WorkflowTask) -> WorkflowTask:
    unique = tuple(dict.fromkeys(task.block_by))
    return task if unique == task.block_by else replace(task, block_by=unique)


def _index(tasks: Tasks, key: str, field: str) -> int:
    for index, task in enumerate(tasks):
        if task.key == key:
            return index
    raise not_found("task", key, (field,))


def _changed(tasks: Tasks, key: str, field: str, change: Callable[[WorkflowTask], WorkflowTask]) -> Tasks:
    index = _index(tasks, key, field)
    return (*tasks[:index], change(tasks[index]), *tasks[index + 1 :])


def _removed(tasks: Tasks, key: str) -> Tasks:
    removed = tasks[_index(tasks, key, "key")]

    def bridged(task: WorkflowTask) -> WorkflowTask:
        if key not in task.block_by:
            return task
        replacements = [removed.block_by if blocker == key else (blocker,) for blocker in task.block_by]
        return replace(task, block_by=tuple(chain.from_iterable(replacements)))

    return [bridged(task) for task in tasks if task is not removed]


def _moved(tasks: Tasks, key: str, direction: MoveDirection) -> Tasks:
    index = _index(tasks, key, "key")
    other = index + (1 if direction is MoveDirection.DOWN else -1)
    if not 0 <= other < len(tasks):
        end = "last" if direction is MoveDirection.DOWN else "first"
        raise Refused(InvalidInput(message=f"“{key}” is the {end} task already.", path=("direction",)))
    moved = list(tasks)
    moved[index], moved[other] = moved[other], moved[index]
    return moved


def _connected(tasks: Tasks, from_: str, to: str) -> Tasks:
    _index(tasks, from_, "from")
    if from_ in tasks[_index(tasks, to, "to")].block_by:
        raise Refused(InvalidInput(message=f"“{to}” waits for “{from_}” already.", path=("to",)))
    return _changed(tasks, to, "to", lambda task: replace(task, block_by=(*task.block_by, from_)))


def _disconnected(tasks: Tasks, from_: str, to: str) -> Tasks:
    _index(tasks, from_, "from")
    if from_ not in tasks[_index(tasks, to, "to")].block_by:
        raise Refused(InvalidInput(message=f"“{to}” does not wait for “{from_}”.", path=("from",)))
    return _changed(
        tasks, to, "to", lambda task: replace(task, block_by=tuple(key for key in task.block_by if key != from_))
    )
