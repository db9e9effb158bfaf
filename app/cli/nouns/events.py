"""`boreas deployment events`: what happened to a deployment."""

from typing import Any

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.follow_output import decision_status, rollout_progress
from app.cli.nouns import queries
from app.cli.nouns.columns import approval_subject, field
from app.cli.options import PAGE, api_command, limit_options, note_limit, output_options
from app.cli.printer import Column, Printer
from app.cli.status_styles import status_text

COLUMNS = (
    Column("TIME", lambda event, times: times.exact_to_second(event["at"])),
    Column("EVENT", lambda event, times: _event(event)),
    Column("BY", field("actor", "name")),
    Column("REASON", lambda event, times: event.get("reason") or event.get("comment") or event.get("summary") or ""),
)


def _event(event: Data) -> Text:
    match event["__typename"]:
        case "TaskStatusChanged":
            return status_text(event["taskStatus"]).append(f"  {event['task']['key']}", style="default")
        case "DeploymentStatusChanged":
            return status_text(event["deploymentStatus"]).append("  deployment", style="default")
        case "DeploymentPaused":
            return Text("paused" if event["paused"] else "resumed")
        case "ApprovalRequested":
            return status_text("ASKED").append(f"  {approval_subject(event['approval'])}", style="default")
        case "ApprovalDecided":
            subject = approval_subject(event["approval"])
            return status_text(decision_status(event)).append(f"  {subject}", style="default")
        case "WorkflowChanged":
            return Text(f"workflow edited, revision {event['revision']}")
        case "RolloutProgressed":
            return Text(f"{event['rollout']['task']['key']}: {rollout_progress(event['rollout'])}")
    return Text(event["__typename"])


@click.command(epilog="\b\nExamples:\n  boreas deployment events dep_0a1b2c --all\n  boreas watch dep_0a1b2c --no-logs")
@click.argument("deployment", shell_complete=completion.deployments)
@limit_options
@output_options
@api_command
async def events(api: Api, printer: Printer, deployment: str, limit: int | None) -> None:
    """List the events of a deployment, the oldest first. For live events, use boreas watch."""
    id_ = await lookups.deployment_id(api, deployment)
    nodes: list[Any] = []
    after = None
    while True:
        first = PAGE if limit is None else min(PAGE, limit - len(nodes))
        fetched = (await api.query(queries.EVENTS, id=id_, first=first, after=after))["deployment"]
        if fetched is None:
            raise lookups.deployment_not_found(deployment)
        page = fetched["events"]
        nodes += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"] or (limit is not None and len(nodes) >= limit):
            break
    printer.list(nodes, COLUMNS, lambda event: str(event["cursor"]), "Nothing has happened yet.")
    note_limit(printer, len(nodes), page["totalCount"])
