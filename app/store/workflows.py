"""Workflows in the database: their revisions, and edits of their tasks.

The tasks of the current revision are those of the deployment; each superseded revision stores a copy of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from app.core.deployment import Deployment
from app.core.revision import FIRST_SUMMARY, KeptTask, Revision
from app.core.task import Task
from app.core.workflow import Position, WorkflowTask
from app.core.workflow_rewrite import Rewrite
from app.store import tasks as task_store
from app.store.codecs import dump, reader
from app.store.database import execute, fetch
from app.store.paging import ChildRows

SELECT = "SELECT deployment_id, number, author_id AS author, at, summary, restores FROM workflow_revisions"
_read = reader(Revision)
REVISIONS = ChildRows(SELECT, "workflow_revisions", "deployment_id", "number", _read, type_="bigint")
"""The revisions of deployments, the oldest first."""
_read_past = msgspec.json.Decoder(tuple[KeptTask, ...]).decode
_read_task = msgspec.json.Decoder(WorkflowTask).decode
DEFAULTS: Mapping[str, Any] = {
    "application_id": None,
    "block_by": (),
    "require_confirm": False,
    "payload": {},
    "timeout_seconds": 1800,
    "max_attempts": 1,
    "position": None,
}
COMMAND_DEFAULTS: Mapping[str, Any] = {"image": None, "env": {}, "timeout_seconds": 1800, "max_attempts": 1}
"""Values that a stored revision leaves out of a task and its command.

Never change one: stored revisions rely on it.
"""
Durations = Mapping[tuple[str | None, str], float]
"""Seconds by a task's application (None if it has none) and key."""
DURATION_SAMPLES = 5
"""Successful deployments of each application from which the duration of a task is read."""
DEFINITION = (
    'name text, type text, application_id text, "order" int, block_by jsonb, command jsonb, payload jsonb,'
    " timeout_seconds int, max_attempts int, position jsonb, require_confirm bool, confirmed_by text,"
    " confirmed_at timestamptz"
)
COLUMNS = tuple(column.split()[0] for column in DEFINITION.split(", "))
"""Columns that an edit can change in a remaining task."""


async def insert_first(deployment: Deployment) -> None:
    """Store the first revision of a new deployment's workflow."""
    await execute(
        "INSERT INTO workflow_revisions (deployment_id, number, author_id, at, summary) VALUES ($1, $2, $3, $4, $5)",
        deployment.id,
        deployment.revision,
        deployment.created_by,
        deployment.created_at,
        FIRST_SUMMARY,
    )


async def supersede(tasks: Iterable[KeptTask], new: Revision) -> None:
    """Store the next revision, and the tasks of the one before it. The deployment's row must be locked."""
    await fetch(
        "WITH past AS (UPDATE workflow_revisions SET tasks = $6::jsonb WHERE deployment_id = $1 AND number = $2 - 1)"
        " INSERT INTO workflow_revisions (deployment_id, number, author_id, at, summary, restores)"
        " VALUES ($1, $2, $3, $4, $5, $7)",
        new.deployment_id,
        new.number,
        new.author,
        new.at,
        new.summary,
        f"[{','.join(dump({'id': past.id, 'task': _without_defaults(past.task)}) for past in tasks)}]",
        new.restores,
    )


def _without_defaults(task: WorkflowTask) -> dict[str, Any]:
    """Return a task as a revision stores it: without default values, which reading adds again."""
    stored = {"key": task.key, "name": task.name, "type": task.type} | _differing(task, DEFAULTS)
    if task.command is not None:
        stored["command"] = {"command": task.command.command} | _differing(task.command, COMMAND_DEFAULTS)
    return stored


def _differing(value: object, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a value that differ from their defaults."""
    differing: dict[str, Any] = {}
    for name, default in defaults.items():
        content = getattr(value, name)
        if content is not default and content != default:
            differing[name] = content
    return differing


async def write(rewrite: Rewrite) -> None:
    """Store the tasks that an edit changes, except their statuses. The deployment's row must be locked."""
    if rewrite.removed:
        await execute("DELETE FROM tasks WHERE id = ANY($1)", list(rewrite.removed))
    if rewrite.added:
        await task_store.insert(rewrite.added)
    if rewrite.redefined:
        await execute(
            f"UPDATE tasks SET {', '.join(f'{name} = t.{name}' for name in COLUMNS)}"
            f" FROM jsonb_to_recordset($1::jsonb) AS t(id text, {DEFINITION}) WHERE tasks.id = t.id",
            dump([_definition(task) for task in rewrite.redefined]),
        )
    if rewrite.moved:
        await execute(
            'UPDATE tasks SET "order" = t.place FROM unnest($1::text[], $2::int[]) AS t(id, place)'
            " WHERE tasks.id = t.id",
            list(rewrite.moved),
            list(rewrite.moved.values()),
        )


def _definition(task: Task) -> dict[str, object]:
    return {"id": task.id} | {name.strip('"'): getattr(task, name.strip('"')) for name in COLUMNS}


async def set_positions(deployment_id: str, positions: Mapping[str, Position]) -> None:
    """Store the positions at which tasks are drawn, by the tasks' keys."""
    await execute(
        "UPDATE tasks SET position = p.position FROM unnest($2::text[], $3::jsonb[]) AS p(key, position)"
        " WHERE tasks.deployment_id = $1 AND tasks.key = p.key",
        deployment_id,
        list(positions),
        [dump(position) for position in positions.values()],
    )


async def revisions_of(deployment_ids: Sequence[str]) -> dict[str, list[Revision]]:
    """Return all revisions of each deployment's workflow, the oldest first, without their tasks."""
    revisions: dict[str, list[Revision]] = {id_: [] for id_ in deployment_ids}
    rows = await fetch(f"{SELECT} WHERE deployment_id = ANY($1) ORDER BY deployment_id, number", list(deployment_ids))
    for row in rows:
        revisions[row["deployment_id"]].append(_read(row))
    return revisions


async def tasks_at(keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[WorkflowTask, ...]]:
    """Return the tasks of superseded revisions, by (deployment id, number); other keys are left out."""
    keys = list(keys)
    rows = await fetch(
        "SELECT r.deployment_id, r.number, r.tasks FROM unnest($1::text[], $2::int[]) AS w(id, number)"
        " JOIN workflow_revisions r ON r.deployment_id = w.id AND r.number = w.number WHERE r.tasks IS NOT NULL",
        [id_ for id_, _ in keys],
        [number for _, number in keys],
    )
    return {
        (row["deployment_id"], row["number"]): tuple(past.task for past in _read_past(row["tasks"])) for row in rows
    }


async def removed_tasks(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], WorkflowTask]:
    """Return tasks that edits removed, as the last revision had them, by (deployment id, task id)."""
    rows = await fetch(
        "SELECT DISTINCT ON (w.deployment, w.task) w.deployment, w.task, kept.value->'task' AS value"
        " FROM unnest($1::text[], $2::text[]) AS w(deployment, task)"
        " JOIN workflow_revisions r ON r.deployment_id = w.deployment AND r.tasks IS NOT NULL"
        " CROSS JOIN LATERAL jsonb_array_elements(r.tasks) AS kept WHERE kept.value->>'id' = w.task"
        " ORDER BY w.deployment, w.task, r.number DESC",
        [deployment_id for deployment_id, _ in keys],
        [task_id for _, task_id in keys],
    )
    return {(row["deployment"], row["task"]): _read_task(row["value"]) for row in rows}


async def durations_of(application_ids: Sequence[tuple[str, ...]]) -> list[Durations]:
    """Return, for each tuple of application ids, how long tasks took in their last successful deployments."""
    rows = await fetch(
        "SELECT DISTINCT ON (via.id, t.application_id, t.key) via.id AS via, t.application_id, t.key, t.completed_at,"
        " extract(epoch FROM t.completed_at - t.started_at)::float8 AS seconds"
        " FROM unnest($1::text[]) AS via(id) CROSS JOIN LATERAL ("
        "SELECT d.id FROM deployment_applications a JOIN deployments d ON d.id = a.deployment_id"
        " WHERE a.application_id = via.id AND d.status = 'SUCCESS' ORDER BY d.id DESC LIMIT $2) AS last"
        " JOIN tasks t ON t.deployment_id = last.id AND (t.application_id = via.id OR t.application_id IS NULL)"
        " WHERE t.status = 'SUCCESS' AND t.started_at IS NOT NULL AND t.completed_at IS NOT NULL"
        " ORDER BY via.id, t.application_id, t.key, t.completed_at DESC",
        list({id_ for ids in application_ids for id_ in ids}),
        DURATION_SAMPLES,
    )
    rows = sorted(rows, key=lambda row: row["completed_at"])
    return [
        {(row["application_id"], row["key"]): row["seconds"] for row in rows if row["via"] in ids}
        for ids in application_ids
    ]
