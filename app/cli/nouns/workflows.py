"""`boreas workflow`: the graph of a deployment, and its revisions."""

import sys

import click

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.nouns import graph_files, queries
from app.cli.nouns.columns import field, time
from app.cli.nouns.graph_diff import changed_keys, print_diff
from app.cli.nouns.graph_editor import BaseRevision, edit_in_editor, fetch_diff, read_file, save
from app.cli.options import api_command, confirm, output_options, yes_option
from app.cli.printer import Column, Printer, id_of
from app.cli.root import Group

REVISIONS = (
    Column("REVISION", field("number")),
    Column("AT", time("at")),
    Column("BY", field("author", "name")),
    Column("SUMMARY", field("summary")),
)


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas workflow show dep_0a1b2c\n  boreas workflow edit dep_0a1b2c")
def workflow() -> None:
    """The graph of a deployment: show, edit, revisions, diff, restore."""


@workflow.command(
    epilog="\b\nExamples:\n  boreas workflow show dep_0a1b2c > graph.yaml\n"
    "  boreas workflow show dep_0a1b2c --revision 1 -o json"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--revision", type=click.IntRange(1), help="Default: the latest.")
@output_options
@api_command
async def show(api: Api, printer: Printer, deployment: str, revision: int | None) -> None:
    """Print the tasks of a deployment as YAML, for workflow edit. -o json prints the fields of the API."""
    id_ = await lookups.deployment_id(api, deployment)
    number = revision or await _latest_revision(api, id_)
    shown = await graph_files.fetch_revision(api, id_, number)
    keys = "\n".join(task["key"] for task in shown["tasks"])
    if printer.format == "yaml":
        click.echo(graph_files.to_yaml(shown["tasks"]), nl=False)
        return
    printer.object(shown, lambda value: keys, lambda: click.echo(graph_files.to_yaml(shown["tasks"]), nl=False))


async def _latest_revision(api: Api, id_: str) -> int:
    return int((await graph_files.fetch_workflow(api, id_))["workflow"]["revision"])


@workflow.command(epilog="\b\nExamples:\n  boreas workflow revisions dep_0a1b2c")
@click.argument("deployment", shell_complete=completion.deployments)
@output_options
@api_command
async def revisions(api: Api, printer: Printer, deployment: str) -> None:
    """List the revisions of a deployment's graph, the oldest first."""
    fetched = await graph_files.fetch_workflow(api, await lookups.deployment_id(api, deployment))
    nodes = fetched["workflow"]["revisionsConnection"]["nodes"]
    printer.list(nodes, REVISIONS, lambda revision: str(revision["number"]), "There is no revision.")


@workflow.command(
    epilog="\b\nExamples:\n  boreas workflow diff dep_0a1b2c\n  boreas workflow diff dep_0a1b2c --from 1 --to 3"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--from", "before", type=click.IntRange(1), help="Default: the revision before.")
@click.option("--to", "after", type=click.IntRange(1), help="Default: the latest revision.")
@output_options
@api_command
async def diff(api: Api, printer: Printer, deployment: str, before: int | None, after: int | None) -> None:
    """Show the differences between two revisions of a graph."""
    id_ = await lookups.deployment_id(api, deployment)
    after = after or await _latest_revision(api, id_)
    before = before or max(after - 1, 1)
    changes = await fetch_diff(api, id_, before, after)
    printer.object(
        changes, changed_keys, lambda: print_diff(printer, changes, f"Revision {before}", f"revision {after}")
    )


@workflow.command(epilog="\b\nExamples:\n  boreas workflow restore dep_0a1b2c 1")
@click.argument("deployment", shell_complete=completion.deployments)
@click.argument("revision", type=click.IntRange(1))
@yes_option
@output_options
@api_command
async def restore(api: Api, printer: Printer, deployment: str, revision: int, yes: bool) -> None:
    """Restore an earlier revision of a graph, as a new revision."""
    id_ = await lookups.deployment_id(api, deployment)
    latest = await _latest_revision(api, id_)
    confirm(f"Replace revision {latest} of {id_} by revision {revision}?", yes=yes)
    fields: Data = {"deploymentId": id_, "expectedRevision": latest, "revision": revision}
    restored = (await api.mutate(queries.RESTORE_WORKFLOW, **fields))["workflow"]
    printer.result(f"Revision {revision} is restored, as revision {restored['revision']}.", restored["tasks"], id_of)


@workflow.command(
    epilog="\b\nExamples:\n  boreas workflow edit dep_0a1b2c\n  EDITOR=nano boreas workflow edit dep_0a1b2c\n"
    "  boreas workflow edit dep_0a1b2c --file graph.yaml --revision 2 --summary 'one test more'"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--file", "-f", "source", metavar="FILE", help="Take the graph from a file; - is standard input.")
@click.option("--revision", type=click.IntRange(1), help="The revision that the file is based on. Default: the latest.")
@click.option("--summary", default="", help="What the edit does. Default: the differences, in words.")
@output_options
@api_command
async def edit(
    api: Api, printer: Printer, *, deployment: str, source: str | None, revision: int | None, summary: str
) -> None:
    """Edit the tasks of a deployment in $VISUAL or $EDITOR, as YAML.

    If the edit is refused, the editor opens again and shows why. If another person has changed the graph meanwhile,
    their changes are shown and kept, and your text is saved in a file.
    """
    id_ = await lookups.deployment_id(api, deployment)
    fetched = await graph_files.fetch_workflow(api, id_)
    base = BaseRevision(id_, revision or fetched["workflow"]["revision"], summary)
    if source is not None:
        text = sys.stdin.read() if source == "-" else read_file(source)
        await save(api, printer, base, text)
        return
    if not fetched["workflow"]["editable"]:
        raise ApiError(f"The graph of {id_} cannot be changed while the deployment is {fetched['status']}.")
    await edit_in_editor(api, printer, base)
