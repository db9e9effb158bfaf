"""Tasks and their attempts in the database."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.application import CommandStep
from app.core.columnar import from_columns
from app.core.deployment import DeploymentStatus
from app.core.kubernetes.job_runs import RunOwnership
from app.core.strategy.model import Progress
from app.core.task import ENDED, Activity, Task, TaskAttempt, TaskStatus
from app.core.tick.state import SNAPSHOT_COLUMNS, TaskChange, TaskSnapshot
from app.core.workflow import Position, TaskType
from app.store import models
from app.store.codecs import dump, json_reader, reader
from app.store.columns import names_of, row_of
from app.store.database import execute, fetch, fetch_columns, fetch_one

JSON_COLUMNS = ("block_by", "command", "payload", "result", "position", "rollout")
COLUMNS = names_of(Task)
OF_DEPLOYMENTS = 'WHERE deployment_id = ANY($1) ORDER BY deployment_id, "order"'
VERSION_COLUMNS = ("version_event", "version_moment")
WITH_VERSION = (
    "JOIN (SELECT id AS owner, last_event AS version_event, updated_at AS version_moment FROM deployments) AS versions"
    " ON owner = deployment_id"
)
SELECT_ATTEMPT = f"SELECT {', '.join(names_of(TaskAttempt))} FROM task_attempts"
_read_attempt = reader(TaskAttempt)
TYPES = {str(type_): type_ for type_ in TaskType}
STATUSES = {str(status): status for status in TaskStatus}
ACTIVITIES: Mapping[str | None, Activity | None] = {None: None} | {str(activity): activity for activity in Activity}
"""Enums by value: a tick reads up to 2,000 tasks, and a lookup is four times as fast as a call."""
READERS: Mapping[str, Callable[[Any], Any]] = {
    "type": TYPES.__getitem__,
    "status": STATUSES.__getitem__,
    "activity": ACTIVITIES.__getitem__,
    "block_by": json_reader(tuple[str, ...]),
    "command": json_reader(CommandStep | None),
    "payload": json_reader(dict[str, Any]),
    "result": json_reader(dict[str, Any] | None),
    "position": json_reader(Position | None),
    "rollout": json_reader(Progress | None),
}
"""Readers of the columns whose values are not stored as they are in the core."""


async def insert(tasks: Iterable[Task]) -> None:
    """Store new tasks."""
    await models.Task.bulk_create(
        (models.Task(**row_of(task, COLUMNS, json=JSON_COLUMNS)) for task in tasks),
        batch_size=500,
    )


async def by_ids(ids: Sequence[str]) -> dict[str, Task]:
    """Return the tasks that exist among `ids`, by id."""
    return {task.id: task for task in await _read("WHERE id = ANY($1)", list(ids))}


async def of_deployments(deployment_ids: Sequence[str]) -> dict[str, list[Task]]:
    """Return the tasks of each deployment in workflow order."""
    tasks: dict[str, list[Task]] = {id_: [] for id_ in deployment_ids}
    for task in await _read(OF_DEPLOYMENTS, list(deployment_ids)):
        tasks[task.deployment_id].append(task)
    return tasks


async def _read(condition: str, ids: list[str]) -> list[Task]:
    return from_columns(Task, dict(zip(COLUMNS, await _columns(COLUMNS, condition, ids), strict=True)))


async def _columns(names: Sequence[str], condition: str, ids: list[str]) -> list[Sequence[Any]]:
    """Return columns of the tasks that meet a condition, each with the values of all tasks."""
    selected = ", ".join(f'"{name}"' for name in names)
    columns = await fetch_columns(f"SELECT {selected} FROM tasks {condition}", ids) or [() for _ in names]
    return [
        column if (read := READERS.get(name)) is None else list(map(read, column))
        for name, column in zip(names, columns, strict=True)
    ]


ColumnNames = tuple[str, ...]
Version = tuple[int, datetime]
"""The version of a deployment: the number of its newest event, and the moment of its newest change."""


async def columns_of_deployments(
    keys: Sequence[tuple[str, ColumnNames]],
) -> dict[tuple[str, ColumnNames], tuple[Version | None, list[list[Any]]]]:
    """Return columns of deployments' tasks in workflow order, by deployment and names of columns.

    With the columns comes the deployment's version at that moment; None for a deployment without tasks.
    """
    columns_by_key: dict[tuple[str, ColumnNames], tuple[Version | None, list[list[Any]]]] = {}
    for names in dict.fromkeys(names for _, names in keys):
        ids = [id_ for id_, key_names in keys if key_names == names]
        for id_, columns in (await _columns_of(ids, names)).items():
            columns_by_key[id_, names] = columns
    return columns_by_key


async def _columns_of(
    deployment_ids: Sequence[str], names: ColumnNames
) -> dict[str, tuple[Version | None, list[list[Any]]]]:
    owners, events, moments, *columns = await _columns(
        ("deployment_id", *VERSION_COLUMNS, *names), f"{WITH_VERSION} {OF_DEPLOYMENTS}", list(deployment_ids)
    )
    by_deployment: dict[str, tuple[Version | None, list[list[Any]]]] = {
        id_: (None, [[] for _ in names]) for id_ in deployment_ids
    }
    start = 0
    for id_, size in Counter(owners).items():
        version = events[start], moments[start]
        by_deployment[id_] = version, [list(column[start : start + size]) for column in columns]
        start += size
    return by_deployment


async def snapshots(deployment_id: str) -> list[TaskSnapshot]:
    """Return what a tick needs of a deployment's tasks, in workflow order.

    The deployment's row must be locked.
    """
    columns = await _columns((*SNAPSHOT_COLUMNS, "confirmed_at"), OF_DEPLOYMENTS, [deployment_id])
    confirmed = [moment is not None for moment in columns.pop()]
    return from_columns(TaskSnapshot, dict(zip(SNAPSHOT_COLUMNS, columns, strict=True)) | {"confirmed": confirmed})


FIELDS = (
    "status text, result jsonb, error_message text, attempt int, failures int, losses int, activity text, worker text,"
    " lease_until timestamptz, resume_at timestamptz, retry_at timestamptz, touched bool, stop bool, rollout jsonb,"
    " started_at timestamptz, completed_at timestamptz, confirmed_by text, confirmed_at timestamptz"
)
MUTABLE = tuple(column.split()[0] for column in FIELDS.split(","))
"""Columns that change over the life of a task, except those about its log."""
WRITE = (
    f"tasks_written AS (UPDATE tasks SET {', '.join(f'{name} = t.{name}' for name in MUTABLE)}"
    f" FROM jsonb_to_recordset({{tasks}}::jsonb) AS t(id text, {FIELDS}) WHERE tasks.id = t.id),"
    " attempts_begun AS (INSERT INTO task_attempts (task_id, number, activity, status, worker, started_at)"
    " SELECT * FROM jsonb_to_recordset({begun}::jsonb)"
    " AS b(task_id text, number int, activity text, status text, worker text, started_at timestamptz)),"
    " attempts_ended AS (UPDATE task_attempts SET status = e.status, completed_at = e.completed_at,"
    " error_message = e.error_message, exit_code = e.exit_code FROM jsonb_to_recordset({ended}::jsonb)"
    " AS e(task_id text, number int, status text, completed_at timestamptz, error_message text, exit_code int)"
    " WHERE task_attempts.task_id = e.task_id AND task_attempts.number = e.number)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnd:
    """The end of an attempt."""

    task_id: str
    number: int
    status: TaskStatus
    completed_at: datetime
    error_message: str | None
    exit_code: int | None


@dataclass(slots=True)
class Writes:
    """Tasks to store, by id, and the attempts that begin and end: all of it in one statement."""

    tasks: dict[str, Task] = field(default_factory=dict)
    begun: list[TaskAttempt] = field(default_factory=list)
    ended: list[AttemptEnd] = field(default_factory=list)

    def values(self) -> list[str]:
        """Return the parameters of `WRITE`: tasks, begun, ended."""
        tasks = [{"id": task.id} | {name: getattr(task, name) for name in MUTABLE} for task in self.tasks.values()]
        return [dump(tasks), dump(self.begun), dump(self.ended)]


async def apply_changes(changes: Sequence[TaskChange], now: datetime) -> None:
    """Store the changes of a tick. The changed tasks have no running attempt."""
    await execute(
        "UPDATE tasks SET status = c.status, activity = NULL, worker = NULL, lease_until = NULL, resume_at = NULL,"
        " retry_at = NULL, stop = false, completed_at = CASE WHEN c.status = ANY($3) THEN $4::timestamptz END,"
        " error_message = coalesce(c.reason, error_message)"
        " FROM unnest($1::text[], $2::text[], $5::text[]) AS c(id, status, reason) WHERE tasks.id = c.id",
        [change.task_id for change in changes],
        [str(change.to) for change in changes],
        [str(status) for status in ENDED],
        now,
        [change.reason if change.to is TaskStatus.CANCELLED else None for change in changes],
    )


async def request_stop(ids: Sequence[str], reason: str | None) -> dict[str, str]:
    """Request running attempts to end, with a reason. Return their workers, by task id."""
    rows = await fetch(
        "UPDATE tasks SET stop = true, error_message = coalesce($2, error_message)"
        " WHERE id = ANY($1) AND worker IS NOT NULL RETURNING id, worker",
        list(ids),
        reason,
    )
    return {row["id"]: row["worker"] for row in rows}


async def renew_leases(worker: str, ids: Sequence[str], until: datetime) -> dict[str, bool]:
    """Renew a worker's leases.

    Return, for each task that it still has, whether a stop of the attempt is requested.
    """
    rows = await fetch(
        "UPDATE tasks SET lease_until = $3 WHERE id = ANY($2) AND worker = $1 RETURNING id, stop",
        worker,
        list(ids),
        until,
    )
    return {row["id"]: row["stop"] for row in rows}


async def held_by_worker(worker: str, ids: Sequence[str]) -> set[str]:
    """Return which of the tasks belong to a worker."""
    rows = await fetch("SELECT id FROM tasks WHERE id = ANY($2) AND worker = $1", worker, list(ids))
    return {row["id"] for row in rows}


async def lock(task_id: str) -> None:
    """Lock a task's row until the transaction ends, so that its lease is not renewed in the meantime."""
    await fetch("SELECT 1 FROM tasks WHERE id = $1 FOR NO KEY UPDATE", task_id)


async def save_rollout(task_id: str, attempt: int, worker: str, rollout: Progress) -> bool:
    """Store the progress of a rollout. Return False if the worker has lost the attempt."""
    changed = await execute(
        "UPDATE tasks SET rollout = $4, touched = touched OR $5 WHERE id = $1 AND attempt = $2 AND worker = $3",
        task_id,
        attempt,
        worker,
        dump(rollout),
        bool(rollout.touched),
    )
    return changed == 1


async def last_rollout(environment_id: str, application_id: str, before: str) -> Progress | None:
    """Return the progress of an application's last rollout in an environment before a deployment."""
    row = await fetch_one(
        "SELECT t.rollout FROM deployments d JOIN deployment_applications a ON a.deployment_id = d.id"
        " JOIN tasks t ON t.deployment_id = d.id AND t.application_id = a.application_id"
        " WHERE d.environment_id = $1 AND a.application_id = $2 AND d.id < $3 AND t.type = 'DEPLOY'"
        " AND t.rollout IS NOT NULL ORDER BY d.id DESC LIMIT 1",
        environment_id,
        application_id,
        before,
    )
    return READERS["rollout"](row["rollout"]) if row else None


async def end_open_attempts(task_ids: Sequence[str], at: datetime) -> None:
    """Mark open attempts of tasks without a worker as cancelled."""
    await execute(
        "UPDATE task_attempts SET status = 'CANCELLED', completed_at = $2"
        " WHERE task_id = ANY($1) AND completed_at IS NULL",
        list(task_ids),
        at,
    )


async def attempts_of(task_ids: Sequence[str]) -> dict[str, list[TaskAttempt]]:
    """Return the attempts of each task, the oldest first."""
    attempts: dict[str, list[TaskAttempt]] = {id_: [] for id_ in task_ids}
    rows = await fetch(
        f"{SELECT_ATTEMPT} WHERE task_id = ANY($1) ORDER BY task_id, number",
        list(task_ids),
    )
    for row in rows:
        attempts[row["task_id"]].append(_read_attempt(row))
    return attempts


async def completed_attempts_before(task_id: str, attempt: int) -> int:
    """Return how many attempts before this one ended by themselves."""
    row = await fetch_one(
        "SELECT count(*) AS n FROM task_attempts"
        " WHERE task_id = $1 AND number < $2 AND status NOT IN ('RUNNING', 'CANCELLED')",
        task_id,
        attempt,
    )
    return int(row["n"]) if row else 0


async def run_ownership(ids: Sequence[str]) -> dict[str, RunOwnership]:
    """Return what decides whether runs of the tasks that exist among `ids` are orphans, by task id."""
    rows = await fetch(
        "SELECT t.id, t.deployment_id, d.status AS deployment, t.status, t.activity, (SELECT count(*)"
        " FROM task_attempts a WHERE a.task_id = t.id AND a.status NOT IN ('RUNNING', 'CANCELLED')) AS runs"
        " FROM tasks t JOIN deployments d ON d.id = t.deployment_id WHERE t.id = ANY($1)",
        list(ids),
    )
    return {
        row["id"]: RunOwnership(
            deployment_id=row["deployment_id"],
            deployment=DeploymentStatus(row["deployment"]),
            status=STATUSES[row["status"]],
            activity=Activity(row["activity"]) if row["activity"] else None,
            runs=row["runs"],
        )
        for row in rows
    }


async def last_log(task_id: str) -> int:
    """Return the number of a task's last log line."""
    row = await fetch_one("SELECT last_log FROM tasks WHERE id = $1", task_id)
    return int(row["last_log"]) if row else 0


async def any_active(deployment_id: str) -> bool:
    """Tell whether a task of a deployment has an unfinished attempt."""
    row = await fetch_one(
        "SELECT 1 FROM tasks WHERE deployment_id = $1 AND activity IS NOT NULL LIMIT 1", deployment_id
    )
    return row is not None


async def variables_in(deployment_ids: Sequence[str], text: str) -> list[tuple[str, str]]:
    """Return the variables (name, value) of tasks whose values a text contains at least in part."""
    rows = await fetch(
        "SELECT DISTINCT variable.key, variable.value FROM tasks, jsonb_each_text(command->'env') AS variable"
        " WHERE deployment_id = ANY($1)"
        " AND (strpos($2, btrim(variable.value)) > 0 OR strpos(variable.value, chr(10)) > 0)",
        list(deployment_ids),
        text,
    )
    return [(row["key"], row["value"]) for row in rows]
