"""`boreas deployment`: lists, details and events of deployments."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.follow import EXIT_STATUS
from app.cli.live_views import follow_list, follow_object
from app.cli.nouns import columns, queries
from app.cli.nouns.columns import exact_time, field
from app.cli.nouns.details import (
    DEPLOYMENT_STATUSES,
    ENDED,
    WATCH_HELP,
    WATCH_LIST_HELP,
    blockers,
    next_steps,
)
from app.cli.options import api_command, fetch_pages, limit_options, note_limit, output_options
from app.cli.printer import Column, Printer, id_of
from app.cli.status_styles import status_text
from app.cli.times import TimeParameter, format_duration

LIST_EPILOG = """\b
Examples:
  boreas deployment list --status FAILED --since 1d
  boreas deployment list --environment production --application web --limit 5
  boreas deployment list --created-by me --watch
  boreas deployment list --status FAILED -o name | xargs -n1 boreas deployment retry"""
SHOW_EPILOG = """\b
Examples:
  boreas deployment show dep_0a1b2c
  boreas deployment show dep_0a1b2c --watch
  boreas deployment show dep_0a1b2c -o json | jq '.tasks[] | select(.status == "FAILED") | .key'

\b
Exit status with --watch: 0 SUCCESS, 1 FAILED, 3 ROLLED_BACK, 4 CANCELLED."""
ROLLOUTS = (
    Column("APPLICATION", field("application", "name")),
    Column("STEP", lambda rollout, times: str(rollout["stepIndex"] + 1)),
    Column("BATCH", lambda rollout, times: f"{rollout['batch']}/{rollout['batches']}"),
    Column("UPDATED", lambda rollout, times: f"{rollout['updated']}/{rollout['total']}"),
    Column("HEALTHY", lambda rollout, times: f"{rollout['healthy']}/{rollout['total']}"),
    Column("WEIGHT", lambda rollout, times: f"{rollout['weight']:.0%}"),
    Column("GOES ON", exact_time("resumeAt")),
)


async def _filter(api: Api, options: Data) -> Data | None:
    """Return the filter of a list of deployments. Raises ApiError."""
    version, creator = options["version"], options["created_by"]
    fields = {
        "statuses": list(options["statuses"]) or None,
        "environmentIds": await lookups.environment_ids(api, options["environments"]) or None,
        "applicationIds": await lookups.application_ids(api, options["applications"]) or None,
        "versionId": (await lookups.version(api, version))["id"] if version else None,
        "createdById": await lookups.actor_id(api, creator) if creator else None,
        "createdAfter": options["since"],
        "createdBefore": options["until"],
    }
    return {name: value for name, value in fields.items() if value is not None} or None


@click.command("list", epilog=LIST_EPILOG)
@click.option(
    "--status",
    "statuses",
    type=click.Choice(DEPLOYMENT_STATUSES, case_sensitive=False),
    multiple=True,
    help="List only deployments with this status; repeatable.",
)
@click.option(
    "--environment",
    "environments",
    multiple=True,
    shell_complete=completion.environments,
    help="List only deployments to this environment, by name or id; repeatable.",
)
@click.option(
    "--application",
    "applications",
    multiple=True,
    shell_complete=completion.applications,
    help="List only deployments of this application, by name or id; repeatable.",
)
@click.option(
    "--version", shell_complete=completion.versions, help="List only deployments of this version, by name or id."
)
@click.option("--created-by", metavar="me|ID", help="List only deployments that this actor created.")
@click.option("--since", type=TimeParameter(), help="List only deployments created since: 2h, 7d, or a time.")
@click.option("--until", type=TimeParameter(), help="List only deployments created before: 2h, 7d, or a time.")
@click.option("-w", "--watch", "watching", is_flag=True, help=WATCH_LIST_HELP)
@limit_options
@output_options
@api_command
async def list_(api: Api, printer: Printer, limit: int | None, watching: bool, **options: Any) -> None:
    """List deployments, the newest first."""
    filter_ = await _filter(api, options)
    read = partial(fetch_pages, api, queries.DEPLOYMENTS, limit, filter=filter_)
    if watching:
        await follow_list(
            api, printer, read, columns.DEPLOYMENTS, feed=queries.DEPLOYMENTS_CHANGED, variables={"filter": filter_}
        )
        return
    deployments, total = await read()
    none = "There is no deployment yet. Create one: boreas deploy --version VERSION --environment ENVIRONMENT"
    if any(options.values()):
        none = "No deployment matches. Remove an option, or list all: boreas deployment list --all"
    printer.list(deployments, columns.DEPLOYMENTS, id_of, none)
    note_limit(printer, len(deployments), total)


@click.command(epilog=SHOW_EPILOG)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("-w", "--watch", "watching", is_flag=True, help=WATCH_HELP)
@output_options
@api_command
async def show(api: Api, printer: Printer, deployment: str, watching: bool) -> int | None:
    """Show a deployment: its tasks, approvals and rollouts, and what it waits for."""
    id_ = await lookups.deployment_id(api, deployment)
    if watching:
        ended = await follow_object(
            api,
            printer,
            partial(_fetch, api, id_),
            _details,
            deployment_of=lambda shown: shown,
            has_ended=lambda shown: shown["status"] in ENDED,
        )
        return EXIT_STATUS.get(ended["status"])
    shown = await _fetch(api, id_)
    printer.object(shown, id_of, partial(_details, printer, shown))
    next_steps(printer, list(_next_steps(shown)))
    return None


async def _fetch(api: Api, id_: str) -> Data:
    deployment: Data | None = (await api.query(queries.DEPLOYMENT, id=id_))["deployment"]
    if deployment is None:
        raise lookups.deployment_not_found(id_)
    return deployment


def _details(printer: Printer, deployment: Data) -> None:
    printer.fields(_fields(printer, deployment))
    if deployment["rollouts"]:
        printer.title("Rollouts")
        printer.table(deployment["rollouts"], ROLLOUTS, indent=2)
    if deployment["approvals"]:
        approvals = columns.without(columns.APPROVALS, "VERSION", "ENVIRONMENT", "DEPLOYMENT")
        printer.title("Approvals")
        printer.table(deployment["approvals"], approvals, indent=2)
    printer.title("Tasks")
    printer.table(deployment["tasks"], columns.TASKS, indent=2)


def _fields(printer: Printer, deployment: Data) -> Iterator[tuple[str, str | Text | None]]:
    times, rollback, template = printer.times, deployment["rollback"], deployment["template"]
    attempt, revision = deployment["attempt"], deployment["workflow"]["revision"]
    override = deployment["freezeOverrideReason"]
    progress = f"  {deployment['progress']}%"
    yield "Deployment", deployment["id"]
    yield "Status", columns.deployment_status(deployment).append(progress, style="default")
    yield "Version", f"{deployment['version']['name']} ({deployment['version']['id']})"
    yield "Environment", deployment["environment"]["name"]
    yield "Applications", columns.names(deployment["applications"])
    yield "Strategy", _strategy(deployment["strategy"])
    yield "Template", f"{template['template']['name']}@{template['number']}" if template else None
    yield "Created", f"{times.exact_with_age(deployment['createdAt'])} by {deployment['createdBy']['name']}"
    yield "Started", times.exact_with_age(deployment["startedAt"])
    yield "Ended", times.exact_with_age(deployment["completedAt"])
    yield "Took", format_duration(deployment["duration"])
    yield "Attempt", str(attempt) if attempt > 1 else None
    yield "Revision", str(revision) if revision > 1 else None
    yield "Rolls back", deployment["rollbackOf"]["id"] if deployment["rollbackOf"] else None
    yield "Freeze", f"overridden: {override}" if override else None
    yield "Error", deployment["errorMessage"]
    if rollback:
        requester = rollback["requestedBy"]
        origin = "automatic" if rollback["automatic"] else f"by {requester['name'] if requester else ''}"
        yield "Rollback", status_text(rollback["status"]).append(f"  {origin}: {rollback['reason']}", style="default")
        yield "", rollback["errorMessage"]
    if deployment["status"] not in ENDED:
        yield "Waits for", blockers(deployment["gate"]["blockers"], times)


def _strategy(strategy: Data) -> str:
    steps = strategy["steps"]
    if strategy["kind"] == "CANARY":
        return "canary: " + ", ".join(f"{step['canaryRatio']:.0%}" for step in steps)
    size = steps[0]["batchSize"] if steps else 0
    kind = str(strategy["kind"]).lower().replace("_", "-")
    return f"{kind}, {size} at a time" if size else kind


def _next_steps(deployment: Data) -> Iterator[str]:
    """Yield the commands that are allowed now and likely to be useful."""
    id_, allowed = deployment["id"], deployment["viewerCan"]
    for task in deployment["tasks"]:
        if task["status"] == "FAILED":
            yield f"boreas task logs {id_}/{task['key']}"
    if deployment["status"] == "FAILED" and allowed["retry"]["allowed"]:
        yield f"boreas deployment retry {id_}"
    if deployment["status"] == "FAILED" and allowed["rollback"]["allowed"]:
        yield f"boreas deployment rollback {id_} --reason WHY"
    if allowed["approve"]["allowed"]:
        yield f"boreas approve {id_}"
    if allowed["start"]["allowed"]:
        yield f"boreas deployment start {id_}"
    if allowed["resume"]["allowed"]:
        yield f"boreas deployment resume {id_}"
    if deployment["status"] in ("RUNNING", "ROLLING_BACK"):
        yield f"boreas watch {id_}"
