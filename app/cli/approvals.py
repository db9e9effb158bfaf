"""`boreas approvals`, `boreas approve` and `boreas reject`: what waits for whom, and deciding it."""

import asyncio
import sys
import uuid
from collections.abc import Sequence
from datetime import datetime

import click

from app.cli import documents
from app.cli.client import Api, ApiError, Data, address_options, api_of
from app.cli.printable import json_text, printable

DECIDE_EPILOG = """\b
Examples:
  boreas approve dep_0a1b2c --comment "looks good"
  boreas approve apr_0a1b2c apr_3d4e5f

\b
Exit status: 0 all of them are decided, 2 some could not be."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@address_options
def approvals(url: str, token: str | None, as_json: bool) -> None:
    """Show what waits for your approval, the oldest first."""
    found = asyncio.run(_inbox(api_of(url, token)))
    for one in found:
        click.echo(json_text(one) if as_json else f"{one['id']}  {told(one)}")
    if not found and not as_json:
        click.echo("Nothing waits for you.", err=True)


def _decision(name: str, verdict: str, done: str) -> click.Command:
    @click.command(name, epilog=DECIDE_EPILOG.replace("approve", name), help=f"{verdict} by ids; of a deployment all.")
    @click.argument("targets", metavar="DEPLOYMENT|APPROVAL...", nargs=-1, required=True)
    @click.option("--comment", default="", help="Why; it is kept and shown.")
    @address_options
    def decide(url: str, token: str | None, targets: tuple[str, ...], comment: str) -> None:
        decided, wrong = asyncio.run(_decide(api_of(url, token), name, targets, comment))
        for one in decided:
            left = f", {one['missing']} more needed" if one["status"] == "PENDING" else ""
            click.echo(f"{done}{left}: {told(one)}")
            click.echo(f"  boreas watch {one['deployment']['id']}", err=True)
        for message in wrong:
            click.echo(f"Error: {printable(message)}", err=True)
        sys.exit(2 if wrong else 0)

    return decide


approve = _decision("approve", "Approve", "Approved")
reject = _decision("reject", "Reject", "Rejected")


def told(one: Data) -> str:
    """Say what an approval is of, and until when it waits for whom."""
    deployment = one["deployment"]
    place = f"{deployment['version']['name']} to {deployment['environment']['name']}"
    what = {
        "DEPLOYMENT": lambda: f"deployment of {place}",
        "TASK": lambda: f"{_key(one)}, {place}",
        "ROLLOUT_STEP": lambda: f"step {one['rolloutStep'] + 1} of {_key(one)}, {place}",
    }[one["subject"]]()
    if one["status"] != "PENDING":
        return printable(what)
    until = f", until {_local(one['expiresAt'])}" if one["expiresAt"] else ""
    return printable(f"{what}: {one['missing']} of {one['requiredApprovals']} missing{until}")


def _key(one: Data) -> str:
    return str(one["task"]["key"]) if one["task"] else "a task"


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M %Z")


async def _inbox(api: Api) -> list[Data]:
    found: list[Data] = []
    after = None
    while True:
        page = (await api.query(documents.INBOX, after=after))["myApprovals"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def _decide(api: Api, name: str, targets: Sequence[str], comment: str) -> tuple[list[Data], list[str]]:
    """Return the approvals that were decided, and why others were not."""
    ids = list(dict.fromkeys([id_ for target in targets for id_ in await _asked(api, target)]))
    document = documents.APPROVE if name == "approve" else documents.REJECT
    given = {"approvalIds": ids, "comment": comment, "idempotencyKey": str(uuid.uuid4())}
    payload = (await api.query(document, input=given))[name]
    return payload["approvals"], [_refusal(error, ids) for error in payload["errors"]]


def _refusal(error: Data, ids: Sequence[str]) -> str:
    path = error["path"] or []
    which = f"{ids[int(path[1])]}: " if len(path) > 1 and path[0] == "approvalIds" else ""
    return f"{which}{error['message']} ({error['code']})"


async def _asked(api: Api, target: str) -> list[str]:
    """Return the approvals that a target names: itself, or what its deployment waits for. Raises ApiError."""
    if not target.startswith("dep_"):
        return [target]
    found = (await api.query(documents.ASKED, id=target))["deployment"]
    if found is None:
        raise ApiError(f"There is no deployment “{target}” that you may see.")
    pending = [one["id"] for one in found["approvals"] if one["status"] == "PENDING"]
    if not pending:
        raise ApiError(f"Deployment {target} waits for nobody's approval; it is {found['status']}.")
    return pending
