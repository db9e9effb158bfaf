"""`boreas approve` and `boreas reject`: decide approvals, after showing what they are for."""

import asyncio
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from app.cli import completion, lookups, queries
from app.cli.api_options import address_options, api_of
from app.cli.approval_text import approval_line, workflow_lines
from app.cli.client import Api, ApiError, Data
from app.cli.options import confirm, yes_option
from app.cli.terminal_text import printable

MAX_APPROVALS = 100
"""How many approvals one mutation decides."""
EPILOG = """\b
Examples:
  boreas approve dep_0a1b2c --comment "looks good"
  boreas approve apr_0a1b2c apr_3d4e5f
  boreas approve dep_0a1b2c --revision 3

\b
For a deployment, the command first shows what it will run. On a terminal it asks for confirmation.
Elsewhere, approving a deployment with an edited workflow requires --revision or --yes.

\b
Exit status: 0 all are decided, 2 some could not be decided."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The mutation, its comment, the reviewed revision (None: unknown), and whether to skip confirmation."""

    mutation: str
    comment: str
    revision: int | None
    yes: bool


def _command(mutation: str, verb: str, participle: str) -> click.Command:
    @click.command(
        mutation,
        epilog=EPILOG.replace("approve", mutation),
        help=f"{verb} by id, or everything that a deployment waits for.",
    )
    @click.argument(
        "targets",
        metavar="DEPLOYMENT|APPROVAL...",
        nargs=-1,
        required=True,
        shell_complete=completion.pending_approvals,
    )
    @click.option("--comment", default="", help="The reason; it is stored and shown.")
    @click.option(
        "--revision", type=int, help="The revision of the workflow that you reviewed; refused if it has changed."
    )
    @yes_option
    @address_options
    def decide(url: str, token: str | None, targets: tuple[str, ...], **options: Any) -> None:
        decision = Decision(mutation, **options)
        decided, errors = asyncio.run(_decide_all(api_of(url, token), decision, targets))
        for approval in decided:
            missing = f", {approval['missing']} more needed" if approval["status"] == "PENDING" else ""
            click.echo(f"{participle}{missing}: {approval_line(approval)}")
            click.echo(f"  boreas watch {approval['deployment']['id']}", err=True)
        for message in errors:
            click.echo(f"Error: {printable(message)}", err=True)
        sys.exit(2 if errors else 0)

    return decide


approve = _command("approve", "Approve", "Approved")
reject = _command("reject", "Reject", "Rejected")


async def _decide_all(api: Api, decision: Decision, targets: Sequence[str]) -> tuple[list[Data], list[str]]:
    """Return the approvals that were decided, and the errors of the others. Raises ApiError."""
    decided: list[Data] = []
    errors: list[str] = []
    approval_ids = [target for target in targets if not target.startswith("dep_")]
    groups: list[tuple[list[str], int | None]] = [(approval_ids, decision.revision)] if approval_ids else []
    groups += [await _review(api, decision, target) for target in targets if target.startswith("dep_")]
    for ids, revision in groups:
        unique = list(dict.fromkeys(ids))
        for start in range(0, len(unique), MAX_APPROVALS):
            approvals, messages = await _decide(api, decision, unique[start : start + MAX_APPROVALS], revision)
            decided += approvals
            errors += messages
    return decided, errors


async def _decide(
    api: Api, decision: Decision, ids: Sequence[str], revision: int | None
) -> tuple[list[Data], list[str]]:
    document = queries.APPROVE if decision.mutation == "approve" else queries.REJECT
    fields = {
        "approvalIds": ids,
        "comment": decision.comment,
        "expectedRevision": revision,
        "idempotencyKey": str(uuid.uuid4()),
    }
    payload = (await api.query(document, input=fields))[decision.mutation]
    return payload["approvals"], [_error(error, ids) for error in payload["errors"]]


def _error(error: Data, ids: Sequence[str]) -> str:
    path = error["path"] or []
    prefix = f"{ids[int(path[1])]}: " if len(path) > 1 and path[0] == "approvalIds" else ""
    return f"{prefix}{error['message']} ({error['code']})"


async def _review(api: Api, decision: Decision, target: str) -> tuple[list[str], int]:
    """Show what a deployment will run; return its pending approvals, and its revision. Raises ApiError.

    One rejection rejects the whole deployment, so `reject` decides one approval only.
    """
    deployment = (await api.query(queries.REVIEWED_DEPLOYMENT, id=target))["deployment"]
    if deployment is None:
        id_ = await lookups.deployment_id(api, target)
        if id_ == target:
            raise lookups.deployment_not_found(target)
        return await _review(api, decision, id_)
    pending = [approval for approval in deployment["approvals"] if approval["status"] == "PENDING"]
    if not pending:
        raise ApiError(f"Deployment {target} waits for no approval; its status is {deployment['status']}.")
    revision = deployment["workflow"]["revision"]
    for line in (*workflow_lines(deployment), *await _edit_lines(api, deployment)):
        click.echo(printable(line), err=True)
    if decision.revision is None and not decision.yes:
        _confirm(decision, target, revision, len(pending))
    decided = pending if decision.mutation == "approve" else pending[:1]
    return [approval["id"] for approval in decided], revision if decision.revision is None else decision.revision


def _confirm(decision: Decision, target: str, revision: int, number: int) -> None:
    """Ask for confirmation on a terminal. Elsewhere, raises ApiError for an edited workflow."""
    if sys.stdin.isatty():
        approvals = "it" if number == 1 else f"all {number}"
        confirm(f"{decision.mutation.capitalize()} {approvals} at revision {revision}?", yes=False)
    elif revision > 1 and decision.mutation == "approve":
        raise ApiError(
            f"The workflow of {target} was edited: it is at revision {revision}. Review it, and name the revision that "
            f"you {decision.mutation}: boreas {decision.mutation} {target} --revision {revision}"
        )


async def _edit_lines(api: Api, deployment: Data) -> list[str]:
    """Return what edits have changed since the last approved or requested revision, or since the first."""
    revision = deployment["workflow"]["revision"]
    if revision == 1:
        return []
    earlier = (approval["revision"] for approval in deployment["approvals"] if approval["revision"] < revision)
    before = max(earlier, default=1)
    variables = {"id": deployment["id"], "from": before, "to": revision}
    diff = (await api.query(queries.WORKFLOW_DIFF, **variables))["deployment"]["workflow"]["diff"]
    return [
        f"Since revision {before}:",
        *(f"  added {task['key']}" for task in diff["added"]),
        *(f"  removed {task['key']}" for task in diff["removed"]),
        *(f"  changed {task['key']}: {', '.join(task['fields'])}" for task in diff["changed"]),
    ]
