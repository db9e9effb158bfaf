"""Tasks: their statuses, the one table of legal transitions, and the stored task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.core.application import CommandStep
from app.core.columnar import columns_of, from_columns
from app.core.errors import IllegalTransitionError
from app.core.strategy.model import Progress
from app.core.workflow import Position, TaskType, WorkflowTask


class TaskStatus(StrEnum):
    """The status of a task. TRANSITIONS below has the legal changes."""

    PENDING = "PENDING"
    BLOCKED = "BLOCKED"
    RUNNING = "RUNNING"
    WAITING_CONFIRM = "WAITING_CONFIRM"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"
    ROLLED_BACK = "ROLLED_BACK"


class Activity(StrEnum):
    """What a worker does for a task: its own work, or undoing it."""

    RUN = "RUN"
    UNDO = "UNDO"


_S = TaskStatus
TRANSITIONS: Mapping[TaskStatus, tuple[TaskStatus, ...]] = {
    _S.BLOCKED: (_S.PENDING, _S.SKIPPED, _S.CANCELLED),
    _S.PENDING: (_S.WAITING_CONFIRM, _S.RUNNING, _S.SKIPPED, _S.CANCELLED, _S.BLOCKED),
    _S.WAITING_CONFIRM: (_S.RUNNING, _S.PENDING, _S.SKIPPED, _S.CANCELLED, _S.BLOCKED),
    _S.RUNNING: (_S.SUCCESS, _S.FAILED, _S.CANCELLED, _S.PENDING, _S.WAITING_CONFIRM),
    _S.SUCCESS: (_S.ROLLED_BACK,),
    _S.SKIPPED: (),
    _S.FAILED: (_S.PENDING, _S.BLOCKED, _S.SKIPPED, _S.ROLLED_BACK),
    _S.CANCELLED: (_S.PENDING, _S.BLOCKED, _S.SKIPPED, _S.ROLLED_BACK),
    _S.ROLLED_BACK: (_S.PENDING, _S.BLOCKED),
}
UNSTARTED = frozenset({_S.BLOCKED, _S.PENDING, _S.WAITING_CONFIRM})
UNBLOCKING = frozenset({_S.SUCCESS, _S.SKIPPED})
ENDED = frozenset({_S.SUCCESS, _S.SKIPPED, _S.FAILED, _S.CANCELLED, _S.ROLLED_BACK})
FAILURES = frozenset({_S.FAILED, _S.CANCELLED})


def transition(current: TaskStatus, to: TaskStatus) -> TaskStatus:
    """Return `to` when the table allows the change. Raises IllegalTransitionError."""
    if to not in TRANSITIONS[current]:
        raise IllegalTransitionError("task", current, to, TRANSITIONS[current])
    return to


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A stored task.

    `block_by` has the ids of its blockers. A task that does `require_confirm` starts once people have confirmed it.
    `attempt` numbers the attempts from 1 (0: none yet) and fences every write of an attempt. `failures` and `losses`
    count, since the last manual retry, failed attempts and attempts whose worker was lost. `activity` is that of the
    unfinished attempt; `worker` holds its lease until `lease_until`, None while it waits for `resume_at`. `retry_at` is
    when the next attempt is due. `touched` tells that a deploy task may have changed its target. `stop` asks the
    attempt to end. `last_log` is the number of its last log line, `log_bytes` is what counts towards the limit of its
    log, and `logs_truncated` tells that the limit was reached.
    """

    id: str
    deployment_id: str
    key: str
    application_id: str | None
    name: str
    type: TaskType
    status: TaskStatus
    order: int
    block_by: tuple[str, ...]
    command: CommandStep | None
    payload: Mapping[str, Any]
    timeout_seconds: int
    max_attempts: int
    position: Position | None
    require_confirm: bool = False
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    result: Mapping[str, Any] | None = None
    error_message: str | None = None
    attempt: int = 0
    failures: int = 0
    losses: int = 0
    activity: Activity | None = None
    worker: str | None = None
    lease_until: datetime | None = None
    resume_at: datetime | None = None
    retry_at: datetime | None = None
    touched: bool = False
    stop: bool = False
    rollout: Progress | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    last_log: int = 0
    log_bytes: int = 0
    logs_truncated: bool = False


def new_task(task: WorkflowTask, deployment_id: str, order: int, ids: Mapping[str, str]) -> Task:
    """Return the stored form of a new task of a graph. `ids` has the id for each key of the graph."""
    return Task(
        id=ids[task.key],
        deployment_id=deployment_id,
        key=task.key,
        application_id=task.application_id,
        name=task.name,
        type=task.type,
        status=_S.BLOCKED if task.block_by else _S.PENDING,
        order=order,
        block_by=tuple(ids[key] for key in dict.fromkeys(task.block_by)),
        command=task.command,
        payload=task.payload,
        timeout_seconds=task.timeout_seconds,
        max_attempts=task.max_attempts,
        position=task.position,
        require_confirm=task.require_confirm,
    )


def removed_task(deployment_id: str, task_id: str, task: WorkflowTask) -> Task:
    """Return a task that an edit removed, as older events show it: cancelled, and without blockers."""
    alone = replace(task, block_by=())
    stored = new_task(alone, deployment_id, 0, {task.key: task_id})
    return replace(stored, status=_S.CANCELLED, error_message="An edit removed it from the workflow.")


WORKFLOW_COLUMNS = tuple(WorkflowTask.__dataclass_fields__)


def workflow_tasks(tasks: Sequence[Task]) -> tuple[WorkflowTask, ...]:
    """Return the graph of a deployment's tasks, to be compared and edited."""
    keys = {task.id: task.key for task in tasks}
    columns = columns_of(tasks, WORKFLOW_COLUMNS)
    columns["block_by"] = [tuple([keys[id_] for id_ in ids]) for ids in columns["block_by"]]
    return tuple(from_columns(WorkflowTask, columns))


def with_status(task: Task, to: TaskStatus, reason: str | None, now: datetime) -> Task:
    """Return a task that no worker holds in another status, without attempt and timers."""
    return replace(
        task,
        status=to,
        activity=None,
        worker=None,
        lease_until=None,
        resume_at=None,
        retry_at=None,
        stop=False,
        completed_at=now if to in ENDED else None,
        error_message=(reason if to is TaskStatus.CANCELLED else None) or task.error_message,
    )


def reset_task(task: Task) -> Task:
    """Return a task with its counters and times reset for a manual retry. Attempts and logs stay.

    A rollout that has touched its target goes on from there.
    """
    return replace(
        task,
        failures=0,
        losses=0,
        error_message=None,
        retry_at=None,
        resume_at=None,
        started_at=None,
        completed_at=None,
        rollout=accept_previous_image(task.rollout) if task.touched else None,
    )


def accept_previous_image(progress: Progress | None) -> Progress | None:
    """Return the progress of a manual retry: the person may have restored the previous image."""
    if progress is None or progress.moved is None:
        return progress
    moved = progress.moved
    return replace(progress, moved=replace(moved, images_before=(*moved.images_before, moved.previous)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAttempt:
    """One attempt of a task. `exit_code` is that of its command, if it had one."""

    task_id: str
    number: int
    activity: Activity
    status: TaskStatus
    worker: str | None
    started_at: datetime
    completed_at: datetime | None
    error_message: str | None
    exit_code: int | None
