"""`boreas approvals`, `boreas approve` and `boreas reject`: what waits for whom, and deciding it."""

import asyncio
import shlex
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from app.cli import completion, lookups, queries
from app.cli.client import Api, ApiError, Data, address_options, api_of
from app.cli.options import agreed, prints
from app.cli.printer import Printer, by_id
from app.cli.terminal_text import json_text, printable

MAX_APPROVALS = 100
"""How many the API decides in one call."""
DECIDE_EPILOG = """\b
Examples:
  boreas approve dep_0a1b2c --comment "looks good"
  boreas approve apr_0a1b2c apr_3d4e5f
  boreas approve dep_0a1b2c --revision 3

\b
What a deployment will run is shown first. On a terminal the command asks back before it decides a whole
deployment. Elsewhere it takes --revision or --yes to approve a deployment whose workflow was edited.

\b
Exit status: 0 all of them are decided, 2 some could not be."""


@click.command(epilog="\b\nExamples:\n  boreas approvals\n  boreas approvals -o name | xargs boreas approve")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@prints
@address_options
def approvals(url: str, token: str | None, as_json: bool, printer: Printer) -> None:
    """Show what waits for your approval, the oldest first."""
    found = asyncio.run(_inbox(api_of(url, token)))
    if printer.is_data and not as_json:
        printer.list(found, (), by_id, "Nothing waits for you.")
        return
    for one in found:
        click.echo(json_text(one) if as_json else f"{one['id']}  {told(one)}")
        for line in () if as_json else _definitions(one["deployment"]):
            click.echo(printable(line))
    if not found and not as_json:
        click.echo("Nothing waits for you.", err=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How to decide: the mutation, why, the revision that was looked at (None: not said), and without asking back."""

    name: str
    comment: str
    revision: int | None
    yes: bool


def _decision(name: str, verdict: str, done: str) -> click.Command:
    @click.command(
        name,
        epilog=DECIDE_EPILOG.replace("approve", name),
        help=f"{verdict} by ids, or all that a deployment waits for.",
    )
    @click.argument(
        "targets", metavar="DEPLOYMENT|APPROVAL...", nargs=-1, required=True, shell_complete=completion.waiting
    )
    @click.option("--comment", default="", help="Why; it is kept and shown.")
    @click.option(
        "--revision", type=int, help="The revision of the workflow that you looked at; refused if it changed."
    )
    @click.option("-y", "--yes", is_flag=True, help="Do not ask back.")
    @address_options
    def decide(url: str, token: str | None, targets: tuple[str, ...], **options: Any) -> None:
        order = Verdict(name, **options)
        decided, wrong = asyncio.run(_decide_all(api_of(url, token), order, targets))
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
    """Say what an approval is of, at which revision, and until when it waits for whom."""
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
    revision = f", revision {one['revision']}" if one["revision"] > 1 else ""
    return printable(f"{what}{revision}: {one['missing']} of {one['requiredApprovals']} missing{until}")


def _key(one: Data) -> str:
    return str(one["task"]["key"]) if one["task"] else "a task"


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M %Z")


async def _inbox(api: Api) -> list[Data]:
    found: list[Data] = []
    after = None
    while True:
        page = (await api.query(queries.INBOX, after=after))["myApprovals"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def _decide_all(api: Api, order: Verdict, targets: Sequence[str]) -> tuple[list[Data], list[str]]:
    """Return the approvals that were decided, and why others were not. Raises ApiError."""
    decided: list[Data] = []
    wrong: list[str] = []
    plain = [target for target in targets if not target.startswith("dep_")]
    groups: list[tuple[list[str], int | None]] = [(plain, order.revision)] if plain else []
    groups += [await _looked_at(api, order, target) for target in targets if target.startswith("dep_")]
    for ids, revision in groups:
        once = list(dict.fromkeys(ids))
        for start in range(0, len(once), MAX_APPROVALS):
            some = await _decide(api, order, once[start : start + MAX_APPROVALS], revision)
            decided += some[0]
            wrong += some[1]
    return decided, wrong


async def _decide(api: Api, order: Verdict, ids: Sequence[str], revision: int | None) -> tuple[list[Data], list[str]]:
    document = queries.APPROVE if order.name == "approve" else queries.REJECT
    given = {"approvalIds": ids, "comment": order.comment, "idempotencyKey": str(uuid.uuid4())}
    payload = (await api.query(document, input=given | {"expectedRevision": revision}))[order.name]
    return payload["approvals"], [_refusal(error, ids) for error in payload["errors"]]


def _refusal(error: Data, ids: Sequence[str]) -> str:
    path = error["path"] or []
    which = f"{ids[int(path[1])]}: " if len(path) > 1 and path[0] == "approvalIds" else ""
    return f"{which}{error['message']} ({error['code']})"


async def _looked_at(api: Api, order: Verdict, target: str) -> tuple[list[str], int]:
    """Show what a deployment will run; return the approvals that it waits for, and the revision. Raises ApiError.

    One rejection rejects all of it, so one approval is enough then.
    """
    found = (await api.query(queries.ASKED, id=target))["deployment"]
    if found is None:
        begun = await lookups.deployment(api, target)
        if begun == target:
            raise lookups.no_deployment(target)
        return await _looked_at(api, order, begun)
    pending = [one for one in found["approvals"] if one["status"] == "PENDING"]
    if not pending:
        raise ApiError(f"Deployment {target} waits for nobody's approval; it is {found['status']}.")
    revision = found["workflow"]["revision"]
    for line in (*_content(found), *await _changes(api, found, pending)):
        click.echo(printable(line), err=True)
    if order.revision is None and not order.yes:
        _ask_back(order, target, revision, len(pending))
    wanted = pending if order.name == "approve" else pending[:1]
    return [one["id"] for one in wanted], revision if order.revision is None else order.revision


def _ask_back(order: Verdict, target: str, revision: int, number: int) -> None:
    """Have a person confirm what they saw. Raises ApiError where there is none and the workflow was edited."""
    if sys.stdin.isatty():
        what = "it" if number == 1 else f"all {number}"
        agreed(f"{order.name.capitalize()} {what} at revision {revision}?", yes=False)
    elif revision > 1 and order.name == "approve":
        raise ApiError(
            f"The workflow of {target} was edited: it is at revision {revision}. Look at it, and say which one you "
            f"{order.name}: boreas {order.name} {target} --revision {revision}"
        )


def _content(found: Data) -> Iterator[str]:
    yield f"{found['id']}, revision {found['workflow']['revision']}, will run:"
    for task in found["tasks"]:
        command = f": {shlex.join(task['command']['command'])}" if task["command"] else ""
        yield f"  {task['key']} ({task['type']}){command}"
    yield from _definitions(found)


def _definitions(found: Data) -> Iterator[str]:
    for definition in found["definitions"]:
        name, deploy = definition["application"]["name"], definition["deploy"]
        if deploy["__typename"] == "ShellTarget":
            yield f"  {name} is deployed by: {shlex.join(deploy['command'])}"
            if deploy["rollbackCommand"]:
                yield f"  {name} is taken back by: {shlex.join(deploy['rollbackCommand'])}"
        else:
            yield f"  {name} is deployed to {deploy['workload']}/{deploy['container']}: {definition['image']}"
        if definition["differsFromRunning"]:
            yield f"  {name} differs from what runs now in: {', '.join(definition['differsFromRunning'])}"
        if definition["differsFromCurrent"]:
            yield f"  {name} has changed since in: {', '.join(definition['differsFromCurrent'])}"


async def _changes(api: Api, found: Data, pending: Sequence[Data]) -> list[str]:
    """Return what edits have changed since the revision that was last asked for, or since it was created."""
    revision = found["workflow"]["revision"]
    before = max((one["revision"] for one in found["approvals"] if one["revision"] < revision), default=1)
    if revision == 1:
        return []
    given = {"id": found["id"], "from": before, "to": revision}
    diff = (await api.query(queries.WORKFLOW_DIFF, **given))["deployment"]["workflow"]["diff"]
    changed = [f"  changed {one['key']}: {', '.join(one['fields'])}" for one in diff["changed"]]
    return [
        f"Since revision {before}:",
        *[f"  added {one['key']}" for one in diff["added"]],
        *[f"  removed {one['key']}" for one in diff["removed"]],
        *changed,
    ]
