"""Faults of workflow graphs: everything that is wrong with one, found at once."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from app.core import expressions, graph
from app.core.errors import MAX_PROBLEMS, FaultKind, WorkflowFault, bounded
from app.core.workflow import (
    MAX_TASKS,
    NEEDS_APPLICATION,
    NEEDS_COMMAND,
    TYPE_RANK,
    TaskType,
    WorkflowTask,
    blocker_graph,
    is_redefined,
)

UNSOUND = frozenset(
    {
        FaultKind.TOO_LARGE,
        FaultKind.DUPLICATE_KEY,
        FaultKind.UNKNOWN_BLOCKER,
        FaultKind.SELF_BLOCK,
        FaultKind.CYCLE,
    }
)
MAX_CYCLES = 20
"""Cycles that are reported at once: each takes a walk over the graph."""


def find_faults(
    tasks: Sequence[WorkflowTask],
    applications: Mapping[str, str],
    must_in_order: Sequence[str] = (),
    *,
    commands_needed: bool = True,
    images: Collection[str] | None = None,
) -> tuple[WorkflowFault, ...]:
    """Return every fault of a graph, in a stable order; an empty result means that the graph can run.

    `applications` maps the ids that tasks may name to names. `images` has the applications with an image for commands
    that name none; None where commands need no image. `commands_needed` is False for an operator that only simulates.
    Faults of order are reported only once keys and edges are valid and there is no cycle.
    """
    if len(tasks) > MAX_TASKS:
        return tuple(_size(tasks))
    faults = [*_keys(tasks), *_edges(tasks), *_contents(tasks, applications, commands_needed)]
    if images is not None:
        faults.extend(_missing_images(tasks, images))
    if len(faults) >= MAX_PROBLEMS:
        return tuple(bounded(fault) for fault in faults[:MAX_PROBLEMS])
    faults.extend(_cycles(tasks))
    if any(fault.kind in UNSOUND for fault in faults):
        return tuple(map(bounded, faults))
    masks = graph.ancestors(blocker_graph(tasks))
    return (*faults, *_type_order(tasks, masks), *_must_in_order(tasks, masks, applications, must_in_order))


def edit_faults(
    before: Sequence[WorkflowTask], after: Sequence[WorkflowTask], started: Collection[str]
) -> tuple[WorkflowFault, ...]:
    """Return a fault for each `started` task (keys) that `after` changes or removes, except its layout."""
    kept = {task.key: task for task in after}
    return tuple(
        _fault(FaultKind.NOT_EDITABLE, f"“{task.key}” has started or ended: it cannot be changed or removed.", task.key)
        for task in before
        if task.key in started and (task.key not in kept or is_redefined(task, kept[task.key]))
    )


def _fault(kind: FaultKind, message: str, *keys: str) -> WorkflowFault:
    return WorkflowFault(kind=kind, message=message, task_keys=keys, path=("tasks",))


def _size(tasks: Sequence[WorkflowTask]) -> Iterator[WorkflowFault]:
    if len(tasks) > MAX_TASKS:
        yield _fault(FaultKind.TOO_LARGE, f"A workflow has at most {MAX_TASKS} tasks; this one has {len(tasks)}.")


def _keys(tasks: Sequence[WorkflowTask]) -> Iterator[WorkflowFault]:
    for key, count in Counter(task.key for task in tasks).items():
        if count > 1:
            yield _fault(
                FaultKind.DUPLICATE_KEY, f"{count} tasks have the key “{key}”: give each task its own key.", key
            )


def _edges(tasks: Sequence[WorkflowTask]) -> Iterator[WorkflowFault]:
    keys = {task.key for task in tasks}
    for task in tasks:
        if keys.issuperset(task.block_by) and task.key not in task.block_by:
            continue
        for blocker in dict.fromkeys(task.block_by):
            if blocker == task.key:
                yield _fault(FaultKind.SELF_BLOCK, f"“{task.key}” waits for itself.", task.key)
            elif blocker not in keys:
                yield _fault(
                    FaultKind.UNKNOWN_BLOCKER,
                    f"“{task.key}” waits for “{blocker}”, but there is no such task.",
                    task.key,
                    blocker,
                )


def _cycles(tasks: Sequence[WorkflowTask]) -> Iterator[WorkflowFault]:
    """Yield cycles that share no task, ignoring edges that are faults of their own."""
    edges: dict[str, list[str]] = {task.key: [] for task in tasks}
    for task in tasks:
        edges[task.key] += [blocker for blocker in task.block_by if blocker in edges and blocker != task.key]
    for _ in range(MAX_CYCLES):
        try:
            graph.order(edges)
            return
        except graph.CycleError as error:
            cycle = error.path
        yield _fault(FaultKind.CYCLE, f"Tasks wait for each other: {' → '.join(cycle)}.", *cycle)
        removed = set(cycle)
        edges = {
            key: [blocker for blocker in blockers if blocker not in removed]
            for key, blockers in edges.items()
            if key not in removed
        }


def _contents(
    tasks: Sequence[WorkflowTask], applications: Mapping[str, str], commands_needed: bool
) -> Iterator[WorkflowFault]:
    for task in tasks:
        if task.application_id is None and task.type in NEEDS_APPLICATION:
            yield _fault(
                FaultKind.UNKNOWN_APPLICATION,
                f"“{task.key}” ({task.type}) needs an application: set its applicationId.",
                task.key,
            )
        elif task.application_id is not None and task.application_id not in applications:
            yield _fault(
                FaultKind.UNKNOWN_APPLICATION,
                f"“{task.key}” belongs to application “{task.application_id}”, which is not part of this deployment.",
                task.key,
            )
        if commands_needed and task.type in NEEDS_COMMAND and (task.command is None or not task.command.command):
            yield _fault(FaultKind.MISSING_COMMAND, f"“{task.key}” ({task.type}) needs a command to run.", task.key)
        expression = _unfilled_expression(task)
        if expression:
            yield _fault(
                FaultKind.MISSING_PARAMETER,
                f"“{task.key}” contains {expression}, which has no value. For the literal text, write "
                f"{expressions.ESCAPED}.",
                task.key,
            )


def _missing_images(tasks: Sequence[WorkflowTask], images: Collection[str]) -> Iterator[WorkflowFault]:
    """Yield tasks whose command runs in a container, but has no image."""
    for task in tasks:
        if task.command and task.command.command and not task.command.image and task.application_id not in images:
            message = f"“{task.key}” ({task.type}) has no image to run its command in: give its step or artifact one."
            yield _fault(FaultKind.MISSING_COMMAND, message, task.key)


def _unfilled_expression(task: WorkflowTask) -> str | None:
    """Return the first expression in a task that was not replaced."""
    texts = (task.name, *task.command.command, *task.command.env.values()) if task.command else (task.name,)
    for text in texts:
        expression = expressions.first(text) if "${{" in text else None
        if expression:
            return expressions.shortened(expression)
    return None


def _type_order(tasks: Sequence[WorkflowTask], masks: Mapping[str, int]) -> Iterator[WorkflowFault]:
    masks_by_rank: dict[tuple[str | None, int], int] = {}
    for index, task in enumerate(tasks):
        rank = TYPE_RANK.get(task.type)
        if rank is not None and task.application_id is not None:
            slot = (task.application_id, rank)
            masks_by_rank[slot] = masks_by_rank.get(slot, 0) | 1 << index
    for task in tasks:
        rank = TYPE_RANK.get(task.type)
        if rank is None:
            continue
        for later in range(rank + 1, len(TYPE_RANK)):
            wrong = masks[task.key] & masks_by_rank.get((task.application_id, later), 0)
            if wrong:
                other = tasks[wrong.bit_length() - 1]
                yield _fault(
                    FaultKind.TYPE_ORDER,
                    f"“{task.key}” ({task.type}) waits for “{other.key}” ({other.type}): "
                    "build comes before test, test before deploy, deploy before health check.",
                    task.key,
                    other.key,
                )


def _must_in_order(
    tasks: Sequence[WorkflowTask],
    masks: Mapping[str, int],
    applications: Mapping[str, str],
    must_in_order: Sequence[str],
) -> Iterator[WorkflowFault]:
    last: dict[str | None, int] = {}
    deploys: dict[str | None, list[WorkflowTask]] = {}
    for index, task in enumerate(tasks):
        if task.type in (TaskType.DEPLOY, TaskType.HEALTH_CHECK):
            last[task.application_id] = last.get(task.application_id, 0) | 1 << index
        if task.type is TaskType.DEPLOY:
            deploys.setdefault(task.application_id, []).append(task)
    for unknown in [id_ for id_ in must_in_order if id_ not in applications]:
        message = f"mustInOrder names application “{unknown}”, which is not part of this deployment."
        yield WorkflowFault(kind=FaultKind.UNKNOWN_APPLICATION, message=message, task_keys=(), path=("mustInOrder",))
    for earlier, later in pairwise(must_in_order):
        for task in deploys.get(later, []):
            missing = last.get(earlier, 0) & ~masks[task.key]
            if missing:
                other = tasks[missing.bit_length() - 1]
                yield _fault(
                    FaultKind.MUST_IN_ORDER,
                    f"“{task.key}” does not wait for “{other.key}”, but {applications.get(later, later)} must come "
                    f"after {applications.get(earlier, earlier)}.",
                    task.key,
                    other.key,
                )
