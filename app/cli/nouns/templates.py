"""`boreas template`: named graphs with parameters."""

from functools import partial

import click

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.live_views import poll_list
from app.cli.nouns import queries
from app.cli.nouns.columns import field, time
from app.cli.nouns.details import WATCH_LIST_HELP, empty_list, fetch
from app.cli.nouns.graph_diff import changed_keys, print_diff
from app.cli.nouns.plan import GRAPH
from app.cli.options import (
    api_command,
    confirm,
    fetch_pages,
    limit_options,
    note_limit,
    output_options,
    yes_option,
)
from app.cli.printer import Column, Printer, name_of
from app.cli.root import Group

COLUMNS = (
    Column("NAME", field("name")),
    Column("LATEST", field("latest", "number")),
    Column("AGE", lambda template, times: times(template["latest"]["createdAt"])),
    Column("BY", field("latest", "author", "name")),
    Column("ID", field("id"), wide=True),
    Column("DESCRIPTION", field("description")),
)
VERSIONS = (
    Column("NUMBER", field("number")),
    Column("AGE", time("createdAt")),
    Column("BY", field("author", "name")),
    Column("NOTE", field("note")),
)
PARAMETERS = (
    Column("PARAMETER", field("name")),
    Column("REQUIRED", lambda parameter, times: "yes" if parameter["required"] else ""),
    Column("DEFAULT", field("default")),
    Column("CHOICES", lambda parameter, times: ", ".join(parameter["choices"] or ())),
    Column("DESCRIPTION", field("description")),
)


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas template list\n  boreas template show nightly")
def template() -> None:
    """Named graphs with parameters: list, show, diff, save, archive.

    boreas apply creates templates and their versions, from a file.
    """


@template.command("list", epilog="\b\nExamples:\n  boreas template list --contains night")
@click.option("--contains", help="List only templates with this text in the name.")
@click.option("--archived", is_flag=True, help="List archived templates instead.")
@click.option("-w", "--watch", "watching", is_flag=True, help=WATCH_LIST_HELP)
@limit_options
@output_options
@api_command
async def list_(
    api: Api, printer: Printer, limit: int | None, contains: str | None, *, archived: bool, watching: bool
) -> None:
    """List templates by name."""
    read = partial(fetch_pages, api, queries.TEMPLATES, limit, contains=contains, archived=archived)
    if watching:
        await poll_list(printer, read, COLUMNS, name_of)
    templates, total = await read()
    printer.list(templates, COLUMNS, name_of, empty_list("template", contains, archived=archived))
    note_limit(printer, len(templates), total)


@template.command(epilog="\b\nExamples:\n  boreas template show nightly\n  boreas template show nightly@3 -o yaml")
@click.argument("template", metavar="NAME[@NUMBER]", shell_complete=completion.templates)
@output_options
@api_command
async def show(api: Api, printer: Printer, template: str) -> None:
    """Show a template: its versions, and the parameters and tasks of the latest or the given version."""
    name, number = _name_and_number(template)
    shown = await fetch(api, "template", name, queries.TEMPLATE, await lookups.template_id(api, name))
    version = shown["latest"] if number is None else await _fetch_version(api, shown, number)
    printer.object(version if number else shown, lambda value: name, lambda: _details(printer, shown, version))


def _name_and_number(text: str) -> tuple[str, int | None]:
    name, _, number = text.rpartition("@")
    return (name, int(number)) if name and number.isdecimal() else (text, None)


async def _fetch_version(api: Api, template: Data, number: int) -> Data:
    numbered = (await api.query(queries.TEMPLATE_NUMBERS, id=template["id"]))["workflowTemplate"]
    ids = {version["number"]: version["id"] for version in numbered["versionsConnection"]["nodes"]}
    if number not in ids:
        raise ApiError(f"{template['name']} has no version {number}. It has {min(ids)} to {max(ids)}.")
    version: Data = (await api.query(queries.TEMPLATE_VERSION, id=ids[number]))["node"]
    return version


def _details(printer: Printer, template: Data, version: Data) -> None:
    author = version["author"]["name"] if version["author"] else ""
    printer.fields(
        [
            ("Template", template["name"]),
            ("Id", template["id"]),
            ("Description", template["description"]),
            ("Archived", printer.times.exact_with_age(template["archivedAt"])),
            ("Shown", f"{template['name']}@{version['number']} by {author}"),
        ]
    )
    if version["parameters"]:
        printer.title("Parameters")
        printer.table(version["parameters"], PARAMETERS, indent=2)
    printer.title("Tasks")
    printer.table(version["tasks"], GRAPH, indent=2)
    printer.title("Versions")
    printer.table(template["versionsConnection"]["nodes"], VERSIONS, indent=2)


@template.command(
    epilog="\b\nExamples:\n  boreas template diff nightly\n  boreas template diff nightly --from 2 --to 5"
)
@click.argument("template", shell_complete=completion.templates)
@click.option("--from", "before", type=click.IntRange(1), help="Default: the version before.")
@click.option("--to", "after", type=click.IntRange(1), help="Default: the latest version.")
@output_options
@api_command
async def diff(api: Api, printer: Printer, template: str, before: int | None, after: int | None) -> None:
    """Show the differences between two versions of a template."""
    id_ = await lookups.template_id(api, template)
    if after is None:
        after = (await api.query(queries.TEMPLATE_NUMBERS, id=id_))["workflowTemplate"]["latest"]["number"]
    before = before or max(after - 1, 1)
    variables = {"id": id_, "from": before, "to": after}
    changes = (await api.query(queries.TEMPLATE_DIFF, **variables))["workflowTemplate"]["diff"]
    printer.object(
        changes, changed_keys, lambda: print_diff(printer, changes, f"{template}@{before}", f"{template}@{after}")
    )


@template.command(epilog="\b\nExamples:\n  boreas template save nightly --from dep_0a1b2c --note 'as it ran on Friday'")
@click.argument("name")
@click.option(
    "--from",
    "deployment",
    required=True,
    shell_complete=completion.deployments,
    help="The deployment whose graph to save.",
)
@click.option("--description", default="", help="What the template is for. Default: unchanged.")
@click.option("--note", default="", help="A note on this version.")
@output_options
@api_command
async def save(api: Api, printer: Printer, *, name: str, deployment: str, description: str, note: str) -> None:
    """Save the graph of a deployment as a new template or version. For parameters, use boreas apply."""
    id_ = await lookups.deployment_id(api, deployment)
    fields = {"name": name, "fromDeploymentId": id_, "description": description, "note": note}
    payload = await api.mutate(queries.SAVE_TEMPLATE, **fields)
    printer.result(f"Saved: {name}@{payload['version']['number']}", payload["template"], name_of)


@template.command(epilog="\b\nExamples:\n  boreas template archive nightly")
@click.argument("template", shell_complete=completion.templates)
@yes_option
@output_options
@api_command
async def archive(api: Api, printer: Printer, template: str, yes: bool) -> None:
    """Archive a template: it stays readable, but no deployment can use it."""
    id_ = await lookups.template_id(api, template)
    confirm(f"Archive the template {template}?", yes=yes)
    archived = (await api.mutate(queries.ARCHIVE_TEMPLATE, id=id_))["template"]
    printer.result(f"Archived: {archived['name']} ({archived['id']})", archived, name_of)
