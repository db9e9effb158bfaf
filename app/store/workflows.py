"""Workflows in the database: their revisions, and edits of their tasks.

The tasks of the current revision are those of the deployment; each revision that was superseded keeps its own.
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
"""The revisions of deployments, the first one first."""
_read_kept = msgspec.json.Decoder(tuple[KeptTask, ...]).decode
_read_task = msgspec.json.Decoder(WorkflowTask).decode
USUAL: Mapping[str, Any] = {
    "application_id": None,
    "block_by": (),
    "require_confirm": False,
    "payload": {},
    "timeout_seconds": 1800,
    "max_attempts": 1,
    "position": None,
}
USUAL_OF_COMMANDS: Mapping[str, Any] = {"image": None, "env": {}, "timeout_seconds": 1800, "max_attempts": 1}
"""What a revision leaves out of a task, and of its command. It is for ever: old revisions read so."""
Durations = Mapping[tuple[str | None, str], float]
"""Seconds by a task's application (None: of none) and key."""
LOOKED_BACK = 5
"""How many successful deployments of each application are looked at for the time that a task takes."""
DEFINITION = (
    'name text, type text, application_id text, "order" int, block_by jsonb, command jsonb, payload jsonb,'
    " timeout_seconds int, max_attempts int, position jsonb, require_confirm bool, confirmed_by text,"
    " confirmed_at timestamptz"
)
COLUMNS = tuple(column.split()[0] for column in DEFINITION.split(", "))
"""What an edit can change of a task that stays."""


async def begin(deployment: Deployment) -> None:
    """Store the first revision of a new deployment's workflow."""
    await execute(
        "INSERT INTO workflow_revisions (deployment_id, number, author_id, at, summary) VALUES ($1, $2, $3, $4, $5)",
        deployment.id,
        deployment.revision,
        deployment.created_by,
        deployment.created_at,
        FIRST_SUMMARY,
    )


async def supersede(kept: Iterable[KeptTask], new: Revision) -> None:
    """Store the next revision, and in the one before it the tasks that it had. The deployment's row must be held."""
    await fetch(
        "WITH past AS (UPDATE workflow_revisions SET tasks = $6::jsonb WHERE deployment_id = $1 AND number = $2 - 1)"
        " INSERT INTO workflow_revisions (deployment_id, number, author_id, at, summary, restores)"
        " VALUES ($1, $2, $3, $4, $5, $7)",
        new.deployment_id,
        new.number,
        new.author,
        new.at,
        new.summary,
        f"[{','.join(dump({'id': one.id, 'task': _short(one.task)}) for one in kept)}]",
        new.restores,
    )


def _short(task: WorkflowTask) -> dict[str, Any]:
    """Return a task as a revision keeps it: without what is usual, which is most of it, and reads the same."""
    made = {"key": task.key, "name": task.name, "type": task.type} | _unusual(task, USUAL)
    if task.command is not None:
        made["command"] = {"command": task.command.command} | _unusual(task.command, USUAL_OF_COMMANDS)
    return made


def _unusual(value: object, usual: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in usual.items():
        content = getattr(value, name)
        if content is not each and content != each:
            found[name] = content
    return found


async def write(made: Rewrite) -> None:
    """Store what an edit makes of a deployment's tasks, except their statuses. The deployment's row must be held."""
    if made.removed:
        await execute("DELETE FROM tasks WHERE id = ANY($1)", list(made.removed))
    if made.added:
        await task_store.insert(made.added)
    if made.redefined:
        await execute(
            f"UPDATE tasks SET {', '.join(f'{name} = t.{name}' for name in COLUMNS)}"
            f" FROM jsonb_to_recordset($1::jsonb) AS t(id text, {DEFINITION}) WHERE tasks.id = t.id",
            dump([_definition(task) for task in made.redefined]),
        )
    if made.moved:
        await execute(
            'UPDATE tasks SET "order" = t.place FROM unnest($1::text[], $2::int[]) AS t(id, place)'
            " WHERE tasks.id = t.id",
            list(made.moved),
            list(made.moved.values()),
        )


def _definition(task: Task) -> dict[str, object]:
    return {"id": task.id} | {name.strip('"'): getattr(task, name.strip('"')) for name in COLUMNS}


async def set_positions(deployment_id: str, positions: Mapping[str, Position]) -> None:
    """Store where tasks are drawn, by their keys."""
    await execute(
        "UPDATE tasks SET position = p.position FROM unnest($2::text[], $3::jsonb[]) AS p(key, position)"
        " WHERE tasks.deployment_id = $1 AND tasks.key = p.key",
        deployment_id,
        list(positions),
        [dump(position) for position in positions.values()],
    )


async def revisions_of(deployment_ids: Sequence[str]) -> dict[str, list[Revision]]:
    """Return every revision of each deployment's workflow, the first one first, without its tasks."""
    found: dict[str, list[Revision]] = {id_: [] for id_ in deployment_ids}
    rows = await fetch(f"{SELECT} WHERE deployment_id = ANY($1) ORDER BY deployment_id, number", list(deployment_ids))
    for row in rows:
        found[row["deployment_id"]].append(_read(row))
    return found


async def tasks_at(wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[WorkflowTask, ...]]:
    """Return the tasks of revisions (deployment id, number) that were superseded; others are left out."""
    keys = list(wanted)
    rows = await fetch(
        "SELECT r.deployment_id, r.number, r.tasks FROM unnest($1::text[], $2::int[]) AS w(id, number)"
        " JOIN workflow_revisions r ON r.deployment_id = w.id AND r.number = w.number WHERE r.tasks IS NOT NULL",
        [id_ for id_, _ in keys],
        [number for _, number in keys],
    )
    return {
        (row["deployment_id"], row["number"]): tuple(kept.task for kept in _read_kept(row["tasks"])) for row in rows
    }


async def removed_tasks(wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], WorkflowTask]:
    """Return tasks (deployment id, task id) that edits removed, each as the last revision that had it."""
    rows = await fetch(
        "SELECT DISTINCT ON (w.deployment, w.task) w.deployment, w.task, kept.value->'task' AS value"
        " FROM unnest($1::text[], $2::text[]) AS w(deployment, task)"
        " JOIN workflow_revisions r ON r.deployment_id = w.deployment AND r.tasks IS NOT NULL"
        " CROSS JOIN LATERAL jsonb_array_elements(r.tasks) AS kept WHERE kept.value->>'id' = w.task"
        " ORDER BY w.deployment, w.task, r.number DESC",
        [deployment for deployment, _ in wanted],
        [task for _, task in wanted],
    )
    return {(row["deployment"], row["task"]): _read_task(row["value"]) for row in rows}


async def durations_of(wanted: Sequence[tuple[str, ...]]) -> list[Durations]:
    """Return, for each tuple of application ids, how long tasks took in the last successful deployments of them."""
    rows = await fetch(
        "SELECT DISTINCT ON (via.id, t.application_id, t.key) via.id AS via, t.application_id, t.key, t.completed_at,"
        " extract(epoch FROM t.completed_at - t.started_at)::float8 AS seconds"
        " FROM unnest($1::text[]) AS via(id) CROSS JOIN LATERAL ("
        "SELECT d.id FROM deployment_applications a JOIN deployments d ON d.id = a.deployment_id"
        " WHERE a.application_id = via.id AND d.status = 'SUCCESS' ORDER BY d.id DESC LIMIT $2) AS last"
        " JOIN tasks t ON t.deployment_id = last.id AND (t.application_id = via.id OR t.application_id IS NULL)"
        " WHERE t.status = 'SUCCESS' AND t.started_at IS NOT NULL AND t.completed_at IS NOT NULL"
        " ORDER BY via.id, t.application_id, t.key, t.completed_at DESC",
        list({id_ for ids in wanted for id_ in ids}),
        LOOKED_BACK,
    )
    rows = sorted(rows, key=lambda row: row["completed_at"])
    return [
        {(row["application_id"], row["key"]): row["seconds"] for row in rows if row["via"] in ids} for ids in wanted
    ]
