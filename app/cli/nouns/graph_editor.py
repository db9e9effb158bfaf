"""Edits a graph in the user's editor, and saves it as a new revision; keeps the text when that fails."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from app.cli.client import Api, ApiError, Data
from app.cli.interrupts import ignored
from app.cli.nouns import graph_files, queries
from app.cli.nouns.graph_diff import diff_lines
from app.cli.printer import Printer, id_of

HEAD = """# The tasks of deployment {id}, revision {revision}.
# Save and close the editor to change the graph; close it without changes, or empty the file, to change nothing.
# Tasks are identified by their keys: a new key makes a new task. `application` is a name; `blockBy` lists the keys of
# the tasks that a task waits for.
"""
ERROR_PREFIX = "# ✗"
CONFLICT = "REVISION_CONFLICT"


@dataclass(frozen=True, slots=True)
class BaseRevision:
    """The deployment and the revision that an edit is based on, and the summary of the edit."""

    id: str
    revision: int
    summary: str


def read_file(source: str) -> str:
    """Return the text of a file. Raises ApiError."""
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ApiError(f"{source} cannot be read: {error}") from error


async def edit_in_editor(api: Api, printer: Printer, base: BaseRevision) -> None:
    """Open the editor until the graph is saved or the user gives up. Raises ApiError."""
    revision = await graph_files.fetch_revision(api, base.id, base.revision)
    original = HEAD.format(id=base.id, revision=base.revision) + graph_files.to_yaml(revision["tasks"])
    path = Path(tempfile.mkdtemp(prefix="boreas-")) / f"{base.id}.yaml"
    shown = original
    while True:
        path.write_text(shown, encoding="utf-8")
        with ignored():
            click.edit(filename=str(path))
        text = path.read_text(encoding="utf-8")
        if text == original or not _without_comments(text):
            _remove(path)
            raise ApiError("Nothing was changed.")
        if text == shown:
            raise ApiError(f"The edit was refused, and not changed afterwards. Your text is in {path}")
        try:
            await save(api, printer, base, text)
        except ApiError as error:
            is_conflict = error.message.startswith(CONFLICT)
            if is_conflict or not sys.stdin.isatty():
                hint = f". Merge both, then: boreas workflow edit {base.id} --file {path}" if is_conflict else ""
                raise ApiError(f"{error.message}\nYour text is in {path}{hint}") from error
            shown = _with_error(text, error.message)
            continue
        _remove(path)
        return


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).strip()


def _with_error(text: str, message: str) -> str:
    """Return a text with an error above it, in place of an earlier one."""
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(ERROR_PREFIX)]
    return "".join(f"{ERROR_PREFIX} {line}\n" for line in message.splitlines()) + "".join(lines)


def _remove(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


async def save(api: Api, printer: Printer, base: BaseRevision, text: str) -> None:
    """Save a graph. Raises ApiError; for a conflict it lists what other people have changed."""
    tasks = await graph_files.task_inputs(api, graph_files.parse(text))
    fields = {"deploymentId": base.id, "expectedRevision": base.revision, "tasks": tasks, "summary": base.summary}
    try:
        saved = (await api.mutate(queries.UPDATE_WORKFLOW, **fields))["workflow"]
    except ApiError as error:
        if error.message.startswith(CONFLICT):
            raise ApiError(f"{error.message}\n{await _changes_since(api, base)}") from error
        raise
    printer.result(f"Saved as revision {saved['revision']}.", saved["tasks"], id_of)


async def _changes_since(api: Api, base: BaseRevision) -> str:
    """Return what other people have changed since the base revision."""
    latest = (await graph_files.fetch_workflow(api, base.id))["workflow"]["revision"]
    changes = await fetch_diff(api, base.id, base.revision, latest)
    title = f"From revision {base.revision} to {latest}, others have changed:"
    return "\n".join([title, *diff_lines(changes)])


async def fetch_diff(api: Api, id_: str, before: int, after: int) -> Data:
    """Return the differences between two revisions of a deployment's graph. Raises ApiError."""
    variables = {"id": id_, "from": before, "to": after}
    changes: Data = (await api.query(queries.WORKFLOW_DIFF, **variables))["deployment"]["workflow"]["diff"]
    return changes
