"""`boreas freeze`: when no deployment of an environment starts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.nouns import graph_files, queries
from app.cli.options import agreed, calls_api, confirms, prints
from app.cli.printer import Column, Printer, by_id
from app.cli.root import Group
from app.cli.times import Moment, Times

OVERRIDE = "boreas deploy … --override-freeze REASON"
WINDOWS = (
    Column("ID", lambda one, times: one["id"]),
    Column("ENVIRONMENT", lambda one, times: one["environment"]["name"]),
    Column("NAME", lambda one, times: one["name"]),
    Column("STARTS", lambda one, times: times.exact(one["startsAt"])),
    Column("ENDS", lambda one, times: times.exact(one["endsAt"])),
    Column("REPEATS", lambda one, times: one["recurrence"] or ""),
    Column("ZONE", lambda one, times: one["timezone"], wide=True),
    Column("REASON", lambda one, times: one["reason"]),
)


def held(freeze: Data, times: Times) -> str:
    """Say whether an environment is frozen, and until when."""
    if freeze["frozen"]:
        until = f"until {times.exact(freeze['nextEnd'])}" if freeze["nextEnd"] else "without an end in sight"
        name = f" ({freeze['window']['name']})" if freeze["window"] else ""
        return f"frozen {until}{name}"
    return f"from {times.exact(freeze['nextStart'])}" if freeze["nextStart"] else ""


@click.group(
    cls=Group, epilog="\b\nExamples:\n  boreas freeze list\n  boreas freeze create production --for 2h --reason 'sale'"
)
def freeze() -> None:
    """When no deployment of an environment starts: list, create, delete, override."""


@freeze.command("list", epilog="\b\nExamples:\n  boreas freeze list --environment production")
@click.option(
    "--environment", "environments", multiple=True, shell_complete=completion.environments, help="Only of this one."
)
@prints
@calls_api
async def list_(api: Api, printer: Printer, environments: tuple[str, ...]) -> None:
    """List freeze windows, and say what is frozen now."""
    wanted = await lookups.environments(api, environments)
    found = (await api.query(queries.FREEZES))["environments"]
    found = [each for each in found if not wanted or each["id"] in wanted]
    printer.list(_windows_of(found), WINDOWS, by_id, "There is no freeze window.")
    if not printer.is_data:
        for each in found:
            if each["freeze"]["frozen"]:
                printer.note(
                    f"{each['name']} is {held(each['freeze'], printer.times)}. To start all the same: {OVERRIDE}"
                )


@freeze.command(
    epilog="\b\nExamples:\n  boreas freeze create production --for 2h --reason 'sale'\n"
    "  boreas freeze create production --name weekend --from 2026-01-02T18:00 --to 2026-01-05T08:00 "
    "--recurrence 'FREQ=WEEKLY;BYDAY=FR' --timezone Europe/Berlin --reason 'nobody is here'"
)
@click.argument("environment", shell_complete=completion.environments)
@click.option("--name", default="freeze", show_default=True, help="What it is called.")
@click.option("--reason", required=True, help="Shown to whom it holds up.")
@click.option("--from", "starts", type=Moment(ahead=True), help="When it begins: a time, or 2h from now. Default: now.")
@click.option("--to", "ends", type=Moment(ahead=True), help="When it ends: a time, or 2h from now.")
@click.option("--for", "span", metavar="SPAN", help="How long: 30m, 2h, 3d, 1w.")
@click.option("--recurrence", metavar="RRULE", help="An RFC 5545 rule, such as FREQ=WEEKLY;BYDAY=FR.")
@click.option(
    "--timezone", default="UTC", show_default=True, help="IANA; a recurring window keeps its wall time there."
)
@prints
@calls_api
async def create(
    api: Api,
    printer: Printer,
    *,
    environment: str,
    starts: str | None,
    ends: str | None,
    span: str | None,
    **given: Any,
) -> None:
    """Let no deployment of an environment start for some time; what runs goes on."""
    if (ends is None) == (span is None):
        raise click.UsageError("Say when it ends: --to TIME, or --for SPAN.")
    id_ = await lookups.environment(api, environment)
    begins = datetime.fromisoformat(starts) if starts else datetime.now(UTC).replace(microsecond=0)
    if span is not None:
        ends = (begins + _length(span)).isoformat()
    known = {each["id"] for each in (await _windows(api)) if each["environment"]["id"] == id_}
    payload = await api.change(
        queries.CREATE_FREEZE, environmentId=id_, startsAt=begins.isoformat(), endsAt=ends, **given
    )
    place = payload["environment"]
    made = next((each for each in place["freezeWindows"] if each["id"] not in known), place["freezeWindows"][-1])
    until = printer.times.exact(made["endsAt"])
    printer.done(f"Freeze window “{made['name']}” ({made['id']}) holds {place['name']} until {until}.", made, by_id)


def _length(span: str) -> timedelta:
    at = Moment(ahead=True).convert(span, None, None)
    now = datetime.now(UTC)
    return timedelta(seconds=round((datetime.fromisoformat(at) - now).total_seconds()))


async def _windows(api: Api) -> list[Data]:
    return _windows_of((await api.query(queries.FREEZES))["environments"])


def _windows_of(environments: Sequence[Data]) -> list[Data]:
    """Return the windows of environments, each with its place."""
    places = [{"id": each["id"], "name": each["name"]} for each in environments]
    pairs = zip(environments, places, strict=True)
    return [window | {"environment": place} for each, place in pairs for window in each["freezeWindows"]]


@freeze.command(
    epilog="\b\nExamples:\n  boreas freeze delete frz_0a1b2c\n  boreas freeze delete weekend --environment production"
)
@click.argument("window")
@click.option("--environment", shell_complete=completion.environments, help="Whose window it is, where it is named.")
@confirms
@prints
@calls_api
async def delete(api: Api, printer: Printer, window: str, environment: str | None, yes: bool) -> None:
    """Delete a freeze window, by id or name: what it holds up starts."""
    place = await lookups.environment(api, environment) if environment else None
    there = [each for each in await _windows(api) if place in (None, each["environment"]["id"])]
    found = [each for each in there if window in (each["id"], each["name"])]
    found = found or [each for each in there if "_" in window and each["id"].startswith(window)]
    if len(found) > 1:
        shown = "".join(f"\n  {each['id']}  {each['environment']['name']}" for each in found)
        raise ApiError(
            f"There are {len(found)} freeze windows “{window}”. Name the one that you mean by its id:{shown}"
        )
    if not found:
        raise lookups.unknown("freeze window", window, [each["name"] for each in there], "boreas freeze list")
    agreed(f"Delete “{found[0]['name']}” of {found[0]['environment']['name']}? What it holds up starts.", yes=yes)
    await api.change(queries.DELETE_FREEZE, id=found[0]["id"])
    printer.done(
        f"Deleted: “{found[0]['name']}” ({found[0]['id']}) of {found[0]['environment']['name']}.", found[0], by_id
    )


@freeze.command(epilog="\b\nExamples:\n  boreas freeze override dep_0a1b2c --reason 'payments are down'")
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--reason", required=True, help="Why; the audit log keeps it. For ADMIN.")
@confirms
@prints
@calls_api
async def override(api: Api, printer: Printer, deployment: str, reason: str, yes: bool) -> None:
    """Start what a deployment would do, although its environment is frozen.

    Whether freezes hold a deployment is said when it is made. So this makes one like it, and cancels the one that is
    held. A deployment that is yet to be made takes boreas deploy --override-freeze REASON.
    """
    id_ = await lookups.deployment(api, deployment)
    found = (await api.query(queries.DEPLOYMENT_INPUT, id=id_))["deployment"]
    if found is None:
        raise lookups.no_deployment(deployment)
    if "FREEZE" not in [each["kind"] for each in found["gate"]["blockers"]]:
        raise ApiError(f"No freeze holds deployment {id_}; it is {found['status']}. boreas deployment show {id_}")
    agreed(f"Start a deployment like {id_} during the freeze, and cancel that one?", yes=yes)
    given = await _like(api, found)
    made = (await api.change(queries.CREATE, **given, freezeOverrideReason=reason))["deployments"][0]
    await api.change(queries.CANCEL, id=id_, reason=f"replaced by {made['id']}, which overrides the freeze: {reason}")
    printer.done(f"Started: {made['id']}, in place of {id_}, which is cancelled.", made, by_id)
    if not printer.is_data:
        printer.note(f"  boreas watch {made['id']}")


async def _like(api: Api, found: Data) -> Data:
    """Return the input of a deployment like another: with its graph, where that is not the one that would be made."""
    given = {
        "versionId": found["versionId"],
        "environmentIds": [found["environmentId"]],
        "applicationIds": found["applicationIds"],
        "mustInOrder": found["mustInOrder"],
        "strategy": {
            "kind": found["strategy"]["kind"],
            "steps": [{name: value for name, value in step.items() if value} for step in found["strategy"]["steps"]],
        },
        "manualApproval": found["manualApproval"],
    }
    for step, known in zip(given["strategy"]["steps"], found["strategy"]["steps"], strict=True):
        step["autoRollback"] = known["autoRollback"]
    at = await graph_files.revision(api, found["id"], found["workflow"]["revision"])
    plan = (await api.query(queries.PLAN_GRAPH, input=given))["deploymentPlan"]
    if plan["tasks"] != at["tasks"]:
        given["tasks"] = await graph_files.inputs(api, graph_files.parsed(graph_files.text(at["tasks"])))
    return given
