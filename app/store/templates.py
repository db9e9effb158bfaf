"""Templates and their versions in the database."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from app.core.template import Template, TemplateVersion
from app.core.workflow import WorkflowTask
from app.store import models
from app.store.codecs import dump, reader
from app.store.columns import names_of, row_of, select_list
from app.store.database import execute, fetch
from app.store.named_rows import NamedRows
from app.store.paging import ChildRows

COLUMNS = names_of(Template)
RENAMED = {"author": "author_id"}
SELECT_VERSION = f"SELECT {select_list(names_of(TemplateVersion), columns=RENAMED)} FROM template_versions"
_named = NamedRows("workflow_templates", ", ".join(COLUMNS), reader(Template))
by_ids, by_name, locked, page, count = _named.by_ids, _named.by_name, _named.locked, _named.page, _named.count
_read_version = reader(TemplateVersion, "parameters")
VERSIONS = ChildRows(SELECT_VERSION, "template_versions", "template_id", "number", _read_version, type_="bigint")
"""The versions of templates, the oldest first."""
_read_tasks = msgspec.json.Decoder(tuple[WorkflowTask, ...]).decode


async def insert(template: Template) -> None:
    """Store a new template."""
    await models.WorkflowTemplate.create(**row_of(template, COLUMNS))


async def describe(id_: str, description: str) -> None:
    """Store the description of a template."""
    await execute("UPDATE workflow_templates SET description = $2 WHERE id = $1", id_, description)


async def archive(id_: str, at: datetime) -> None:
    """Mark a template as archived."""
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


async def versions_by_ids(ids: Sequence[str]) -> dict[str, TemplateVersion]:
    """Return the versions that exist among `ids`, by id."""
    return {row["id"]: _read_version(row) for row in await fetch(f"{SELECT_VERSION} WHERE id = ANY($1)", list(ids))}


async def versions_of(template_ids: Sequence[str]) -> dict[str, list[TemplateVersion]]:
    """Return all versions of each template, the oldest first."""
    versions: dict[str, list[TemplateVersion]] = {id_: [] for id_ in template_ids}
    rows = await fetch(f"{SELECT_VERSION} WHERE template_id = ANY($1) ORDER BY template_id, number", list(template_ids))
    for row in rows:
        versions[row["template_id"]].append(_read_version(row))
    return versions


async def tasks_of(version_ids: Iterable[str]) -> dict[str, tuple[WorkflowTask, ...]]:
    """Return the tasks of template versions, by the versions' ids."""
    rows = await fetch("SELECT id, tasks FROM template_versions WHERE id = ANY($1)", list(version_ids))
    return {row["id"]: _read_tasks(row["tasks"]) for row in rows}
