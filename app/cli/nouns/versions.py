"""`boreas version`: what can be deployed."""

from functools import partial

import click

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.live_views import poll_list
from app.cli.nouns import columns, queries
from app.cli.nouns.columns import field
from app.cli.nouns.details import WATCH_LIST_HELP
from app.cli.options import api_command, fetch_pages, limit_options, note_limit, output_options
from app.cli.printer import Column, Printer, id_of, name_of
from app.cli.root import Group

SHOWN_DEPLOYMENTS = 10
ARTIFACTS = (
    Column("APPLICATION", field("application", "name")),
    Column("IMAGE", field("image")),
)
COMPARISON = (
    Column("APPLICATION", field("application")),
    Column("CHANGE", field("change")),
    Column("BEFORE", field("before")),
    Column("AFTER", field("after")),
)


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas version list\n  boreas version create v8 --application web")
def version() -> None:
    """What can be deployed: list, show, create, compare."""


@version.command(
    "list", epilog="\b\nExamples:\n  boreas version list --contains v1.\n  boreas version list -o wide --limit 5"
)
@click.option("--contains", help="List only versions with this text in the name.")
@click.option("-w", "--watch", "watching", is_flag=True, help=WATCH_LIST_HELP)
@limit_options
@output_options
@api_command
async def list_(api: Api, printer: Printer, limit: int | None, contains: str | None, watching: bool) -> None:
    """List versions, the newest first."""
    read = partial(fetch_pages, api, queries.VERSIONS, limit, contains=contains)
    if watching:
        await poll_list(printer, read, columns.VERSIONS, id_of)
    versions, total = await read()
    none = "There is no version yet. Create one: boreas version create NAME --application APPLICATION"
    printer.list(versions, columns.VERSIONS, name_of, f"No version has “{contains}” in its name." if contains else none)
    note_limit(printer, len(versions), total)


@version.command(epilog="\b\nExamples:\n  boreas version show v7\n  boreas version show ver_0a1b2c -o json")
@click.argument("version", shell_complete=completion.versions)
@output_options
@api_command
async def show(api: Api, printer: Printer, version: str) -> None:
    """Show a version: what it contains, and where it was deployed."""
    shown = await _fetch(api, version, SHOWN_DEPLOYMENTS)
    printer.object(shown, name_of, lambda: _details(printer, shown))


async def _fetch(api: Api, name: str, deployments: int) -> Data:
    id_ = (await lookups.version(api, name))["id"]
    version: Data = (await api.query(queries.VERSION, id=id_, first=deployments))["version"]
    return version


def _details(printer: Printer, version: Data) -> None:
    created = f"{printer.times.exact_with_age(version['createdAt'])} by {version['createdBy']['name']}"
    printer.fields(
        [("Version", version["name"]), ("Id", version["id"]), ("Commit", version["commit"]), ("Created", created)]
    )
    printer.title("Contains")
    printer.table(version["artifacts"], ARTIFACTS, indent=2)
    deployments, total = version["deployments"]["nodes"], version["deployments"]["totalCount"]
    printer.title(f"Deployments ({len(deployments)} of {total})")
    if deployments:
        printer.table(deployments, columns.without(columns.DEPLOYMENTS, "VERSION"), indent=2)


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
    help="An application of the version; repeatable.",
)
@click.option("--commit", help="The commit that it was built from.")
@output_options
@api_command
async def create(api: Api, printer: Printer, name: str, artifacts: tuple[str, ...], commit: str | None) -> None:
    """Create a version, or return the existing one if it is the same."""
    inputs = []
    for text in artifacts:
        application, equals, image = text.partition("=")
        application_id = await lookups.application_id(api, application)
        inputs.append({"applicationId": application_id, "image": image if equals else None})
    created = (await api.mutate(queries.CREATE_VERSION, name=name, artifacts=inputs, commit=commit))["version"]
    printer.result(f"Version {created['name']} ({created['id']})", created, name_of)
    if not printer.is_data:
        printer.note(f"  boreas deploy --version {created['name']} --environment ENVIRONMENT")


@version.command(epilog="\b\nExamples:\n  boreas version compare v7 v8")
@click.argument("before", shell_complete=completion.versions)
@click.argument("after", shell_complete=completion.versions)
@output_options
@api_command
async def compare(api: Api, printer: Printer, before: str, after: str) -> None:
    """Show how two versions differ: applications and images."""
    old, new = [await _fetch(api, name, 1) for name in (before, after)]
    old_images, new_images = _images(old), _images(new)
    rows = [
        {
            "application": name,
            "change": _change(name, old_images, new_images),
            "before": old_images.get(name),
            "after": new_images.get(name),
        }
        for name in sorted(old_images.keys() | new_images.keys())
    ]
    printer.list(rows, COMPARISON, lambda row: str(row["application"]), "Both versions are empty.")
    if not printer.is_data and old["commit"] != new["commit"]:
        printer.note(f"Commits: {old['commit'] or 'none'} → {new['commit'] or 'none'}")


def _images(version: Data) -> dict[str, str | None]:
    return {artifact["application"]["name"]: artifact["image"] for artifact in version["artifacts"]}


def _change(name: str, old_images: dict[str, str | None], new_images: dict[str, str | None]) -> str:
    if name not in old_images:
        return "added"
    if name not in new_images:
        return "removed"
    return "changed" if old_images[name] != new_images[name] else "same"
