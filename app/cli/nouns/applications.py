"""`boreas application`: what is built, tested and deployed."""

import shlex
from collections.abc import Iterator
from functools import partial

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.live_views import poll_list
from app.cli.nouns import columns, queries
from app.cli.nouns.columns import field, time
from app.cli.nouns.details import WATCH_LIST_HELP, empty_list, fetch
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

NEWEST_VERSIONS = 500
COLUMNS = (
    Column("NAME", field("name")),
    Column("RUNS", lambda application, times: _releases(application)),
    Column("AGE", time("createdAt")),
    Column("ID", field("id"), wide=True),
    Column("REPOSITORY", field("repositoryUrl"), wide=True),
    Column("DESCRIPTION", field("description")),
)


def _releases(application: Data) -> str:
    releases = application["releases"]
    return ", ".join(f"{release['version']['name']} in {release['environment']['name']}" for release in releases)


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas application list\n  boreas application show web")
def application() -> None:
    """What is built, tested and deployed: list, show, versions, archive, unarchive.

    boreas apply creates and changes applications, from a file.
    """


@application.command(
    "list", epilog="\b\nExamples:\n  boreas application list --contains shop\n  boreas application list -o name"
)
@click.option("--contains", help="List only applications with this text in the name.")
@click.option("--archived", is_flag=True, help="List archived applications instead.")
@click.option("-w", "--watch", "watching", is_flag=True, help=WATCH_LIST_HELP)
@limit_options
@output_options
@api_command
async def list_(
    api: Api, printer: Printer, limit: int | None, contains: str | None, *, archived: bool, watching: bool
) -> None:
    """List applications by name, with the versions that run."""
    read = partial(fetch_pages, api, queries.APPLICATIONS, limit, contains=contains, archived=archived)
    if watching:
        await poll_list(printer, read, COLUMNS, name_of)
    applications, total = await read()
    printer.list(applications, COLUMNS, name_of, empty_list("application", contains, archived=archived))
    note_limit(printer, len(applications), total)


@application.command(epilog="\b\nExamples:\n  boreas application show web\n  boreas application show web -o yaml")
@click.argument("application", shell_complete=completion.applications)
@output_options
@api_command
async def show(api: Api, printer: Printer, application: str) -> None:
    """Show an application: how it is built, tested and deployed, and where it runs."""
    id_ = await lookups.application_id(api, application)
    shown = await fetch(api, "application", application, queries.APPLICATION, id_)
    printer.object(shown, name_of, lambda: _details(printer, shown))


def _details(printer: Printer, application: Data) -> None:
    printer.fields(_fields(printer, application))
    releases = columns.without(columns.RELEASES, "APPLICATION")
    printer.section("Runs", application["releases"], releases, "Nowhere yet.")


def _fields(printer: Printer, application: Data) -> Iterator[tuple[str, str | Text | None]]:
    deploy, health = application["deploy"], application["healthCheck"]
    yield "Application", application["name"]
    yield "Id", application["id"]
    yield "Description", application["description"]
    yield "Repository", application["repositoryUrl"]
    yield "Created", printer.times.exact_with_age(application["createdAt"])
    yield "Archived", printer.times.exact_with_age(application["archivedAt"])
    yield "Build", _command(application["build"])
    yield "Test", _command(application["test"])
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
        yield "Metrics", columns.names(health["metrics"])


def _command(step: Data | None) -> str | None:
    return f"{shlex.join(step['command'])} (at most {step['timeoutSeconds']} s)" if step else None


@application.command(epilog="\b\nExamples:\n  boreas application versions web --limit 5")
@click.argument("application", shell_complete=completion.applications)
@limit_options
@output_options
@api_command
async def versions(api: Api, printer: Printer, application: str, limit: int | None) -> None:
    """List the versions that contain an application, the newest first."""
    id_ = await lookups.application_id(api, application)
    newest, total = await fetch_pages(api, queries.VERSIONS, limit and max(limit, NEWEST_VERSIONS))
    containing = [version for version in newest if id_ in _application_ids(version)]
    shown = containing if limit is None else containing[:limit]
    none = f"No version contains {application} yet. Create one: boreas version create NAME --application {application}"
    printer.list(shown, columns.VERSIONS, name_of, none)
    if len(shown) < len(containing) or len(newest) < total:
        printer.note("There may be more versions: --limit N shows more, --all shows all.")


def _application_ids(version: Data) -> list[str]:
    return [artifact["application"]["id"] for artifact in version["artifacts"]]


async def _change(api: Api, printer: Printer, name: str, document: str, participle: str) -> None:
    id_ = await lookups.application_id(api, name)
    changed = next(iter((await api.mutate(document, id=id_)).values()))
    printer.result(f"{participle}: {changed['name']} ({changed['id']})", changed, name_of)


@application.command(epilog="\b\nExamples:\n  boreas application archive old-web")
@click.argument("application", shell_complete=completion.applications)
@yes_option
@output_options
@api_command
async def archive(api: Api, printer: Printer, application: str, yes: bool) -> None:
    """Archive an application: it stays readable, but cannot be deployed."""
    confirm(f"Archive the application {application}?", yes=yes)
    await _change(api, printer, application, queries.ARCHIVE_APPLICATION, "Archived")
    if not printer.is_data:
        printer.note(f"  To undo it: boreas application unarchive {application}")


@application.command(epilog="\b\nExamples:\n  boreas application unarchive old-web")
@click.argument("application")
@output_options
@api_command
async def unarchive(api: Api, printer: Printer, application: str) -> None:
    """Restore an archived application: it can be deployed again."""
    await _change(api, printer, application, queries.UNARCHIVE_APPLICATION, "Restored")
