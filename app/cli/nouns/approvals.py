"""`boreas approval`: requests for approval, and the decisions about them."""

from collections.abc import Iterator
from functools import partial

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.decide import approve, reject
from app.cli.inbox import EMPTY
from app.cli.live_views import follow_list
from app.cli.nouns import columns, queries
from app.cli.nouns.columns import field, time
from app.cli.nouns.details import deployment_of, next_steps, not_found
from app.cli.options import api_command, fetch_pages, limit_options, note_limit, output_options
from app.cli.printer import Column, Printer, id_of
from app.cli.root import Group
from app.cli.status_styles import status_text

DECISIONS = (
    Column(
        "VERDICT",
        lambda decision, times: decision["verdict"] + ("" if decision["counts"] else " (does not count)"),
    ),
    Column("BY", field("actor", "name")),
    Column("WHEN", time("at")),
    Column("COMMENT", field("comment")),
)


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas approval list\n  boreas approval approve dep_0a1b2c")
def approval() -> None:
    """Requests for approval: list, show, approve, reject."""


@approval.command(
    "list", epilog="\b\nExamples:\n  boreas approval list --watch\n  boreas approval list --deployment dep_0a1b2c"
)
@click.option("--deployment", shell_complete=completion.deployments, help="List all approvals of a deployment.")
@click.option("-w", "--watch", "watching", is_flag=True, help="Print new approvals that wait for you, until Ctrl-C.")
@limit_options
@output_options
@api_command
async def list_(api: Api, printer: Printer, limit: int | None, deployment: str | None, watching: bool) -> None:
    """List the approvals that wait for you, the oldest first; or all approvals of a deployment."""
    if deployment is not None:
        if watching:
            raise click.UsageError(f"--watch and --deployment exclude each other. Use boreas watch {deployment}")
        await _list_of_deployment(api, printer, await lookups.deployment_id(api, deployment))
        return
    read = partial(fetch_pages, api, queries.INBOX, limit)
    if watching:
        await follow_list(api, printer, read, columns.APPROVALS, feed=queries.INBOX_CHANGED, variables={})
        return
    approvals, total = await read()
    printer.list(approvals, columns.APPROVALS, id_of, EMPTY)
    note_limit(printer, len(approvals), total)


async def _list_of_deployment(api: Api, printer: Printer, id_: str) -> None:
    deployment = (await api.query(queries.DEPLOYMENT_APPROVALS, id=id_))["deployment"]
    if deployment is None:
        raise lookups.deployment_not_found(id_)
    none = f"Deployment {id_} has requested no approval."
    printer.list(deployment["approvals"], columns.APPROVALS, id_of, none)


@approval.command(epilog="\b\nExamples:\n  boreas approval show apr_0a1b2c")
@click.argument("approval", shell_complete=completion.pending_approvals)
@output_options
@api_command
async def show(api: Api, printer: Printer, approval: str) -> None:
    """Show an approval: what it is for, who decided, and whether you may decide."""
    shown = (await api.query(queries.APPROVAL, id=approval))["node"]
    if shown is None or shown["__typename"] != "Approval":
        raise not_found("approval", approval, "boreas approval list shows those that wait for you.")
    printer.object(shown, id_of, lambda: _details(printer, shown))
    if shown["viewerCanDecide"]["allowed"]:
        next_steps(printer, [f"boreas approve {shown['id']}", f"boreas reject {shown['id']} --comment WHY"])


def _details(printer: Printer, approval: Data) -> None:
    printer.fields(_fields(printer, approval))
    if approval["decisions"]:
        printer.title("Decisions")
        printer.table(approval["decisions"], DECISIONS, indent=2)


def _fields(printer: Printer, approval: Data) -> Iterator[tuple[str, str | Text | None]]:
    permission, roles = approval["viewerCanDecide"], " or ".join(approval["approverRoles"])
    yield "Approval", approval["id"]
    yield "Status", status_text(approval["status"])
    yield "Of", columns.approval_subject(approval)
    yield "Deployment", deployment_of(approval)
    yield "Missing", f"{approval['missing']} of {approval['requiredApprovals']}, from {roles}"
    yield "Revision", str(approval["revision"])
    yield "Asked", printer.times.exact_with_age(approval["requestedAt"])
    yield "Until", printer.times.exact_with_age(approval["expiresAt"])
    yield "You may", "decide it" if permission["allowed"] else f"not decide it: {permission['reason']}"


approval.add_command(approve, "approve")
approval.add_command(reject, "reject")
