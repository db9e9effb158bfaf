"""`boreas template`: named graphs with parameters."""

from functools import partial

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.live_views import read_again
from app.cli.nouns import columns, graph_files, queries
from app.cli.options import agreed, calls_api, confirms, lists, more, pages, prints
from app.cli.printer import Column, Printer, by_name
from app.cli.root import Group

COLUMNS = (
    Column("NAME", lambda one, times: one["name"]),
    Column("LATEST", lambda one, times: str(one["latest"]["number"])),
    Column("AGE", lambda one, times: times(one["latest"]["createdAt"])),
    Column("BY", lambda one, times: columns.named(one["latest"]["author"])),
    Column("ID", lambda one, times: one["id"], wide=True),
    Column("DESCRIPTION", lambda one, times: one["description"]),
)
VERSIONS = (
    Column("NUMBER", lambda one, times: str(one["number"])),
    Column("AGE", lambda one, times: times(one["createdAt"])),
    Column("BY", lambda one, times: columns.named(one["author"])),
    Column("NOTE", lambda one, times: one["note"]),
)
PARAMETERS = (
    Column("PARAMETER", lambda one, times: one["name"]),
    Column("REQUIRED", lambda one, times: "yes" if one["required"] else ""),
    Column("DEFAULT", lambda one, times: one["default"] or ""),
    Column("CHOICES", lambda one, times: ", ".join(one["choices"] or ())),
    Column("DESCRIPTION", lambda one, times: one["description"]),
)
GRAPH = (
    Column("KEY", lambda one, times: one["key"]),
    Column("TYPE", lambda one, times: one["type"]),
    Column("WAITS FOR", lambda one, times: ", ".join(one["blockBy"])),
    Column("ASKS", lambda one, times: "yes" if one["requireConfirm"] else ""),
)


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas template list\n  boreas template show nightly")
def template() -> None:
    """Named graphs with parameters: list, show, diff, save, archive.

    boreas apply makes templates, and their next versions, from a file.
    """


@template.command("list", epilog="\b\nExamples:\n  boreas template list --contains night")
@click.option("--contains", help="Only with this text in the name.")
@click.option("--archived", is_flag=True, help="Those that are archived instead.")
@click.option("-w", "--watch", "watching", is_flag=True, help="Go on with what comes and changes, until Ctrl-C.")
@lists
@prints
@calls_api
async def list_(
    api: Api, printer: Printer, limit: int | None, contains: str | None, *, archived: bool, watching: bool
) -> None:
    """List templates, by name."""
    read = partial(pages, api, queries.TEMPLATES, limit, contains=contains, archived=archived)
    if watching:
        await read_again(printer, read, COLUMNS, by_name)
    found, total = await read()
    printer.list(found, COLUMNS, by_name, columns.none_declared("template", contains, archived=archived))
    more(printer, len(found), total)


@template.command(epilog="\b\nExamples:\n  boreas template show nightly\n  boreas template show nightly@3 -o yaml")
@click.argument("template", metavar="NAME[@NUMBER]", shell_complete=completion.templates)
@prints
@calls_api
async def show(api: Api, printer: Printer, template: str) -> None:
    """Show a template: its versions, and the parameters and tasks of the latest one, or of another."""
    name, number = _named(template)
    found = (await api.query(queries.TEMPLATE, id=await lookups.template(api, name)))["workflowTemplate"]
    if found is None:
        raise ApiError(f"There is no template “{name}” that you may see.")
    at = found["latest"] if number is None else await _version(api, found, number)
    printer.one(at if number else found, lambda one: name, lambda: _details(printer, found, at))


def _named(text: str) -> tuple[str, int | None]:
    name, _, number = text.rpartition("@")
    return (name, int(number)) if name and number.isdecimal() else (text, None)


async def _version(api: Api, found: Data, number: int) -> Data:
    known = (await api.query(queries.TEMPLATE_NUMBERS, id=found["id"]))["workflowTemplate"]
    ids = {each["number"]: each["id"] for each in known["versionsConnection"]["nodes"]}
    if number not in ids:
        raise ApiError(f"{found['name']} has no version {number}. It has {min(ids)} to {max(ids)}.")
    at: Data = (await api.query(queries.TEMPLATE_VERSION, id=ids[number]))["node"]
    return at


def _details(printer: Printer, found: Data, at: Data) -> None:
    printer.fields(
        [
            ("Template", found["name"]),
            ("Id", found["id"]),
            ("Description", found["description"]),
            ("Archived", printer.times.both(found["archivedAt"])),
            ("Shown", f"{found['name']}@{at['number']} by {columns.named(at['author'])}"),
        ]
    )
    if at["parameters"]:
        printer.title("Parameters")
        printer.table(at["parameters"], PARAMETERS, indent=2)
    printer.title("Tasks")
    printer.table(at["tasks"], GRAPH, indent=2)
    printer.title("Versions")
    printer.table(found["versionsConnection"]["nodes"], VERSIONS, indent=2)


@template.command(
    epilog="\b\nExamples:\n  boreas template diff nightly\n  boreas template diff nightly --from 2 --to 5"
)
@click.argument("template", shell_complete=completion.templates)
@click.option("--from", "before", type=click.IntRange(1), help="Default: the version before.")
@click.option("--to", "after", type=click.IntRange(1), help="Default: the latest version.")
@prints
@calls_api
async def diff(api: Api, printer: Printer, template: str, before: int | None, after: int | None) -> None:
    """Show what leads from one version of a template to another."""
    id_ = await lookups.template(api, template)
    if after is None:
        after = (await api.query(queries.TEMPLATE_NUMBERS, id=id_))["workflowTemplate"]["latest"]["number"]
    before = before or max(after - 1, 1)
    given = {"id": id_, "from": before, "to": after}
    found = (await api.query(queries.TEMPLATE_DIFF, **given))["workflowTemplate"]["diff"]
    printer.one(found, changed_keys, lambda: differences(printer, found, f"{template}@{before}", f"{template}@{after}"))


def changed_keys(found: Data) -> str:
    """Return the keys of all that differs."""
    return "\n".join(each["key"] for name in ("added", "removed", "changed") for each in found[name])


def differences(printer: Printer, found: Data, before: str, after: str) -> None:
    """Print what leads from one graph to another."""
    if not any(found.values()):
        printer.line(f"{before} and {after} are the same.")
        return
    for each in found["removed"]:
        printer.line(Text(f"- {each['key']} ({each['type']})", style="red"))
    for each in found["added"]:
        printer.line(Text(f"+ {each['key']} ({each['type']})", style="green"))
    for each in found["changed"]:
        printer.line(Text(f"~ {each['key']}", style="yellow"))
        for name in each["fields"]:
            old, new = (graph_files.told(side.get(name)) for side in (each["before"], each["after"]))
            printer.line(f"{name}: {old} → {new}", indent=4)


@template.command(epilog="\b\nExamples:\n  boreas template save nightly --from dep_0a1b2c --note 'as it ran on Friday'")
@click.argument("name")
@click.option(
    "--from", "deployment", required=True, shell_complete=completion.deployments, help="Whose graph it takes."
)
@click.option("--description", default="", help="What it is for. Default: as it was.")
@click.option("--note", default="", help="What this version is, or changes.")
@prints
@calls_api
async def save(api: Api, printer: Printer, *, name: str, deployment: str, description: str, note: str) -> None:
    """Save the graph of a deployment as a template, or as its next version. Parameters: boreas apply."""
    id_ = await lookups.deployment(api, deployment)
    given = {"name": name, "fromDeploymentId": id_, "description": description, "note": note}
    payload = await api.change(queries.SAVE_TEMPLATE, **given)
    printer.done(f"Saved: {name}@{payload['version']['number']}", payload["template"], by_name)


@template.command(epilog="\b\nExamples:\n  boreas template archive nightly")
@click.argument("template", shell_complete=completion.templates)
@confirms
@prints
@calls_api
async def archive(api: Api, printer: Printer, template: str, yes: bool) -> None:
    """Archive a template: it stays readable, and nothing is made from it any more."""
    id_ = await lookups.template(api, template)
    agreed(f"Archive the template {template}?", yes=yes)
    found = (await api.change(queries.ARCHIVE_TEMPLATE, id=id_))["template"]
    printer.done(f"Archived: {found['name']} ({found['id']})", found, by_name)
