"""Tasks and their attempts in the database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from app.core.schedule import Change, Item
from app.core.strategy import Progress
from app.core.task import ENDED, Activity, Task, TaskAttempt, TaskStatus
from app.core.workflow import TaskType
from app.store import models
from app.store.convert import dump, plain, reader
from app.store.database import Row, execute, fetch, fetch_one

JSON_COLUMNS = ("block_by", "command", "payload", "result", "position", "rollout")
SELECT = (
    'SELECT id, deployment_id, key, application_id, name, type, status, "order", block_by, command, payload,'
    " timeout_seconds, max_attempts, position, result, error_message, attempt, failures, losses, activity, worker,"
    " lease_until, resume_at, retry_at, touched, stop, rollout, started_at, completed_at, last_log FROM tasks"
)
ATTEMPT = "task_id, number, activity, status, worker, started_at, completed_at, error_message, exit_code"
_read = reader(Task, *JSON_COLUMNS)
_read_attempt = reader(TaskAttempt)
TYPES = {str(each): each for each in TaskType}
STATUSES = {str(each): each for each in TaskStatus}
"""Looked up instead of called: a tick reads up to 2,000 tasks, and calling an enum costs four times as much."""
_decode_ids = msgspec.json.Decoder(tuple[str, ...]).decode
_decode_progress = msgspec.json.Decoder(Progress).decode


async def insert(tasks: Iterable[Task]) -> None:
    """Store new tasks."""
    await models.Task.bulk_create(
        (models.Task(**{name: _column(task, name) for name in Task.__dataclass_fields__}) for task in tasks),
        batch_size=500,
    )


def _column(task: Task, name: str) -> Any:
    value = getattr(task, name)
    return plain(value) if name in JSON_COLUMNS else value


async def by_ids(ids: Sequence[str]) -> dict[str, Task]:
    """Return the tasks that exist among `ids`, by id."""
    return {row["id"]: _read(row) for row in await fetch(f"{SELECT} WHERE id = ANY($1)", list(ids))}


async def of_deployments(deployment_ids: Sequence[str]) -> dict[str, list[Task]]:
    """Return the tasks of each deployment in workflow order."""
    found: dict[str, list[Task]] = {id_: [] for id_ in deployment_ids}
    rows = await fetch(f'{SELECT} WHERE deployment_id = ANY($1) ORDER BY deployment_id, "order"', list(deployment_ids))
    for row in rows:
        found[row["deployment_id"]].append(_read(row))
    return found


async def items(deployment_id: str) -> list[Item]:
    """Return what a tick needs of a deployment's tasks, in workflow order. The deployment's row must be held."""
    rows = await fetch(
        "SELECT id, key, type, status, block_by, application_id, activity, worker, stop, touched, resume_at, retry_at,"
        ' error_message, rollout, completed_at, attempt FROM tasks WHERE deployment_id = $1 ORDER BY "order"',
        deployment_id,
    )
    return [_item(row) for row in rows]


def _item(row: Row) -> Item:
    return Item(
        id=row["id"],
        key=row["key"],
        type=TYPES[row["type"]],
        status=STATUSES[row["status"]],
        block_by=_decode_ids(row["block_by"]),
        application_id=row["application_id"],
        activity=Activity(row["activity"]) if row["activity"] else None,
        held=row["worker"] is not None,
        stop=row["stop"],
        touched=row["touched"],
        resume_at=row["resume_at"],
        retry_at=row["retry_at"],
        error_message=row["error_message"],
        rollout=_decode_progress(row["rollout"]) if row["rollout"] else None,
        completed_at=row["completed_at"],
        attempt=row["attempt"],
    )


SAVE = (
    "UPDATE tasks SET status = $2, result = $3, error_message = $4, attempt = $5, failures = $6, losses = $7,"
    " activity = $8, worker = $9, lease_until = $10, resume_at = $11, retry_at = $12, touched = $13, stop = $14,"
    " rollout = $15, started_at = $16, completed_at = $17 WHERE id = $1"
)


def _mutable(task: Task) -> list[Any]:
    return [
        task.id,
        task.status,
        None if task.result is None else dump(task.result),
        task.error_message,
        task.attempt,
        task.failures,
        task.losses,
        task.activity,
        task.worker,
        task.lease_until,
        task.resume_at,
        task.retry_at,
        task.touched,
        task.stop,
        None if task.rollout is None else dump(task.rollout),
        task.started_at,
        task.completed_at,
    ]


async def save(task: Task) -> None:
    """Store what changes of a task over its life, except the number of its last log line.

    The deployment's row must be held, or the task's attempt be the writer's own.
    """
    await execute(SAVE, *_mutable(task))


async def begin_attempt(task: Task, attempt: TaskAttempt) -> None:
    """Store a task and its new attempt in one statement."""
    await fetch(
        "WITH attempt AS (INSERT INTO task_attempts (task_id, number, activity, status, worker, started_at)"
        f" VALUES ($1, $5, $8, $18, $9, $19)) {SAVE}",
        *_mutable(task),
        attempt.status,
        attempt.started_at,
    )


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt ended."""

    status: TaskStatus
    at: datetime
    message: str | None
    exit_code: int | None


async def end_attempt(task: Task, ended: AttemptEnd) -> None:
    """Store a task and the end of its newest attempt in one statement."""
    await fetch(
        "WITH attempt AS (UPDATE task_attempts SET status = $18, completed_at = $19, error_message = $20,"
        f" exit_code = $21 WHERE task_id = $1 AND number = $5) {SAVE}",
        *_mutable(task),
        ended.status,
        ended.at,
        ended.message,
        ended.exit_code,
    )


async def change(changes: Sequence[Change], now: datetime) -> None:
    """Store the changes of a tick. A task that ends, or is free again, has no attempt in hand."""
    await execute(
        "UPDATE tasks SET status = c.status, activity = NULL, worker = NULL, lease_until = NULL, resume_at = NULL,"
        " retry_at = NULL, stop = false, completed_at = CASE WHEN c.status = ANY($3) THEN $4::timestamptz END"
        " FROM unnest($1::text[], $2::text[]) AS c(id, status) WHERE tasks.id = c.id",
        [change.task_id for change in changes],
        [str(change.to) for change in changes],
        [str(status) for status in ENDED],
        now,
    )


async def reset(tasks: Sequence[Task]) -> None:
    """Make tasks as if they had not been tried: what they count is forgotten, their attempts and logs stay."""
    for task in tasks:
        await save(
            replace(
                task,
                failures=0,
                losses=0,
                error_message=None,
                retry_at=None,
                resume_at=None,
                started_at=None,
                completed_at=None,
                rollout=task.rollout if task.touched else None,
            )
        )


async def ask_to_stop(ids: Sequence[str]) -> dict[str, str]:
    """Ask attempts in hand to end. Return who holds them, by task id."""
    rows = await fetch(
        "UPDATE tasks SET stop = true WHERE id = ANY($1) AND worker IS NOT NULL RETURNING id, worker", list(ids)
    )
    return {row["id"]: row["worker"] for row in rows}


async def renew(worker: str, ids: Sequence[str], until: datetime) -> dict[str, bool]:
    """Renew a worker's leases. Return, for each task it still holds, whether its attempt shall end."""
    rows = await fetch(
        "UPDATE tasks SET lease_until = $3 WHERE id = ANY($2) AND worker = $1 RETURNING id, stop",
        worker,
        list(ids),
        until,
    )
    return {row["id"]: row["stop"] for row in rows}


async def expired(now: datetime) -> list[tuple[str, str, int]]:
    """Return (deployment id, task id, attempt) of the attempts whose lease ran out."""
    rows = await fetch(
        "SELECT t.deployment_id, t.id, t.attempt FROM tasks t JOIN deployments d ON d.id = t.deployment_id"
        " WHERE d.status IN ('RUNNING', 'WAITING_CONFIRM', 'CANCELLING', 'ROLLING_BACK')"
        " AND t.worker IS NOT NULL AND t.lease_until < $1",
        now,
    )
    return [(row["deployment_id"], row["id"], row["attempt"]) for row in rows]


async def save_rollout(task_id: str, attempt: int, worker: str, rollout: Progress) -> bool:
    """Store where a rollout stands; False when the attempt is not this worker's any more."""
    changed = await execute(
        "UPDATE tasks SET rollout = $4, touched = touched OR $5 WHERE id = $1 AND attempt = $2 AND worker = $3",
        task_id,
        attempt,
        worker,
        dump(rollout),
        bool(rollout.touched),
    )
    return changed == 1


async def end_open_attempts(task_ids: Sequence[str], at: datetime) -> None:
    """Store that attempts that nobody held were cancelled."""
    await execute(
        "UPDATE task_attempts SET status = 'CANCELLED', completed_at = $2"
        " WHERE task_id = ANY($1) AND completed_at IS NULL",
        list(task_ids),
        at,
    )


async def attempts_of(task_ids: Sequence[str]) -> dict[str, list[TaskAttempt]]:
    """Return the attempts of each task, first one first."""
    found: dict[str, list[TaskAttempt]] = {id_: [] for id_ in task_ids}
    rows = await fetch(
        f"SELECT {ATTEMPT} FROM task_attempts WHERE task_id = ANY($1) ORDER BY task_id, number",
        list(task_ids),
    )
    for row in rows:
        found[row["task_id"]].append(_read_attempt(row))
    return found


async def last_log(task_id: str) -> int:
    """Return the number of a task's last log line."""
    row = await fetch_one("SELECT last_log FROM tasks WHERE id = $1", task_id)
    return int(row["last_log"]) if row else 0
