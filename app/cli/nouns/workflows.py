"""`boreas workflow`: the graph of a deployment, as a file."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.interrupts import left_to_others
from app.cli.nouns import graph_files, queries
from app.cli.nouns.templates import changed_keys, differences
from app.cli.options import agreed, calls_api, confirms, prints
from app.cli.printer import Column, Printer, by_id
from app.cli.root import Group

HEAD = """# The tasks of deployment {id}, revision {revision}.
# Save this and leave the editor to change the graph; leave it as it is, or empty, to change nothing.
# Tasks are known by their keys: a new key is a new task. `application` is a name, `blockBy` the keys of the tasks that
# one waits for.
"""
FAULT = "# "
CONFLICT = "REVISION_CONFLICT"
REVISIONS = (
    Column("REVISION", lambda one, times: str(one["number"])),
    Column("AT", lambda one, times: times(one["at"])),
    Column("BY", lambda one, times: one["author"]["name"]),
    Column("SUMMARY", lambda one, times: one["summary"]),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Of which deployment a graph is, from which revision it was made, and what was done."""

    id: str
    revision: int
    summary: str


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas workflow show dep_0a1b2c\n  boreas workflow edit dep_0a1b2c")
def workflow() -> None:
    """The graph of a deployment: show, edit, revisions, diff, restore."""


@workflow.command(
    epilog="\b\nExamples:\n  boreas workflow show dep_0a1b2c > graph.yaml\n"
    "  boreas workflow show dep_0a1b2c --revision 1 -o json"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--revision", type=click.IntRange(1), help="Default: the latest.")
@prints
@calls_api
async def show(api: Api, printer: Printer, deployment: str, revision: int | None) -> None:
    """Print the tasks of a deployment as YAML, as workflow edit takes them. -o json: as the API has them."""
    id_ = await lookups.deployment(api, deployment)
    wanted = revision or (await graph_files.workflow(api, id_))["workflow"]["revision"]
    found = await graph_files.revision(api, id_, wanted)
    keys = "\n".join(task["key"] for task in found["tasks"])
    if printer.format == "yaml":
        click.echo(graph_files.text(found["tasks"]), nl=False)
        return
    printer.one(found, lambda one: keys, lambda: click.echo(graph_files.text(found["tasks"]), nl=False))


@workflow.command(epilog="\b\nExamples:\n  boreas workflow revisions dep_0a1b2c")
@click.argument("deployment", shell_complete=completion.deployments)
@prints
@calls_api
async def revisions(api: Api, printer: Printer, deployment: str) -> None:
    """List the revisions of a deployment's graph, the first one first."""
    found = await graph_files.workflow(api, await lookups.deployment(api, deployment))
    printer.list(
        found["workflow"]["revisionsConnection"]["nodes"],
        REVISIONS,
        lambda one: str(one["number"]),
        "There is no revision.",
    )


@workflow.command(
    epilog="\b\nExamples:\n  boreas workflow diff dep_0a1b2c\n  boreas workflow diff dep_0a1b2c --from 1 --to 3"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--from", "before", type=click.IntRange(1), help="Default: the revision before.")
@click.option("--to", "after", type=click.IntRange(1), help="Default: the latest revision.")
@prints
@calls_api
async def diff(api: Api, printer: Printer, deployment: str, before: int | None, after: int | None) -> None:
    """Show what leads from one revision of a graph to another."""
    id_ = await lookups.deployment(api, deployment)
    after = after or (await graph_files.workflow(api, id_))["workflow"]["revision"]
    before = before or max(after - 1, 1)
    found = await _diff(api, id_, before, after)
    printer.one(found, changed_keys, lambda: differences(printer, found, f"Revision {before}", f"revision {after}"))


async def _diff(api: Api, id_: str, before: int, after: int) -> Data:
    given = {"id": id_, "from": before, "to": after}
    found: Data = (await api.query(queries.WORKFLOW_DIFF, **given))["deployment"]["workflow"]["diff"]
    return found


@workflow.command(epilog="\b\nExamples:\n  boreas workflow restore dep_0a1b2c 1")
@click.argument("deployment", shell_complete=completion.deployments)
@click.argument("revision", type=click.IntRange(1))
@confirms
@prints
@calls_api
async def restore(api: Api, printer: Printer, deployment: str, revision: int, yes: bool) -> None:
    """Bring the graph of an earlier revision back, as a new revision."""
    id_ = await lookups.deployment(api, deployment)
    known = (await graph_files.workflow(api, id_))["workflow"]["revision"]
    agreed(f"Bring revision {revision} of {id_} back in place of {known}?", yes=yes)
    given = {"deploymentId": id_, "expectedRevision": known, "revision": revision}
    found = (await api.change(queries.RESTORE_WORKFLOW, **given))["workflow"]
    printer.done(f"Revision {revision} is back, as revision {found['revision']}.", found["tasks"], by_id)


@workflow.command(
    epilog="\b\nExamples:\n  boreas workflow edit dep_0a1b2c\n  EDITOR=nano boreas workflow edit dep_0a1b2c\n"
    "  boreas workflow edit dep_0a1b2c --file graph.yaml --revision 2 --summary 'one test more'"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--file", "-f", "source", metavar="FILE", help="Take the graph from a file instead; - is standard input.")
@click.option(
    "--revision", type=click.IntRange(1), help="The revision that the file was made from. Default: the latest."
)
@click.option("--summary", default="", help="What was done. Default: what differs, in words.")
@prints
@calls_api
async def edit(
    api: Api, printer: Printer, *, deployment: str, source: str | None, revision: int | None, summary: str
) -> None:
    """Change the tasks of a deployment in $VISUAL or $EDITOR, as YAML.

    What is refused is shown in the editor again. Where somebody else has changed the graph meanwhile, what they changed
    is shown, nothing is overwritten, and your text is kept in a file.
    """
    id_ = await lookups.deployment(api, deployment)
    found = await graph_files.workflow(api, id_)
    known = revision or found["workflow"]["revision"]
    place = Place(id_, known, summary)
    if source is not None:
        text = sys.stdin.read() if source == "-" else _read(source)
        await _save(api, printer, place, text)
        return
    if not found["workflow"]["editable"]:
        raise ApiError(f"The graph of {id_} cannot be changed while it is {found['status']}.")
    at = await graph_files.revision(api, id_, known)
    before = HEAD.format(id=id_, revision=known) + graph_files.text(at["tasks"])
    await _edit(api, printer, place, before)


def _read(source: str) -> str:
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ApiError(f"{source} cannot be read: {error}") from error


async def _edit(api: Api, printer: Printer, place: Place, before: str) -> None:
    """Open the editor until the text is taken, or given up. Raises ApiError."""
    kept = Path(tempfile.mkdtemp(prefix="boreas-")) / f"{place.id}.yaml"
    shown = before
    while True:
        kept.write_text(shown, encoding="utf-8")
        with left_to_others():
            click.edit(filename=str(kept))
        text = kept.read_text(encoding="utf-8")
        if text in (before, shown) or not _content(text):
            if text == before or not _content(text):
                _forget(kept)
                raise ApiError("Nothing was changed.")
            raise ApiError(f"It was refused, and not changed again. Your text is in {kept}")
        try:
            await _save(api, printer, place, text)
        except ApiError as error:
            if error.message.startswith(CONFLICT) or not sys.stdin.isatty():
                raise ApiError(f"{error.message}\nYour text is in {kept}{_again(error, place.id, kept)}") from error
            shown = _with_fault(text, error.message)
            continue
        _forget(kept)
        return


def _content(text: str) -> str:
    """Return a text without comments."""
    return "".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).strip()


def _again(error: ApiError, id_: str, kept: Path) -> str:
    return f". Bring both together, then: boreas workflow edit {id_} --file {kept}" if CONFLICT in error.message else ""


def _with_fault(text: str, message: str) -> str:
    """Return a text with what was wrong with it above, in place of what was wrong before."""
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(f"{FAULT}✗")]
    return "".join(f"{FAULT}✗ {line}\n" for line in message.splitlines()) + "".join(lines)


def _forget(kept: Path) -> None:
    kept.unlink()
    kept.parent.rmdir()


async def _save(api: Api, printer: Printer, place: Place, text: str) -> None:
    """Send a graph. Raises ApiError, which shows what others changed where that is in the way."""
    tasks = await graph_files.inputs(api, graph_files.parsed(text))
    given = {"deploymentId": place.id, "expectedRevision": place.revision, "tasks": tasks, "summary": place.summary}
    try:
        found = (await api.change(queries.UPDATE_WORKFLOW, **given))["workflow"]
    except ApiError as error:
        if error.message.startswith(CONFLICT):
            raise ApiError(f"{error.message}\n{await _meanwhile(api, place.id, place.revision)}") from error
        raise
    printer.done(f"Saved as revision {found['revision']}.", found["tasks"], by_id)


async def _meanwhile(api: Api, id_: str, known: int) -> str:
    """Say what others have changed since a revision."""
    latest: Any = (await graph_files.workflow(api, id_))["workflow"]["revision"]
    found = await _diff(api, id_, known, latest)
    lines = [f"From revision {known} to {latest}, others have changed:"]
    lines += [f"  + {each['key']}" for each in found["added"]]
    lines += [f"  - {each['key']}" for each in found["removed"]]
    lines += [f"  ~ {each['key']}: {', '.join(each['fields'])}" for each in found["changed"]]
    return "\n".join(lines)
