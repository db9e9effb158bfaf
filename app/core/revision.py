"""Revisions of workflows: what differs between two of them, by task and field, and the same in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.workflow import LAYOUT, WorkflowTask, changed_fields

NAMED = 5
"""How many of a kind a summary names; the rest it counts."""
MAX_SUMMARY = 1000
FIRST_SUMMARY = "created"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision of a deployment's workflow: its number, from 1, who made it, when, and what was done, in words.

    `restores` is the number of the earlier revision that it brings back, if it does.
    """

    deployment_id: str
    number: int
    author: str
    at: datetime
    summary: str
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class KeptTask:
    """A task as it stood in a revision that was superseded, with the id that it had."""

    id: str
    task: WorkflowTask


@dataclass(frozen=True, slots=True)
class TaskChange:
    """A task of both sides that is not the same; `fields` are the names of what differs."""

    key: str
    before: WorkflowTask
    after: WorkflowTask
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkflowDiff:
    """What one graph has that another has not, by key. The order of tasks is no part of it."""

    added: tuple[WorkflowTask, ...]
    removed: tuple[WorkflowTask, ...]
    changed: tuple[TaskChange, ...]


def diff(before: Sequence[WorkflowTask], after: Sequence[WorkflowTask]) -> WorkflowDiff:
    """Return what leads from one graph to another, each part in the order of the graph it is of."""
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
    """Say in words what leads from one graph to another."""
    found = diff(before, after)
    gone = {task.key for task in found.removed}
    said = [
        _listed("added", [task.key for task in found.added]),
        _listed("removed", [task.key for task in found.removed]),
        _listed("changed", [text for change in found.changed if (text := _own(change))]),
        _listed("connected", _edges(found.changed, added=True)),
        _listed(
            "disconnected", [edge for edge in _edges(found.changed, added=False) if edge.split(" → ")[0] not in gone]
        ),
    ]
    words = ", ".join(filter(None, said))
    if words:
        return words
    if found.changed:
        return "changed the layout"
    same_order = [task.key for task in before] == [task.key for task in after]
    return "changed nothing" if same_order else "changed the order"


def _own(change: TaskChange) -> str:
    fields = [name.replace("_", " ") for name in change.fields if name != "block_by" and name not in LAYOUT]
    return f"{change.key} ({', '.join(fields)})" if fields else ""


def _edges(changes: Iterable[TaskChange], *, added: bool) -> list[str]:
    found: list[str] = []
    for change in changes:
        had, has = (change.before, change.after) if added else (change.after, change.before)
        found += [f"{key} → {change.key}" for key in has.block_by if key not in had.block_by]
    return found


def _listed(verb: str, things: Sequence[str]) -> str:
    if not things:
        return ""
    more = f" and {len(things) - NAMED} more" if len(things) > NAMED else ""
    return f"{verb} {', '.join(things[:NAMED])}{more}"
