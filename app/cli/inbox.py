"""`boreas approvals`: the approvals that wait for the user."""

import asyncio

import click

from app.cli import queries
from app.cli.api_options import address_options, api_of
from app.cli.approval_text import approval_line, definition_lines
from app.cli.client import Api, Data
from app.cli.options import output_options
from app.cli.printer import Printer, id_of
from app.cli.terminal_text import json_text, printable

EMPTY = "No approval waits for you."


@click.command(epilog="\b\nExamples:\n  boreas approvals\n  boreas approvals -o name | xargs boreas approve")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@output_options
@address_options
def approvals(url: str, token: str | None, as_json: bool, printer: Printer) -> None:
    """List the approvals that wait for you, the oldest first."""
    pending = asyncio.run(_inbox(api_of(url, token)))
    if printer.is_data and not as_json:
        printer.list(pending, (), id_of, EMPTY)
        return
    for approval in pending:
        if as_json:
            click.echo(json_text(approval))
            continue
        click.echo(f"{approval['id']}  {approval_line(approval)}")
        for line in definition_lines(approval["deployment"]):
            click.echo(printable(line))
    if not pending and not as_json:
        click.echo(EMPTY, err=True)


async def _inbox(api: Api) -> list[Data]:
    approvals: list[Data] = []
    after = None
    while True:
        page = (await api.query(queries.INBOX, after=after))["myApprovals"]
        approvals += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return approvals
        after = page["pageInfo"]["endCursor"]
