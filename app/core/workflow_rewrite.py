"""The rows that an edit of a workflow changes. Pure: the caller stores them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.core import workflow
from app.core.task import UNSTARTED, Task, TaskStatus, new_task, workflow_tasks
from app.core.tick.planning import unblocking_ids
from app.core.tick.state import TaskChange
from app.core.workflow import WorkflowTask

Tasks = Sequence[WorkflowTask]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """The rows that an edit changes: removed tasks (ids), added ones and redefined ones.

    `moved` has the new order of tasks with no other change. `changes` has the new statuses of tasks that stay. `tasks`
    are all tasks after the edit, in workflow order.
    """

    tasks: tuple[Task, ...]
    removed: tuple[str, ...]
    added: tuple[Task, ...]
    redefined: tuple[Task, ...]
    moved: Mapping[str, int]
    changes: tuple[TaskChange, ...]


def has_started(task: Task) -> bool:
    """Tell whether a task has started or ended, so that it cannot be edited."""
    return task.status not in UNSTARTED or task.attempt > 0


def rewrite(tasks: Sequence[Task], after: Tasks, new_ids: Mapping[str, str], before: Tasks | None = None) -> Rewrite:
    """Return the changes that lead from the stored tasks to the valid graph `after`.

    `new_ids` has an id for each new key. `before` is the graph of `tasks`, where the caller has it already. Tasks keep
    their ids by their keys. A redefined task loses its confirmation, as an approval only covers what people saw.
    """
    old_by_key = {task.key: (task, node) for task, node in zip(tasks, before or workflow_tasks(tasks), strict=True)}
    ids = {**new_ids, **{task.key: task.id for task in tasks}}
    deployment_id = tasks[0].deployment_id
    redefined: list[Task] = []
    moved: dict[str, int] = {}
    result: list[Task] = []
    for order, task in enumerate(after):
        old, node = old_by_key.get(task.key, (None, None))
        if old is None or node is None:
            result.append(new_task(task, deployment_id, order, ids))
        elif task is node or task == node:
            result.append(old if old.order == order else replace(old, order=order))
            if old.order != order:
                moved[old.id] = order
        else:
            unconfirm = workflow.is_redefined(node, task)
            result.append(_redefined(old, new_task(task, deployment_id, order, ids), unconfirm=unconfirm))
            redefined.append(result[-1])
    unblocking = unblocking_ids(result)
    final = [
        task if (status := _status(task, unblocking)) is task.status else replace(task, status=status)
        for task in result
    ]
    keys = {task.key for task in after}
    return Rewrite(
        tasks=tuple(final),
        removed=tuple(task.id for task in tasks if task.key not in keys),
        added=tuple(task for task in final if task.key not in old_by_key),
        redefined=tuple(redefined),
        moved=moved,
        changes=tuple(
            TaskChange(task.id, task.status, "its workflow was edited")
            for task, previous in zip(final, result, strict=True)
            if task.status is not previous.status and task.key in old_by_key
        ),
    )


def _redefined(old: Task, new: Task, *, unconfirm: bool) -> Task:
    """Return a task with its new definition, without its confirmation if `unconfirm`."""
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
        confirmed_by=None if unconfirm else old.confirmed_by,
        confirmed_at=None if unconfirm else old.confirmed_at,
    )


def _status(task: Task, unblocking: set[str]) -> TaskStatus:
    """Return the status of a task, given the ids of tasks that block no others."""
    if task.status not in UNSTARTED:
        return task.status
    if not unblocking.issuperset(task.block_by):
        return TaskStatus.BLOCKED
    return TaskStatus.PENDING if task.status is TaskStatus.BLOCKED else task.status
