"""`boreas approval`: what waits for people."""

from collections.abc import Iterator
from functools import partial

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.approvals import approve, reject
from app.cli.client import Api, ApiError, Data
from app.cli.live_views import follow_list
from app.cli.nouns import columns, queries
from app.cli.options import calls_api, lists, more, pages, prints
from app.cli.printer import Column, Printer, by_id, status
from app.cli.root import Group

DECISIONS = (
    Column("VERDICT", lambda one, times: one["verdict"] + ("" if one["counts"] else " (does not count)")),
    Column("BY", lambda one, times: columns.named(one["actor"])),
    Column("WHEN", lambda one, times: times(one["at"])),
    Column("COMMENT", lambda one, times: one["comment"]),
)


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas approval list\n  boreas approval approve dep_0a1b2c")
def approval() -> None:
    """What waits for people: list, show, approve, reject."""


@approval.command(
    "list", epilog="\b\nExamples:\n  boreas approval list --watch\n  boreas approval list --deployment dep_0a1b2c"
)
@click.option("--deployment", shell_complete=completion.deployments, help="All of this one, decided ones too.")
@click.option("-w", "--watch", "watching", is_flag=True, help="Go on with what comes to wait for you, until Ctrl-C.")
@lists
@prints
@calls_api
async def list_(api: Api, printer: Printer, limit: int | None, deployment: str | None, watching: bool) -> None:
    """List what waits for your approval, the oldest first; or all that a deployment asked for."""
    if deployment is not None:
        if watching:
            raise click.UsageError(f"--watch is for what waits for you. Of a deployment: boreas watch {deployment}")
        await _of(api, printer, await lookups.deployment(api, deployment))
        return
    read = partial(pages, api, queries.INBOX, limit)
    if watching:
        await follow_list(api, printer, read, columns.APPROVALS, feed=queries.INBOX_CHANGED, variables={})
        return
    found, total = await read()
    printer.list(found, columns.APPROVALS, by_id, "Nothing waits for you.")
    more(printer, len(found), total)


async def _of(api: Api, printer: Printer, id_: str) -> None:
    found = (await api.query(queries.DEPLOYMENT_APPROVALS, id=id_))["deployment"]
    if found is None:
        raise lookups.no_deployment(id_)
    printer.list(found["approvals"], columns.APPROVALS, by_id, f"Deployment {id_} has asked nobody.")


@approval.command(epilog="\b\nExamples:\n  boreas approval show apr_0a1b2c")
@click.argument("approval", shell_complete=completion.waiting)
@prints
@calls_api
async def show(api: Api, printer: Printer, approval: str) -> None:
    """Show an approval: of what it is, who decided, and whether you may."""
    found = (await api.query(queries.APPROVAL, id=approval))["node"]
    if found is None or found["__typename"] != "Approval":
        raise ApiError(
            f"There is no approval “{approval}” that you may see. boreas approval list shows what waits for you."
        )
    printer.one(found, by_id, lambda: _details(printer, found))
    if found["viewerCanDecide"]["allowed"]:
        columns.hints(printer, [f"boreas approve {found['id']}", f"boreas reject {found['id']} --comment WHY"])


def _details(printer: Printer, found: Data) -> None:
    printer.fields(_fields(printer, found))
    if found["decisions"]:
        printer.title("Decisions")
        printer.table(found["decisions"], DECISIONS, indent=2)


def _fields(printer: Printer, found: Data) -> Iterator[tuple[str, str | Text | None]]:
    place, can = found["deployment"], found["viewerCanDecide"]
    yield "Approval", found["id"]
    yield "Status", status(found["status"])
    yield "Of", columns.subject(found)
    yield (
        "Deployment",
        f"{place['id']} ({place['version']['name']} to {place['environment']['name']}, {place['status']})",
    )
    yield "Missing", f"{found['missing']} of {found['requiredApprovals']}, from {' or '.join(found['approverRoles'])}"
    yield "Revision", str(found["revision"])
    yield "Asked", printer.times.both(found["requestedAt"])
    yield "Until", printer.times.both(found["expiresAt"])
    yield "You may", "decide it" if can["allowed"] else f"not decide it: {can['reason']}"


approval.add_command(approve, "approve")
approval.add_command(reject, "reject")
