"""Edits of workflows: `apply_edit` makes the new list of tasks from the old one, `rewrite` what is stored of it.

Both are pure. Whether a graph may be edited at all, and whether what comes of it is sound, is for `steering` and
`workflow.check`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from app.core import graph, workflow
from app.core.errors import FaultKind, InvalidInput, Refused, WorkflowFault, not_found
from app.core.revision import describe
from app.core.task import UNSTARTED, Task, TaskStatus, new_task, workflow_tasks
from app.core.tick.planning import unblocking_ids
from app.core.tick.state import TaskChange
from app.core.workflow import WorkflowTask

Tasks = Sequence[WorkflowTask]


class MoveDirection(StrEnum):
    """Where a task goes in the order of the list."""

    UP = "UP"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class Replacement:
    """The whole graph, as an editor saves it."""

    tasks: tuple[WorkflowTask, ...]


@dataclass(frozen=True, slots=True)
class Restoration:
    """The whole graph as it was in a revision."""

    tasks: tuple[WorkflowTask, ...]
    number: int


@dataclass(frozen=True, slots=True)
class Addition:
    """One task more, at the end of the list."""

    task: WorkflowTask


@dataclass(frozen=True, slots=True)
class Modification:
    """Some fields of a task, by their names in the core."""

    key: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Removal:
    """One task less: what waited for it waits for what it waited for, so that nothing starts earlier than it would."""

    key: str


@dataclass(frozen=True, slots=True)
class Move:
    """A task changes places with its neighbour in the list; edges stay."""

    key: str
    direction: MoveDirection


@dataclass(frozen=True, slots=True)
class Connection:
    """`to` waits for `from_`."""

    from_: str
    to: str


@dataclass(frozen=True, slots=True)
class Disconnection:
    """`to` does not wait for `from_` any more."""

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
"""The field of an edit's input that its faults name."""


def apply_edit(tasks: Tasks, edit: Edit) -> tuple[WorkflowTask, ...]:
    """Return the list of tasks after an edit. Raises Refused when the edit makes no sense for this list."""
    match edit:
        case Replacement(new) | Restoration(new):
            made: Tasks = _alike(tasks, new)
        case Addition(task):
            made = (*tasks, task)
        case Modification(key, fields):
            made = _changed(tasks, key, "key", lambda task: replace(task, **fields))
        case Removal(key):
            made = _without(tasks, key)
        case Move(key, direction):
            made = _moved(tasks, key, direction)
        case Connection(from_, to):
            made = _connected(tasks, from_, to)
        case Disconnection(from_, to):
            made = _disconnected(tasks, from_, to)
    return tuple(_tidy(task) for task in made)


def faults(before: Tasks, after: Tasks, edit: Edit, started: Collection[str]) -> tuple[WorkflowFault, ...]:
    """Return a fault for each task that has started or ended (`started`, by key) and is not left as it was."""
    if isinstance(edit, Move) and edit.key in started:
        message = f"“{edit.key}” has started or ended: it can not be moved."
        return (WorkflowFault(kind=FaultKind.NOT_EDITABLE, message=message, task_keys=(edit.key,)),)
    return workflow.check_edit(before, after, started)


def waived_approvals(before: Tasks, after: Tasks, settled_keys: Collection[str]) -> tuple[str, ...]:
    """Return the keys of the tasks that ask for approval and that an edit removes, relaxes, or leads something past.

    Tasks that are done (`settled_keys`) ask nobody any more.
    """
    gates = [task.key for task in before if task.require_confirm and task.key not in settled_keys]
    if not gates:
        return ()
    ask = {task.key for task in after if task.require_confirm}
    behind, still = _waiting(before), _waiting(after)
    passed = {key for other in behind.keys() & still.keys() for key in behind[other] - still[other]}
    return tuple(key for key in gates if key not in ask or key in passed)


def _waiting(tasks: Tasks) -> Mapping[str, set[str]]:
    """Return the tasks that ask and that each task waits for, over any number of others, by key."""
    masks = graph.ancestors(workflow.blockers(tasks))
    asking = [(1 << index, task.key) for index, task in enumerate(tasks) if task.require_confirm]
    return {key: {gate for bit, gate in asking if mask & bit} for key, mask in masks.items()}


def summary(before: Tasks, after: Tasks, edit: Edit) -> str:
    """Say in words what an edit did."""
    match edit:
        case Restoration(number=number):
            return f"restored revision {number}"
        case Move(key, direction):
            return f"moved {key} {direction.lower()}"
        case _:
            return describe(before, after)


def _alike(tasks: Tasks, new: Tasks) -> Tasks:
    """Return the new tasks, but those that are as they were as themselves: the same object is soon seen to be equal."""
    known = {task.key: task for task in tasks}
    return [was if (was := known.get(task.key)) == task else task for task in new]


def _tidy(task: WorkflowTask) -> WorkflowTask:
    once = tuple(dict.fromkeys(task.block_by))
    return task if once == task.block_by else replace(task, block_by=once)


def _index(tasks: Tasks, key: str, field: str) -> int:
    for index, task in enumerate(tasks):
        if task.key == key:
            return index
    raise not_found("task", key, (field,))


def _changed(tasks: Tasks, key: str, field: str, change: Callable[[WorkflowTask], WorkflowTask]) -> Tasks:
    index = _index(tasks, key, field)
    return (*tasks[:index], change(tasks[index]), *tasks[index + 1 :])


def _without(tasks: Tasks, key: str) -> Tasks:
    gone = tasks[_index(tasks, key, "key")]

    def bridged(task: WorkflowTask) -> WorkflowTask:
        if key not in task.block_by:
            return task
        blockers = [one for blocker in task.block_by for one in (gone.block_by if blocker == key else (blocker,))]
        return replace(task, block_by=tuple(blockers))

    return [bridged(task) for task in tasks if task is not gone]


def _moved(tasks: Tasks, key: str, direction: MoveDirection) -> Tasks:
    index = _index(tasks, key, "key")
    other = index + (1 if direction is MoveDirection.DOWN else -1)
    if not 0 <= other < len(tasks):
        end = "last" if direction is MoveDirection.DOWN else "first"
        raise Refused(InvalidInput(message=f"“{key}” is the {end} task already.", path=("direction",)))
    made = list(tasks)
    made[index], made[other] = made[other], made[index]
    return made


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """What is stored of an edit: tasks (ids) that are gone, new ones, and those that are not what they were.

    `moved` has the new places of tasks of which nothing else has changed. `changes` are statuses, of tasks that stay.
    `tasks` are all of them as they are then, in workflow order.
    """

    tasks: tuple[Task, ...]
    removed: tuple[str, ...]
    added: tuple[Task, ...]
    redefined: tuple[Task, ...]
    moved: Mapping[str, int]
    changes: tuple[TaskChange, ...]


def has_started(task: Task) -> bool:
    """Tell whether a task has begun, or ended: it can not be edited then."""
    return task.status not in UNSTARTED or task.attempt > 0


def rewrite(tasks: Sequence[Task], after: Tasks, new_ids: Mapping[str, str], before: Tasks | None = None) -> Rewrite:
    """Return what leads from the tasks as they are stored to the graph `after`, which is sound.

    `new_ids` has an id for each key that is new. `before` is the graph of `tasks`, where the caller has it already.
    Tasks keep their ids by their keys. One that was changed loses its confirmation: nobody's approval covers what they
    did not see.
    """
    known = {task.key: (task, was) for task, was in zip(tasks, before or workflow_tasks(tasks), strict=True)}
    ids = {**new_ids, **{task.key: task.id for task in tasks}}
    deployment_id = tasks[0].deployment_id
    redefined: list[Task] = []
    moved: dict[str, int] = {}
    new: list[Task] = []
    for order, task in enumerate(after):
        old, was = known.get(task.key, (None, None))
        if old is None or was is None:
            new.append(new_task(task, deployment_id, order, ids))
        elif task is was or task == was:
            new.append(old if old.order == order else replace(old, order=order))
            if old.order != order:
                moved[old.id] = order
        else:
            anew = workflow.is_redefined(was, task)
            new.append(_kept(old, new_task(task, deployment_id, order, ids), anew=anew))
            redefined.append(new[-1])
    free = unblocking_ids(new)
    then = [task if (to := _standing(task, free)) is task.status else replace(task, status=to) for task in new]
    kept = {task.key for task in after}
    return Rewrite(
        tasks=tuple(then),
        removed=tuple(task.id for task in tasks if task.key not in kept),
        added=tuple(task for task in then if task.key not in known),
        redefined=tuple(redefined),
        moved=moved,
        changes=tuple(
            TaskChange(task.id, task.status, "its workflow was edited")
            for task, seen in zip(then, new, strict=True)
            if task.status is not seen.status and task.key in known
        ),
    )


def _kept(old: Task, new: Task, *, anew: bool) -> Task:
    """Return a task that stays, with its new definition."""
    return replace(
        old,
        application_id=new.application_id,
        name=new.name,
        type=new.type,
        order=new.order,
        block_by=new.block_by,
        command=new.command,
        payload=new.payload,
        timeout_seconds=new.timeout_seconds,
        max_attempts=new.max_attempts,
        position=new.position,
        require_confirm=new.require_confirm,
        confirmed_by=None if anew else old.confirmed_by,
        confirmed_at=None if anew else old.confirmed_at,
    )


def _standing(task: Task, free: set[str]) -> TaskStatus:
    """Return where a task stands, of which `free` has the ones that hold up nobody."""
    if task.status not in UNSTARTED:
        return task.status
    if not free.issuperset(task.block_by):
        return TaskStatus.BLOCKED
    return TaskStatus.PENDING if task.status is TaskStatus.BLOCKED else task.status
