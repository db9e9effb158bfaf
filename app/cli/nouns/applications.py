"""`boreas application`: what is built, tested and deployed."""

import shlex
from collections.abc import Iterator
from functools import partial

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.live_views import read_again
from app.cli.nouns import columns, queries
from app.cli.options import agreed, calls_api, confirms, lists, more, pages, prints
from app.cli.printer import Column, Printer, by_name
from app.cli.root import Group

NEWEST_VERSIONS = 500
COLUMNS = (
    Column("NAME", lambda one, times: one["name"]),
    Column("RUNS", lambda one, times: _runs(one)),
    Column("AGE", lambda one, times: times(one["createdAt"])),
    Column("ID", lambda one, times: one["id"], wide=True),
    Column("REPOSITORY", lambda one, times: one["repositoryUrl"] or "", wide=True),
    Column("DESCRIPTION", lambda one, times: one["description"]),
)


def _runs(one: Data) -> str:
    return ", ".join(f"{each['version']['name']} in {each['environment']['name']}" for each in one["releases"])


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas application list\n  boreas application show web")
def application() -> None:
    """What is built, tested and deployed: list, show, versions, archive, unarchive.

    boreas apply makes and changes applications, from a file.
    """


@application.command(
    "list", epilog="\b\nExamples:\n  boreas application list --contains shop\n  boreas application list -o name"
)
@click.option("--contains", help="Only with this text in the name.")
@click.option("--archived", is_flag=True, help="Those that are archived instead.")
@click.option("-w", "--watch", "watching", is_flag=True, help="Go on with what comes and changes, until Ctrl-C.")
@lists
@prints
@calls_api
async def list_(
    api: Api, printer: Printer, limit: int | None, contains: str | None, *, archived: bool, watching: bool
) -> None:
    """List applications, by name, and where which version runs."""
    read = partial(pages, api, queries.APPLICATIONS, limit, contains=contains, archived=archived)
    if watching:
        await read_again(printer, read, COLUMNS, by_name)
    found, total = await read()
    printer.list(found, COLUMNS, by_name, columns.none_declared("application", contains, archived=archived))
    more(printer, len(found), total)


@application.command(epilog="\b\nExamples:\n  boreas application show web\n  boreas application show web -o yaml")
@click.argument("application", shell_complete=completion.applications)
@prints
@calls_api
async def show(api: Api, printer: Printer, application: str) -> None:
    """Show an application: how it is built, tested and deployed, and what runs where."""
    id_ = await lookups.application(api, application)
    found = (await api.query(queries.APPLICATION, id=id_))["application"]
    if found is None:
        raise ApiError(f"There is no application “{application}” that you may see.")
    printer.one(found, by_name, lambda: _details(printer, found))


def _details(printer: Printer, found: Data) -> None:
    printer.fields(_fields(printer, found))
    printer.title("Runs")
    if found["releases"]:
        printer.table(found["releases"], [each for each in columns.RELEASES if each.title != "APPLICATION"], indent=2)
    else:
        printer.line("Nowhere yet.", indent=2)


def _fields(printer: Printer, found: Data) -> Iterator[tuple[str, str | Text | None]]:
    deploy, health = found["deploy"], found["healthCheck"]
    yield "Application", found["name"]
    yield "Id", found["id"]
    yield "Description", found["description"]
    yield "Repository", found["repositoryUrl"]
    yield "Created", printer.times.both(found["createdAt"])
    yield "Archived", printer.times.both(found["archivedAt"])
    yield "Build", _step(found["build"])
    yield "Test", _step(found["test"])
    if deploy["__typename"] == "ShellTarget":
        yield "Deploy", shlex.join(deploy["command"])
        yield "Rollback", shlex.join(deploy["rollbackCommand"]) if deploy["rollbackCommand"] else None
        yield "Instances", ", ".join(deploy["instances"])
    else:
        yield "Deploy", f"{deploy['workload']}/{deploy['container']}"
        yield "Service", deploy["service"]
        yield "Route", deploy["httpRoute"]
    if health:
        yield "Health", shlex.join(health["command"]) if health["command"] else health["httpUrl"]
        yield "Metrics", ", ".join(each["name"] for each in health["metrics"])


def _step(found: Data | None) -> str | None:
    return f"{shlex.join(found['command'])} (at most {found['timeoutSeconds']} s)" if found else None


@application.command(epilog="\b\nExamples:\n  boreas application versions web --limit 5")
@click.argument("application", shell_complete=completion.applications)
@lists
@prints
@calls_api
async def versions(api: Api, printer: Printer, application: str, limit: int | None) -> None:
    """List the versions that hold an application, the newest first."""
    id_ = await lookups.application(api, application)
    found, total = await pages(api, queries.VERSIONS, limit and max(limit, NEWEST_VERSIONS))
    held = [each for each in found if id_ in [artifact["application"]["id"] for artifact in each["artifacts"]]]
    shown = held if limit is None else held[:limit]
    none = f"No version holds {application} yet. Make one: boreas version create NAME --application {application}"
    printer.list(shown, columns.VERSIONS, by_name, none)
    if len(shown) < len(held) or len(found) < total:
        printer.note("There may be more of them: --limit N shows more, --all shows all.")


async def _change(api: Api, printer: Printer, name: str, document: str, done: str) -> None:
    id_ = await lookups.application(api, name)
    found = next(iter((await api.change(document, id=id_)).values()))
    printer.done(f"{done}: {found['name']} ({found['id']})", found, by_name)


@application.command(epilog="\b\nExamples:\n  boreas application archive old-web")
@click.argument("application", shell_complete=completion.applications)
@confirms
@prints
@calls_api
async def archive(api: Api, printer: Printer, application: str, yes: bool) -> None:
    """Archive an application: it stays readable and is deployed no more."""
    agreed(f"Archive the application {application}?", yes=yes)
    await _change(api, printer, application, queries.ARCHIVE_APPLICATION, "Archived")
    if not printer.is_data:
        printer.note(f"  boreas application unarchive {application}   brings it back.")


@application.command(epilog="\b\nExamples:\n  boreas application unarchive old-web")
@click.argument("application")
@prints
@calls_api
async def unarchive(api: Api, printer: Printer, application: str) -> None:
    """Bring an archived application back: it can be deployed again."""
    await _change(api, printer, application, queries.UNARCHIVE_APPLICATION, "Brought back")
