"""Revisions of workflows: the differences between two of them, by task and field, and in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.workflow import LAYOUT, WorkflowTask, changed_fields

NAMED = 5
"""How many items of each kind a summary names; it counts the rest."""
MAX_SUMMARY = 1000
FIRST_SUMMARY = "created"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision of a deployment's workflow: its number, from 1, its author, time and summary.

    `restores` is the number of the earlier revision that it restores, if any.
    """

    deployment_id: str
    number: int
    author: str
    at: datetime
    summary: str
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class KeptTask:
    """A task of a superseded revision, with its id."""

    id: str
    task: WorkflowTask


@dataclass(frozen=True, slots=True)
class TaskChange:
    """A task that differs between two revisions; `fields` are the names of the fields that differ."""

    key: str
    before: WorkflowTask
    after: WorkflowTask
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkflowDiff:
    """The differences between two graphs, by key, ignoring the order of tasks."""

    added: tuple[WorkflowTask, ...]
    removed: tuple[WorkflowTask, ...]
    changed: tuple[TaskChange, ...]


def diff(before: Sequence[WorkflowTask], after: Sequence[WorkflowTask]) -> WorkflowDiff:
    """Return the differences from one graph to another, each part in the order of its own graph."""
    old, new = {task.key: task for task in before}, {task.key: task for task in after}
    return WorkflowDiff(
        added=tuple(task for task in after if task.key not in old),
        removed=tuple(task for task in before if task.key not in new),
        changed=tuple(
            TaskChange(key, old[key], task, fields)
            for key, task in new.items()
            if key in old and (fields := changed_fields(old[key], task))
        ),
    )


def describe(before: Sequence[WorkflowTask], after: Sequence[WorkflowTask]) -> str:
    """Describe in words the differences from one graph to another."""
    difference = diff(before, after)
    removed = {task.key for task in difference.removed}
    parts = [
        _listed("added", [task.key for task in difference.added]),
        _listed("removed", [task.key for task in difference.removed]),
        _listed("changed", [text for change in difference.changed if (text := _changed_fields(change))]),
        _listed("connected", _edges(difference.changed, added=True)),
        _listed(
            "disconnected",
            [edge for edge in _edges(difference.changed, added=False) if edge.split(" → ")[0] not in removed],
        ),
    ]
    words = ", ".join(filter(None, parts))
    if words:
        return words
    if difference.changed:
        return "changed the layout"
    same_order = [task.key for task in before] == [task.key for task in after]
    return "changed nothing" if same_order else "changed the order"


def _changed_fields(change: TaskChange) -> str:
    fields = [name.replace("_", " ") for name in change.fields if name != "block_by" and name not in LAYOUT]
    return f"{change.key} ({', '.join(fields)})" if fields else ""


def _edges(changes: Iterable[TaskChange], *, added: bool) -> list[str]:
    edges: list[str] = []
    for change in changes:
        old, new = (change.before, change.after) if added else (change.after, change.before)
        edges += [f"{key} → {change.key}" for key in new.block_by if key not in old.block_by]
    return edges


def _listed(verb: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{verb} {', '.join(names[:NAMED])}{more}"
