"""`boreas freeze`: times in which no deployment of an environment starts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.nouns import graph_files, queries
from app.cli.nouns.columns import exact_time, field
from app.cli.options import api_command, confirm, output_options, yes_option
from app.cli.printer import Column, Printer, id_of
from app.cli.root import Group
from app.cli.times import SpanParameter, TimeFormat, TimeParameter

OVERRIDE = "boreas deploy … --override-freeze REASON"
WINDOWS = (
    Column("ID", field("id")),
    Column("ENVIRONMENT", field("environment", "name")),
    Column("NAME", field("name")),
    Column("STARTS", exact_time("startsAt")),
    Column("ENDS", exact_time("endsAt")),
    Column("REPEATS", field("recurrence")),
    Column("ZONE", field("timezone"), wide=True),
    Column("REASON", field("reason")),
)


def freeze_text(freeze: Data, times: TimeFormat) -> str:
    """Return whether an environment is frozen, and until when."""
    if freeze["frozen"]:
        until = f"until {times.exact(freeze['nextEnd'])}" if freeze["nextEnd"] else "without a known end"
        name = f" ({freeze['window']['name']})" if freeze["window"] else ""
        return f"frozen {until}{name}"
    return f"from {times.exact(freeze['nextStart'])}" if freeze["nextStart"] else ""


@click.group(
    cls=Group, epilog="\b\nExamples:\n  boreas freeze list\n  boreas freeze create production --for 2h --reason 'sale'"
)
def freeze() -> None:
    """Times in which no deployment of an environment starts: list, create, delete, override."""


@freeze.command("list", epilog="\b\nExamples:\n  boreas freeze list --environment production")
@click.option(
    "--environment",
    "environments",
    multiple=True,
    shell_complete=completion.environments,
    help="List only windows of this environment; repeatable.",
)
@output_options
@api_command
async def list_(api: Api, printer: Printer, environments: tuple[str, ...]) -> None:
    """List freeze windows, and the environments that are frozen now."""
    ids = await lookups.environment_ids(api, environments)
    fetched = (await api.query(queries.FREEZES))["environments"]
    shown = [environment for environment in fetched if not ids or environment["id"] in ids]
    printer.list(_windows_of(shown), WINDOWS, id_of, "There is no freeze window.")
    if not printer.is_data:
        for environment in shown:
            if environment["freeze"]["frozen"]:
                text = freeze_text(environment["freeze"], printer.times)
                printer.note(f"{environment['name']} is {text}. To start a deployment anyway: {OVERRIDE}")


@freeze.command(
    epilog="\b\nExamples:\n  boreas freeze create production --for 2h --reason 'sale'\n"
    "  boreas freeze create production --name weekend --from 2026-01-02T18:00 --to 2026-01-05T08:00 "
    "--recurrence 'FREQ=WEEKLY;BYDAY=FR' --timezone Europe/Berlin --reason 'nobody is here'"
)
@click.argument("environment", shell_complete=completion.environments)
@click.option("--name", default="freeze", show_default=True, help="The name of the window.")
@click.option("--reason", required=True, help="The reason; shown to people whose deployments wait.")
@click.option(
    "--from", "start", type=TimeParameter(ahead=True), help="Its start: a time, or 2h from now. Default: now."
)
@click.option("--to", "end", type=TimeParameter(ahead=True), help="Its end: a time, or 2h from now.")
@click.option("--for", "span", type=SpanParameter(), metavar="SPAN", help="Its length: 30m, 2h, 3d, 1w.")
@click.option("--recurrence", metavar="RRULE", help="An RFC 5545 rule, such as FREQ=WEEKLY;BYDAY=FR.")
@click.option(
    "--timezone",
    default="UTC",
    show_default=True,
    help="An IANA name; a recurring window keeps its local time in this zone.",
)
@output_options
@api_command
async def create(
    api: Api,
    printer: Printer,
    *,
    environment: str,
    start: str | None,
    end: str | None,
    span: timedelta | None,
    **options: Any,
) -> None:
    """Keep deployments of an environment from starting for some time; running ones continue."""
    if (end is None) == (span is None):
        raise click.UsageError("Name its end: either --to TIME or --for SPAN.")
    id_ = await lookups.environment_id(api, environment)
    starts_at = datetime.fromisoformat(start) if start else datetime.now(UTC).replace(microsecond=0)
    ends_at = end if span is None else (starts_at + span).isoformat()
    earlier_ids = {window["id"] for window in await _windows(api) if window["environment"]["id"] == id_}
    payload = await api.mutate(
        queries.CREATE_FREEZE, environmentId=id_, startsAt=starts_at.isoformat(), endsAt=ends_at, **options
    )
    changed = payload["environment"]
    windows = changed["freezeWindows"]
    window = next((candidate for candidate in windows if candidate["id"] not in earlier_ids), windows[-1])
    until = printer.times.exact(window["endsAt"])
    sentence = f"Freeze window “{window['name']}” ({window['id']}) freezes {changed['name']} until {until}."
    printer.result(sentence, window, id_of)


async def _windows(api: Api) -> list[Data]:
    return _windows_of((await api.query(queries.FREEZES))["environments"])


def _windows_of(environments: Sequence[Data]) -> list[Data]:
    """Return the windows of environments, each with its environment."""
    return [
        window | {"environment": {"id": environment["id"], "name": environment["name"]}}
        for environment in environments
        for window in environment["freezeWindows"]
    ]


@freeze.command(
    epilog="\b\nExamples:\n  boreas freeze delete frz_0a1b2c\n  boreas freeze delete weekend --environment production"
)
@click.argument("window")
@click.option(
    "--environment", shell_complete=completion.environments, help="Its environment, if WINDOW is not a unique name."
)
@yes_option
@output_options
@api_command
async def delete(api: Api, printer: Printer, window: str, environment: str | None, yes: bool) -> None:
    """Delete a freeze window, by id or name. Deployments that wait for its end then start."""
    environment_id = await lookups.environment_id(api, environment) if environment else None
    deleted = _find(await _windows(api), window, environment_id)
    title = f"“{deleted['name']}” of {deleted['environment']['name']}"
    confirm(f"Delete {title}? Deployments that wait for its end then start.", yes=yes)
    await api.mutate(queries.DELETE_FREEZE, id=deleted["id"])
    place = deleted["environment"]["name"]
    printer.result(f"Deleted: “{deleted['name']}” ({deleted['id']}) of {place}.", deleted, id_of)


def _find(windows: Sequence[Data], text: str, environment_id: str | None) -> Data:
    """Return the window of an id, its beginning, or a name (in an environment). Raises ApiError."""
    candidates = [window for window in windows if environment_id in (None, window["environment"]["id"])]
    matches = [window for window in candidates if text in (window["id"], window["name"])]
    matches = matches or [window for window in candidates if "_" in text and window["id"].startswith(text)]
    if len(matches) > 1:
        shown = "".join(f"\n  {match['id']}  {match['environment']['name']}" for match in matches)
        raise ApiError(f"There are {len(matches)} freeze windows “{text}”. Choose one by its id:{shown}")
    if not matches:
        names = [window["name"] for window in candidates]
        raise lookups.unknown_name("freeze window", text, names, "boreas freeze list")
    return matches[0]


@freeze.command(epilog="\b\nExamples:\n  boreas freeze override dep_0a1b2c --reason 'payments are down'")
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--reason", required=True, help="The reason; it is stored in the audit log. Requires ADMIN.")
@yes_option
@output_options
@api_command
async def override(api: Api, printer: Printer, deployment: str, reason: str, yes: bool) -> None:
    """Start a deployment although its environment is frozen.

    A deployment can override a freeze only when it is created. So this creates a copy that does, and cancels the
    waiting one. For a new deployment, use boreas deploy --override-freeze REASON.
    """
    id_ = await lookups.deployment_id(api, deployment)
    original = (await api.query(queries.DEPLOYMENT_INPUT, id=id_))["deployment"]
    if original is None:
        raise lookups.deployment_not_found(deployment)
    if "FREEZE" not in [blocker["kind"] for blocker in original["gate"]["blockers"]]:
        status = original["status"]
        raise ApiError(f"Deployment {id_} does not wait for a freeze; it is {status}. boreas deployment show {id_}")
    confirm(f"Start a copy of {id_} during the freeze, and cancel {id_}?", yes=yes)
    fields = await _copy_input(api, original)
    payload = await api.mutate(queries.CREATE, **fields, freezeOverrideReason=reason)
    copy = payload["deployments"][0]
    await api.mutate(queries.CANCEL, id=id_, reason=f"replaced by {copy['id']}, which overrides the freeze: {reason}")
    printer.result(f"Started: {copy['id']}. It replaces {id_}, which is cancelled.", copy, id_of)
    if not printer.is_data:
        printer.note(f"  boreas watch {copy['id']}")


async def _copy_input(api: Api, deployment: Data) -> Data:
    """Return the input for a copy of a deployment. It has tasks only if they are not the generated ones."""
    fields = {
        "versionId": deployment["versionId"],
        "environmentIds": [deployment["environmentId"]],
        "applicationIds": deployment["applicationIds"],
        "mustInOrder": deployment["mustInOrder"],
        "strategy": {
            "kind": deployment["strategy"]["kind"],
            "steps": [_step_input(step) for step in deployment["strategy"]["steps"]],
        },
        "manualApproval": deployment["manualApproval"],
    }
    revision = await graph_files.fetch_revision(api, deployment["id"], deployment["workflow"]["revision"])
    plan = (await api.query(queries.PLAN_GRAPH, input=fields))["deploymentPlan"]
    if plan["tasks"] != revision["tasks"]:
        tasks = graph_files.parse(graph_files.to_yaml(revision["tasks"]))
        fields["tasks"] = await graph_files.task_inputs(api, tasks)
    return fields


def _step_input(step: Data) -> Data:
    """Return a step without unset fields; false is a value of autoRollback."""
    return {name: value for name, value in step.items() if value} | {"autoRollback": step["autoRollback"]}
