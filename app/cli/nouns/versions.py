"""`boreas version`: what can be deployed."""

from functools import partial

import click

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.live_views import read_again
from app.cli.nouns import columns, queries
from app.cli.options import calls_api, lists, more, pages, prints
from app.cli.printer import Column, Printer, by_id, by_name
from app.cli.root import Group

DEPLOYED = 10
ARTIFACTS = (
    Column("APPLICATION", lambda one, times: one["application"]["name"]),
    Column("IMAGE", lambda one, times: one["image"] or ""),
)


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas version list\n  boreas version create v8 --application web")
def version() -> None:
    """What can be deployed: list, show, create, compare."""


@version.command(
    "list", epilog="\b\nExamples:\n  boreas version list --contains v1.\n  boreas version list -o wide --limit 5"
)
@click.option("--contains", help="Only with this text in the name.")
@click.option("-w", "--watch", "watching", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@lists
@prints
@calls_api
async def list_(api: Api, printer: Printer, limit: int | None, contains: str | None, watching: bool) -> None:
    """List versions, the newest first."""
    read = partial(pages, api, queries.VERSIONS, limit, contains=contains)
    if watching:
        await read_again(printer, read, columns.VERSIONS, by_id)
    found, total = await read()
    none = "There is no version yet. Make one: boreas version create NAME --application APPLICATION"
    printer.list(found, columns.VERSIONS, by_name, f"No version has “{contains}” in its name." if contains else none)
    more(printer, len(found), total)


@version.command(epilog="\b\nExamples:\n  boreas version show v7\n  boreas version show ver_0a1b2c -o json")
@click.argument("version", shell_complete=completion.versions)
@prints
@calls_api
async def show(api: Api, printer: Printer, version: str) -> None:
    """Show a version: what it holds, and where it was deployed."""
    id_ = (await lookups.version(api, version))["id"]
    found = (await api.query(queries.VERSION, id=id_, first=DEPLOYED))["version"]
    printer.one(found, by_name, lambda: _details(printer, found))


def _details(printer: Printer, found: Data) -> None:
    created = f"{printer.times.both(found['createdAt'])} by {found['createdBy']['name']}"
    printer.fields([("Version", found["name"]), ("Id", found["id"]), ("Commit", found["commit"]), ("Created", created)])
    printer.title("Holds")
    printer.table(found["artifacts"], ARTIFACTS, indent=2)
    deployed, total = found["deployments"]["nodes"], found["deployments"]["totalCount"]
    printer.title(f"Deployments ({len(deployed)} of {total})")
    if deployed:
        printer.table(deployed, [each for each in columns.DEPLOYMENTS if each.title != "VERSION"], indent=2)


@version.command(
    epilog="\b\nExamples:\n  boreas version create v8 --application web --application api --commit 4f2a…\n"
    "  boreas version create v8 --application web=registry.example/web:8"
)
@click.argument("name")
@click.option(
    "--application",
    "artifacts",
    metavar="NAME[=IMAGE]",
    multiple=True,
    required=True,
    shell_complete=completion.applications,
    help="What it holds; may be repeated.",
)
@click.option("--commit", help="The commit that it was made from.")
@prints
@calls_api
async def create(api: Api, printer: Printer, name: str, artifacts: tuple[str, ...], commit: str | None) -> None:
    """Make a version, or find it where the same one is there."""
    given = []
    for text in artifacts:
        application, equals, image = text.partition("=")
        given.append({"applicationId": await lookups.application(api, application), "image": image if equals else None})
    found = (await api.change(queries.CREATE_VERSION, name=name, artifacts=given, commit=commit))["version"]
    printer.done(f"Version {found['name']} ({found['id']})", found, by_name)
    if not printer.is_data:
        printer.note(f"  boreas deploy --version {found['name']} --environment ENVIRONMENT")


COMPARED = (
    Column("APPLICATION", lambda one, times: one["application"]),
    Column("CHANGE", lambda one, times: one["change"]),
    Column("BEFORE", lambda one, times: one["before"] or ""),
    Column("AFTER", lambda one, times: one["after"] or ""),
)


@version.command(epilog="\b\nExamples:\n  boreas version compare v7 v8")
@click.argument("before", shell_complete=completion.versions)
@click.argument("after", shell_complete=completion.versions)
@prints
@calls_api
async def compare(api: Api, printer: Printer, before: str, after: str) -> None:
    """Show how two versions differ: applications and images."""
    sides = [await _read(api, name) for name in (before, after)]
    images = [{each["application"]["name"]: each["image"] for each in side["artifacts"]} for side in sides]
    rows = []
    for name in sorted(images[0].keys() | images[1].keys()):
        old, new = images[0].get(name), images[1].get(name)
        change = (
            "added"
            if name not in images[0]
            else "removed"
            if name not in images[1]
            else "changed"
            if old != new
            else ""
        )
        rows.append({"application": name, "change": change or "same", "before": old, "after": new})
    printer.list(rows, COMPARED, lambda one: str(one["application"]), "Both are empty.")
    if not printer.is_data and sides[0]["commit"] != sides[1]["commit"]:
        printer.note(f"Commits: {sides[0]['commit'] or 'none'} → {sides[1]['commit'] or 'none'}")


async def _read(api: Api, name: str) -> Data:
    id_ = (await lookups.version(api, name))["id"]
    found: Data = (await api.query(queries.VERSION, id=id_, first=1))["version"]
    return found
