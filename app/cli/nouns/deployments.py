"""`boreas deployment`: lists, details and events of deployments."""

from collections.abc import Iterator, Set
from functools import partial
from typing import Any

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.follow import EXIT_STATUS
from app.cli.live_views import follow_list, follow_one
from app.cli.nouns import columns, queries
from app.cli.options import calls_api, lists, more, pages, prints
from app.cli.printer import Column, Printer, by_id, status
from app.cli.times import Moment, took

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


async def filter_of(api: Api, wanted: Data) -> Data | None:
    """Return the filter of a list of deployments. Raises ApiError."""
    version = (await lookups.version(api, wanted["version"]))["id"] if wanted["version"] else None
    given = {
        "statuses": list(wanted["statuses"]) or None,
        "environmentIds": await lookups.environments(api, wanted["environments"]) or None,
        "applicationIds": await lookups.applications(api, wanted["applications"]) or None,
        "versionId": version,
        "createdById": await lookups.actor(api, wanted["created_by"]) if wanted["created_by"] else None,
        "createdAfter": wanted["since"],
        "createdBefore": wanted["until"],
    }
    return {name: value for name, value in given.items() if value is not None} or None


@click.command("list", epilog=LIST_EPILOG)
@click.option(
    "--status",
    "statuses",
    type=click.Choice(columns.DEPLOYMENT_STATUSES, case_sensitive=False),
    multiple=True,
    help="Only with this status; may be repeated.",
)
@click.option(
    "--environment",
    "environments",
    multiple=True,
    shell_complete=completion.environments,
    help="Only to this one, by name or id; may be repeated.",
)
@click.option(
    "--application",
    "applications",
    multiple=True,
    shell_complete=completion.applications,
    help="Only of this one, by name or id; may be repeated.",
)
@click.option("--version", shell_complete=completion.versions, help="Only of this version, by name or id.")
@click.option("--created-by", metavar="me|ID", help="Only those that I, or somebody, made.")
@click.option("--since", type=Moment(), help="Only those made since then: 2h, 7d, or a time.")
@click.option("--until", type=Moment(), help="Only those made before then.")
@click.option("-w", "--watch", "watching", is_flag=True, help="Go on with every change, until Ctrl-C.")
@lists
@prints
@calls_api
async def list_(api: Api, printer: Printer, limit: int | None, watching: bool, **wanted: Any) -> None:
    """List deployments, the newest first."""
    where = await filter_of(api, wanted)
    read = partial(pages, api, queries.DEPLOYMENTS, limit, filter=where)
    if watching:
        await follow_list(
            api, printer, read, columns.DEPLOYMENTS, feed=queries.DEPLOYMENTS_CHANGED, variables={"filter": where}
        )
        return
    found, total = await read()
    printer.list(found, columns.DEPLOYMENTS, by_id, _none(wanted))
    more(printer, len(found), total)


def _none(wanted: Data) -> str:
    if any(value for name, value in wanted.items() if value):
        return "No deployment is like that. Leave an option out, or see all: boreas deployment list --all"
    return "There is no deployment yet. Make one: boreas deploy --version VERSION --environment ENVIRONMENT"


@click.command(epilog=SHOW_EPILOG)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("-w", "--watch", "watching", is_flag=True, help="Show it again with every change, until it ends.")
@prints
@calls_api
async def show(api: Api, printer: Printer, deployment: str, watching: bool) -> int | None:
    """Show a deployment: its tasks, approvals and rollouts, and what it waits for."""
    id_ = await lookups.deployment(api, deployment)
    if watching:
        is_over = partial(_is, columns.ENDED)
        found = await follow_one(api, printer, partial(read, api, id_), details, place=_itself, is_over=is_over)
        return EXIT_STATUS.get(found["status"])
    found = await read(api, id_)
    printer.one(found, by_id, partial(details, printer, found))
    columns.hints(printer, list(_next(found)))
    return None


def _itself(found: Data) -> Data:
    return found


def _is(statuses: Set[str], found: Data) -> bool:
    return found["status"] in statuses


async def read(api: Api, id_: str) -> Data:
    """Return a deployment with everything. Raises ApiError."""
    found: Data | None = (await api.query(queries.DEPLOYMENT, id=id_))["deployment"]
    if found is None:
        raise lookups.no_deployment(id_)
    return found


def details(printer: Printer, found: Data) -> None:
    """Print a deployment for people."""
    printer.fields(_fields(printer, found))
    if found["rollouts"]:
        printer.title("Rollouts")
        printer.table(found["rollouts"], ROLLOUTS, indent=2)
    if found["approvals"]:
        printer.title("Approvals")
        printer.table(found["approvals"], [each for each in columns.APPROVALS if each.title not in IMPLIED], indent=2)
    printer.title("Tasks")
    printer.table(found["tasks"], columns.TASKS, indent=2)


IMPLIED = frozenset({"VERSION", "ENVIRONMENT", "DEPLOYMENT"})
ROLLOUTS = (
    Column("APPLICATION", lambda one, times: one["application"]["name"]),
    Column("STEP", lambda one, times: str(one["stepIndex"] + 1)),
    Column("BATCH", lambda one, times: f"{one['batch']}/{one['batches']}"),
    Column("UPDATED", lambda one, times: f"{one['updated']}/{one['total']}"),
    Column("HEALTHY", lambda one, times: f"{one['healthy']}/{one['total']}"),
    Column("WEIGHT", lambda one, times: f"{one['weight']:.0%}"),
    Column("GOES ON", lambda one, times: times.exact(one["resumeAt"])),
)


def _fields(printer: Printer, found: Data) -> Iterator[tuple[str, str | Text | None]]:
    times, rollback, template = printer.times, found["rollback"], found["template"]
    yield "Deployment", found["id"]
    yield "Status", columns.deployment_status(found).append(f"  {found['progress']}%", style="default")
    yield "Version", f"{found['version']['name']} ({found['version']['id']})"
    yield "Environment", found["environment"]["name"]
    yield "Applications", columns.names(found["applications"])
    yield "Strategy", _strategy(found["strategy"])
    yield "Template", f"{template['template']['name']}@{template['number']}" if template else None
    yield "Created", f"{times.both(found['createdAt'])} by {found['createdBy']['name']}"
    yield "Started", times.both(found["startedAt"])
    yield "Ended", times.both(found["completedAt"])
    yield "Took", took(found["duration"])
    yield "Attempt", str(found["attempt"]) if found["attempt"] > 1 else None
    yield "Revision", str(found["workflow"]["revision"]) if found["workflow"]["revision"] > 1 else None
    yield "Rolls back", found["rollbackOf"]["id"] if found["rollbackOf"] else None
    yield "Freeze", f"overridden: {found['freezeOverrideReason']}" if found["freezeOverrideReason"] else None
    yield "Error", found["errorMessage"]
    if rollback:
        who = "automatic" if rollback["automatic"] else f"by {columns.named(rollback['requestedBy'])}"
        yield "Rollback", status(rollback["status"]).append(f"  {who}: {rollback['reason']}", style="default")
        yield "", rollback["errorMessage"]
    if found["status"] not in columns.ENDED:
        yield "Waits for", columns.blockers(found["gate"]["blockers"], times)


def _strategy(found: Data) -> str:
    steps = found["steps"]
    if found["kind"] == "CANARY":
        return "canary: " + ", ".join(f"{step['canaryRatio']:.0%}" for step in steps)
    size = steps[0]["batchSize"] if steps else 0
    kind = found["kind"].lower().replace("_", "-")
    return f"{kind}, {size} at a time" if size else kind


def _next(found: Data) -> Iterator[str]:
    """Yield commands that are allowed now and likely to be wanted."""
    id_, can = found["id"], found["viewerCan"]
    for task in found["tasks"]:
        if task["status"] == "FAILED":
            yield f"boreas task logs {id_}/{task['key']}"
    if found["status"] == "FAILED" and can["retry"]["allowed"]:
        yield f"boreas deployment retry {id_}"
    if found["status"] == "FAILED" and can["rollback"]["allowed"]:
        yield f"boreas deployment rollback {id_} --reason WHY"
    if can["approve"]["allowed"]:
        yield f"boreas approve {id_}"
    if can["start"]["allowed"]:
        yield f"boreas deployment start {id_}"
    if can["resume"]["allowed"]:
        yield f"boreas deployment resume {id_}"
    if found["status"] in ("RUNNING", "ROLLING_BACK"):
        yield f"boreas watch {id_}"


EVENTS = (
    Column("TIME", lambda one, times: times.second(one["at"])),
    Column("EVENT", lambda one, times: _event(one)),
    Column("BY", lambda one, times: columns.named(one["actor"])),
    Column("REASON", lambda one, times: one.get("reason") or one.get("comment") or one.get("summary") or ""),
)


def _event(one: Data) -> Text:
    match one["__typename"]:
        case "TaskStatusChanged":
            return status(one["taskStatus"]).append(f"  {one['task']['key']}", style="default")
        case "DeploymentStatusChanged":
            return status(one["deploymentStatus"]).append("  deployment", style="default")
        case "DeploymentPaused":
            return Text("paused" if one["paused"] else "resumed")
        case "ApprovalRequested":
            return status("ASKED").append(f"  {columns.subject(one['approval'])}", style="default")
        case "ApprovalDecided":
            verdict = "APPROVED" if one["verdict"] == "APPROVE" else "REJECTED" if one["actor"] else "EXPIRED"
            return status(verdict).append(f"  {columns.subject(one['approval'])}", style="default")
        case "WorkflowChanged":
            return Text(f"workflow edited, revision {one['revision']}")
        case "RolloutProgressed":
            rollout = one["rollout"]
            batch = f"batch {rollout['batch']}/{rollout['batches']}, {rollout['healthy']}/{rollout['total']} healthy"
            return Text(f"{rollout['task']['key']}: {batch}, weight {rollout['weight']:.0%}")
    return Text(one["__typename"])


@click.command(epilog="\b\nExamples:\n  boreas deployment events dep_0a1b2c --all\n  boreas watch dep_0a1b2c --no-logs")
@click.argument("deployment", shell_complete=completion.deployments)
@lists
@prints
@calls_api
async def events(api: Api, printer: Printer, deployment: str, limit: int | None) -> None:
    """List what happened to a deployment, the first first; live with boreas watch."""
    id_ = await lookups.deployment(api, deployment)
    found: list[Any] = []
    after, total = None, 0
    while True:
        first = 100 if limit is None else min(100, limit - len(found))
        page = (await api.query(queries.EVENTS, id=id_, first=first, after=after))["deployment"]
        if page is None:
            raise lookups.no_deployment(deployment)
        found += page["events"]["nodes"]
        total, after = page["events"]["totalCount"], page["events"]["pageInfo"]["endCursor"]
        if not page["events"]["pageInfo"]["hasNextPage"] or (limit is not None and len(found) >= limit):
            break
    printer.list(found, EVENTS, lambda one: one["cursor"], "Nothing has happened yet.")
    more(printer, len(found), total)
