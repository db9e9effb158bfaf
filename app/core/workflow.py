"""Workflows: graphs of tasks as people and generators write them, before they become rows.

`generate` makes the graph of a deployment from its applications; `check` finds every fault of any graph at once.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from app.core import expressions, graph
from app.core.application import CommandStep
from app.core.deployment import Definition
from app.core.errors import MAX_PROBLEMS, FaultKind, WorkflowFault, bounded

MAX_TASKS = 2000
DEPLOY_TIMEOUT_SECONDS = 3600


class TaskType(StrEnum):
    """What a task does. Within an application the order is build, test, deploy, health check."""

    PREPARE = "PREPARE"
    BUILD = "BUILD"
    TEST = "TEST"
    DEPLOY = "DEPLOY"
    HEALTH_CHECK = "HEALTH_CHECK"
    CUSTOM = "CUSTOM"


TYPE_RANK = {TaskType.BUILD: 0, TaskType.TEST: 1, TaskType.DEPLOY: 2, TaskType.HEALTH_CHECK: 3}
BUILD_TYPES = frozenset({TaskType.PREPARE, TaskType.BUILD, TaskType.TEST})
"""What makes and tries an artifact, without touching what runs in an environment."""
NEEDS_COMMAND = frozenset({TaskType.BUILD, TaskType.TEST, TaskType.CUSTOM})
NEEDS_APPLICATION = frozenset({TaskType.BUILD, TaskType.TEST, TaskType.DEPLOY, TaskType.HEALTH_CHECK})


@dataclass(frozen=True, slots=True)
class Position:
    """Where the editor drew a task, in its own units."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowTask:
    """One task of a graph, named by its key; `block_by` holds the keys it waits for."""

    key: str
    name: str
    type: TaskType
    application_id: str | None = None
    block_by: tuple[str, ...] = ()
    require_confirm: bool = False
    command: CommandStep | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: int = 1800
    max_attempts: int = 1
    position: Position | None = None


LAYOUT = frozenset({"position"})
"""Fields that say how a task is drawn, not what it is."""
FIELDS = tuple(name for name in WorkflowTask.__dataclass_fields__ if name != "key")


def changed_fields(before: WorkflowTask, after: WorkflowTask) -> tuple[str, ...]:
    """Return the names of the fields in which two forms of a task differ. The order within `block_by` says nothing."""
    if before is after or before == after:
        return ()
    differing = [name for name in FIELDS if getattr(before, name) != getattr(after, name)]
    same_blockers = set(before.block_by) == set(after.block_by)
    return tuple(name for name in differing if name != "block_by" or not same_blockers)


def is_redefined(before: WorkflowTask, after: WorkflowTask) -> bool:
    """Tell whether a task is another one than before, wherever it is drawn."""
    return not LAYOUT.issuperset(changed_fields(before, after))


def blockers(tasks: Iterable[WorkflowTask]) -> dict[str, tuple[str, ...]]:
    """Return the graph of the tasks' keys."""
    return {task.key: task.block_by for task in tasks}


def generate(definitions: Sequence[Definition], must_in_order: Sequence[str] = ()) -> tuple[WorkflowTask, ...]:
    """Return the graph of a deployment of applications that are defined so.

    That is one prepare task, then build → test → deploy → health check for each application.

    `must_in_order` holds application ids: the deploy task of each waits for the last task of the one before it, while
    builds and tests run side by side. Ids that are not among the applications are left to `check`.
    """
    tasks = [WorkflowTask(key="prepare", name="Prepare", type=TaskType.PREPARE)]
    chains = {definition.application_id: list(_chain(definition)) for definition in definitions}
    for earlier, later in pairwise(must_in_order):
        if earlier in chains and later in chains:
            last = chains[earlier][-1].key
            chains[later] = [
                replace(task, block_by=(*task.block_by, last)) if task.type is TaskType.DEPLOY else task
                for task in chains[later]
            ]
    for chain in chains.values():
        tasks.extend(chain)
    return tuple(tasks)


def _chain(definition: Definition) -> Iterator[WorkflowTask]:
    previous = "prepare"
    for task_type, step in _steps(definition):
        yield WorkflowTask(
            key=f"{definition.name}/{task_type.lower()}",
            name=f"{TITLES[task_type]} {definition.name}",
            type=task_type,
            application_id=definition.application_id,
            block_by=(previous,),
            command=step,
            timeout_seconds=step.timeout_seconds if step else DEPLOY_TIMEOUT_SECONDS,
            max_attempts=step.max_attempts if step else 1,
        )
        previous = f"{definition.name}/{task_type.lower()}"


TITLES = {
    TaskType.BUILD: "Build",
    TaskType.TEST: "Test",
    TaskType.DEPLOY: "Deploy",
    TaskType.HEALTH_CHECK: "Health check",
}


def _steps(definition: Definition) -> Iterator[tuple[TaskType, CommandStep | None]]:
    if definition.build:
        yield TaskType.BUILD, definition.build
    if definition.test:
        yield TaskType.TEST, definition.test
    yield TaskType.DEPLOY, None
    if definition.health_check:
        yield TaskType.HEALTH_CHECK, None


def check(
    tasks: Sequence[WorkflowTask],
    applications: Mapping[str, str],
    must_in_order: Sequence[str] = (),
    *,
    commands_needed: bool = True,
    images: Collection[str] | None = None,
) -> tuple[WorkflowFault, ...]:
    """Return every fault of a graph, in a stable order; an empty result means that it can run.

    `applications` maps the ids that tasks may name to names. `images` are those of them that have an image for
    commands which name none; None where commands need no image. `commands_needed` is False where the operator only
    simulates. Faults of order are looked for once the keys and edges are sound and no cycle stands in the way.
    """
    if len(tasks) > MAX_TASKS:
        return tuple(_size(tasks))
    faults = [*_keys(tasks), *_edges(tasks), *_contents(tasks, applications, commands_needed)]
    if images is not None:
        faults.extend(_without_image(tasks, images))
    if len(faults) >= MAX_PROBLEMS:
        return tuple(bounded(fault) for fault in faults[:MAX_PROBLEMS])
    faults.extend(_cycles(tasks))
    if any(fault.kind in UNSOUND for fault in faults):
        return tuple(map(bounded, faults))
    masks = graph.ancestors(blockers(tasks))
    return (*faults, *_type_order(tasks, masks), *_must_in_order(tasks, masks, applications, must_in_order))


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
"""How many cycles are told at once: each takes a walk over the graph."""


def check_edit(
    before: Sequence[WorkflowTask], after: Sequence[WorkflowTask], started: Collection[str]
) -> tuple[WorkflowFault, ...]:
    """Return a fault for each task among `started` (keys) that `after` changes or leaves out; layout is free."""
    kept = {task.key: task for task in after}
    return tuple(
        _fault(
            FaultKind.NOT_EDITABLE, f"“{task.key}” has started or ended: it can not be changed or removed.", task.key
        )
        for task in before
        if task.key in started and (task.key not in kept or is_redefined(task, kept[task.key]))
    )


def _fault(kind: FaultKind, message: str, *keys: str) -> WorkflowFault:
    return WorkflowFault(kind=kind, message=message, task_keys=keys, path=("tasks",))


def _size(tasks: Sequence[WorkflowTask]) -> Iterator[WorkflowFault]:
    if len(tasks) > MAX_TASKS:
        yield _fault(FaultKind.TOO_LARGE, f"A workflow has at most {MAX_TASKS} tasks, this one has {len(tasks)}.")


def _keys(tasks: Sequence[WorkflowTask]) -> Iterator[WorkflowFault]:
    for key, count in Counter(task.key for task in tasks).items():
        if count > 1:
            yield _fault(FaultKind.DUPLICATE_KEY, f"{count} tasks have the key “{key}”; a key names one task.", key)


def _edges(tasks: Sequence[WorkflowTask]) -> Iterator[WorkflowFault]:
    known = {task.key for task in tasks}
    for task in tasks:
        if known.issuperset(task.block_by) and task.key not in task.block_by:
            continue
        for blocker in dict.fromkeys(task.block_by):
            if blocker == task.key:
                yield _fault(FaultKind.SELF_BLOCK, f"“{task.key}” waits for itself.", task.key)
            elif blocker not in known:
                yield _fault(
                    FaultKind.UNKNOWN_BLOCKER,
                    f"“{task.key}” waits for “{blocker}”, which is no task.",
                    task.key,
                    blocker,
                )


def _cycles(tasks: Sequence[WorkflowTask]) -> Iterator[WorkflowFault]:
    """Tell cycles that share no task, leaving out edges that are faults of their own."""
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
        gone = set(cycle)
        edges = {
            key: [blocker for blocker in blockers if blocker not in gone]
            for key, blockers in edges.items()
            if key not in gone
        }


def _contents(
    tasks: Sequence[WorkflowTask], applications: Mapping[str, str], commands_needed: bool
) -> Iterator[WorkflowFault]:
    for task in tasks:
        if task.application_id is None and task.type in NEEDS_APPLICATION:
            yield _fault(FaultKind.UNKNOWN_APPLICATION, f"“{task.key}” ({task.type}) names no application.", task.key)
        elif task.application_id is not None and task.application_id not in applications:
            yield _fault(
                FaultKind.UNKNOWN_APPLICATION,
                f"“{task.key}” is of application “{task.application_id}”, which this deployment does not have.",
                task.key,
            )
        if commands_needed and task.type in NEEDS_COMMAND and (task.command is None or not task.command.command):
            yield _fault(FaultKind.MISSING_COMMAND, f"“{task.key}” ({task.type}) has no command to run.", task.key)
        stray = _stray(task)
        if stray:
            yield _fault(
                FaultKind.MISSING_PARAMETER,
                f"“{task.key}” holds {stray}, for which no value is given. Where the text itself is meant, write "
                f"{expressions.ESCAPED}.",
                task.key,
            )


def _without_image(tasks: Sequence[WorkflowTask], images: Collection[str]) -> Iterator[WorkflowFault]:
    """Tell of commands that are to run in a container, of no image."""
    for task in tasks:
        if task.command and task.command.command and not task.command.image and task.application_id not in images:
            message = (
                f"“{task.key}” ({task.type}) has a command but no image to run it in, and neither has its artifact."
            )
            yield _fault(FaultKind.MISSING_COMMAND, message, task.key)


def _stray(task: WorkflowTask) -> str | None:
    """Return the first expression that is left in a task."""
    texts = (task.name, *task.command.command, *task.command.env.values()) if task.command else (task.name,)
    for text in texts:
        found = expressions.first(text) if "${{" in text else None
        if found:
            return expressions.shortened(found)
    return None


def _type_order(tasks: Sequence[WorkflowTask], masks: Mapping[str, int]) -> Iterator[WorkflowFault]:
    of_rank: dict[tuple[str | None, int], int] = {}
    for index, task in enumerate(tasks):
        rank = TYPE_RANK.get(task.type)
        if rank is not None and task.application_id is not None:
            slot = (task.application_id, rank)
            of_rank[slot] = of_rank.get(slot, 0) | 1 << index
    for task in tasks:
        rank = TYPE_RANK.get(task.type)
        if rank is None:
            continue
        for later in range(rank + 1, len(TYPE_RANK)):
            early = masks[task.key] & of_rank.get((task.application_id, later), 0)
            if early:
                other = tasks[early.bit_length() - 1]
                yield _fault(
                    FaultKind.TYPE_ORDER,
                    f"“{task.key}” ({task.type}) waits for “{other.key}” ({other.type}): "
                    "build comes before test, test before deploy, deploy before health check.",
                    task.key,
                    other.key,
                )


def _must_in_order(
    tasks: Sequence[WorkflowTask], masks: Mapping[str, int], applications: Mapping[str, str], wanted: Sequence[str]
) -> Iterator[WorkflowFault]:
    last: dict[str | None, int] = {}
    deploys: dict[str | None, list[WorkflowTask]] = {}
    for index, task in enumerate(tasks):
        if task.type in (TaskType.DEPLOY, TaskType.HEALTH_CHECK):
            last[task.application_id] = last.get(task.application_id, 0) | 1 << index
        if task.type is TaskType.DEPLOY:
            deploys.setdefault(task.application_id, []).append(task)
    for unknown in [id_ for id_ in wanted if id_ not in applications]:
        message = f"The order names application “{unknown}”, which this deployment does not have."
        yield WorkflowFault(kind=FaultKind.UNKNOWN_APPLICATION, message=message, task_keys=(), path=("mustInOrder",))
    for earlier, later in pairwise(wanted):
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
