"""Workflows: graphs of tasks as people and generators write them, before they are stored as rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.core.application import CommandStep

MAX_TASKS = 2000


class TaskType(StrEnum):
    """The type of a task. Within an application the order is build, test, deploy, health check."""

    PREPARE = "PREPARE"
    BUILD = "BUILD"
    TEST = "TEST"
    DEPLOY = "DEPLOY"
    HEALTH_CHECK = "HEALTH_CHECK"
    CUSTOM = "CUSTOM"


TYPE_RANK = {TaskType.BUILD: 0, TaskType.TEST: 1, TaskType.DEPLOY: 2, TaskType.HEALTH_CHECK: 3}
BUILD_TYPES = frozenset({TaskType.PREPARE, TaskType.BUILD, TaskType.TEST})
"""Types that build and test an artifact, without touching what runs in an environment."""
NEEDS_COMMAND = frozenset({TaskType.BUILD, TaskType.TEST, TaskType.CUSTOM})
NEEDS_APPLICATION = frozenset({TaskType.BUILD, TaskType.TEST, TaskType.DEPLOY, TaskType.HEALTH_CHECK})


@dataclass(frozen=True, slots=True)
class Position:
    """The position of a task in the editor, in the editor's units."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowTask:
    """One task of a graph, identified by its key; `block_by` holds the keys that it waits for."""

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
"""Fields that only concern the drawing of a task."""
FIELDS = tuple(name for name in WorkflowTask.__dataclass_fields__ if name != "key")


def changed_fields(before: WorkflowTask, after: WorkflowTask) -> tuple[str, ...]:
    """Return the names of the fields in which two forms of a task differ, without `block_by`'s order."""
    if before is after or before == after:
        return ()
    differing = [name for name in FIELDS if getattr(before, name) != getattr(after, name)]
    same_blockers = set(before.block_by) == set(after.block_by)
    return tuple(name for name in differing if name != "block_by" or not same_blockers)


def is_redefined(before: WorkflowTask, after: WorkflowTask) -> bool:
    """Tell whether a task differs in more than its layout."""
    return not LAYOUT.issuperset(changed_fields(before, after))


def blocker_graph(tasks: Iterable[WorkflowTask]) -> dict[str, tuple[str, ...]]:
    """Return the graph of the tasks by their keys, as `graph` takes it."""
    return {task.key: task.block_by for task in tasks}
