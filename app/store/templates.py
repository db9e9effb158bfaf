"""Templates and their versions in the database."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from app.core.template import Template, TemplateVersion
from app.core.workflow import WorkflowTask
from app.store.convert import dump, reader
from app.store.database import execute, fetch, fetch_one

SELECT = "SELECT id, name, description, archived_at, created_at FROM workflow_templates"
SELECT_VERSION = (
    "SELECT id, template_id, number, author_id AS author, created_at, note, parameters FROM template_versions"
)
_read = reader(Template)
_read_version = reader(TemplateVersion, "parameters")
_read_tasks = msgspec.json.Decoder(tuple[WorkflowTask, ...]).decode


async def insert(template: Template) -> None:
    """Store a new template."""
    await execute(
        "INSERT INTO workflow_templates (id, name, description, archived_at, created_at) VALUES ($1, $2, $3, $4, $5)",
        template.id,
        template.name,
        template.description,
        template.archived_at,
        template.created_at,
    )


async def describe(id_: str, description: str) -> None:
    """Store another description of a template."""
    await execute("UPDATE workflow_templates SET description = $2 WHERE id = $1", id_, description)


async def archive(id_: str, at: datetime) -> None:
    """Store that a template is archived."""
    await execute("UPDATE workflow_templates SET archived_at = $2 WHERE id = $1", id_, at)


async def insert_version(version: TemplateVersion, tasks: Sequence[WorkflowTask]) -> None:
    """Store a new version with its tasks."""
    await execute(
        "INSERT INTO template_versions (id, template_id, number, author_id, created_at, note, parameters, tasks)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb)",
        version.id,
        version.template_id,
        version.number,
        version.author,
        version.created_at,
        version.note,
        dump(version.parameters),
        dump(tasks),
    )


async def by_ids(ids: Sequence[str]) -> dict[str, Template]:
    """Return the templates that exist among `ids`, by id."""
    return {row["id"]: _read(row) for row in await fetch(f"{SELECT} WHERE id = ANY($1)", list(ids))}


async def by_name(name: str) -> Template | None:
    """Return the template of that name, archived or not."""
    row = await fetch_one(f"{SELECT} WHERE name = $1", name)
    return _read(row) if row else None


async def locked(id_: str) -> Template | None:
    """Return a template and hold its row until the transaction ends."""
    row = await fetch_one(f"{SELECT} WHERE id = $1 FOR NO KEY UPDATE", id_)
    return _read(row) if row else None


async def page(after: str | None, limit: int, contains: str | None) -> list[Template]:
    """Return up to `limit` templates that are not archived, by name, from behind the name `after`."""
    rows = await fetch(
        f"{SELECT} WHERE archived_at IS NULL AND ($1::text IS NULL OR name > $1)"
        " AND ($2::text IS NULL OR strpos(lower(name), lower($2)) > 0) ORDER BY name LIMIT $3",
        after,
        contains,
        limit,
    )
    return [_read(row) for row in rows]


async def count(contains: str | None) -> int:
    """Return how many templates `page` would go through."""
    row = await fetch_one(
        "SELECT count(*) AS n FROM workflow_templates WHERE archived_at IS NULL"
        " AND ($1::text IS NULL OR strpos(lower(name), lower($1)) > 0)",
        contains,
    )
    return int(row["n"]) if row else 0


async def versions_by_ids(ids: Sequence[str]) -> dict[str, TemplateVersion]:
    """Return the versions that exist among `ids`, by id."""
    return {row["id"]: _read_version(row) for row in await fetch(f"{SELECT_VERSION} WHERE id = ANY($1)", list(ids))}


async def versions_of(template_ids: Sequence[str]) -> dict[str, list[TemplateVersion]]:
    """Return every version of each template, the first one first."""
    found: dict[str, list[TemplateVersion]] = {id_: [] for id_ in template_ids}
    rows = await fetch(f"{SELECT_VERSION} WHERE template_id = ANY($1) ORDER BY template_id, number", list(template_ids))
    for row in rows:
        found[row["template_id"]].append(_read_version(row))
    return found


async def tasks_of(version_ids: Iterable[str]) -> dict[str, tuple[WorkflowTask, ...]]:
    """Return the tasks of versions, by the versions' ids."""
    rows = await fetch("SELECT id, tasks FROM template_versions WHERE id = ANY($1)", list(version_ids))
    return {row["id"]: _read_tasks(row["tasks"]) for row in rows}
