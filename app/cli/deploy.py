"""`boreas deploy`: makes deployments from names, and follows them."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from app.cli import completion, lookups, queries
from app.cli.client import Api, ApiError, Data, address_options, api_of
from app.cli.follow import follow_to_exit
from app.cli.options import prints
from app.cli.printer import Printer, by_id
from app.cli.strategies import METAVAR, StrategyType, strategy_of
from app.cli.terminal_text import echo, json_text

Command = Callable[..., Any]
EPILOG = """\b
Examples:
  boreas deploy --version v1.2.5 --environment staging --follow
  boreas deploy --version v7 --environment production --order users,orders --batch-size 1 --batch-interval 30
  boreas deploy --version v7 --environment production --strategy canary:10,50,100 --batch-interval 300 --follow
  boreas deploy --version v7 --environment staging --template nightly@3 --param region=eu
  boreas watch $(boreas deploy --version v7 --environment staging -o name)

\b
Exit status with --follow: 0 SUCCESS, 1 FAILED, 3 ROLLED_BACK, 4 CANCELLED, 2 refused, 130 no longer watched."""


def describes_deployment(command: Command) -> Command:
    """Add the options that say what is deployed where, and how."""
    for option in reversed(
        (
            click.option(
                "--version",
                required=True,
                shell_complete=completion.versions,
                help="The name of the version, or its id.",
            ),
            click.option(
                "--environment",
                "environments",
                required=True,
                multiple=True,
                shell_complete=completion.environments,
                help="Where to; may be repeated.",
            ),
            click.option(
                "--application",
                "applications",
                multiple=True,
                shell_complete=completion.applications,
                help="Which ones; default: all that the version has.",
            ),
            click.option("--order", default="", help="Applications, by comma, that are deployed one after another."),
            click.option(
                "--template",
                shell_complete=completion.templates,
                help="NAME or NAME@NUMBER: a template's graph instead of the generated one.",
            ),
            click.option(
                "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="For the template; may be repeated."
            ),
            click.option(
                "--strategy", type=StrategyType(), default="rolling", metavar=METAVAR, help="How instances are changed."
            ),
            click.option(
                "--batch-size", type=click.IntRange(0), default=0, help="Instances at a time; 0: all at once."
            ),
            click.option(
                "--batch-interval", type=click.IntRange(0), default=0, help="Seconds to watch each batch, step or set."
            ),
            click.option("--no-auto-rollback", is_flag=True, help="Leave things as they are when it fails."),
            click.option("--approval", is_flag=True, help="Ask people before the first deploy task."),
            click.option("--restart", is_flag=True, help="Replace pods also where they run the image already."),
            click.option("--override-freeze", metavar="REASON", help="Start also during a freeze, and why. For ADMIN."),
        )
    ):
        command = option(command)
    return command


@click.command(epilog=EPILOG)
@describes_deployment
@click.option("--no-start", is_flag=True, help="Make it, and leave it PENDING.")
@click.option("-f", "--follow", "following", is_flag=True, help="Show tasks and logs live until it ends.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@prints
@address_options
def deploy(url: str, token: str | None, *, following: bool, as_json: bool, printer: Printer, **wanted: Any) -> None:
    """Deploy a version to one or more environments."""
    wanted = checked(wanted)
    if following and wanted["no_start"]:
        raise click.UsageError("With --no-start there is nothing to follow yet: leave --follow out.")
    api = api_of(url, token)
    made = asyncio.run(_create(api, wanted))
    ids = [deployment["id"] for deployment in made]
    if following:
        sys.exit(follow_to_exit(api, ids, as_json=as_json or printer.format == "json"))
    if printer.is_data and not as_json:
        printer.list(made, (), by_id, "")
        return
    for deployment in made:
        if as_json:
            click.echo(json_text(deployment))
        else:
            echo(f"{deployment['id']}  {deployment['status']}  {deployment['environment']['name']}")
    if not as_json:
        for id_ in ids:
            echo(f"Watch it: boreas watch {id_}", err=True)


def checked(wanted: Data) -> Data:
    """Return the options with parameters by their names. Raises UsageError."""
    if wanted["parameters"] and not wanted["template"]:
        raise click.UsageError("--param goes with --template.")
    return wanted | {"parameters": _parameters(wanted["parameters"])}


async def _create(api: Api, wanted: Data) -> list[Data]:
    given = await input_of(api, wanted)
    payload = await api.change(queries.CREATE_DEPLOYMENT, **given, autoStart=not wanted["no_start"])
    made: list[Data] = payload["deployments"]
    return made


async def input_of(api: Api, wanted: Data) -> Data:
    """Return the input that makes, or plans, what the options say. Raises ApiError."""
    version = await lookups.version(api, wanted["version"], wanted["applications"])
    held = {artifact["application"]["name"]: artifact["application"]["id"] for artifact in version["artifacts"]}
    environments = (await api.query(queries.ENVIRONMENTS))["environments"]
    known = {environment["name"]: environment["id"] for environment in environments}
    ids = [lookups.pick("environment", name, known, "boreas environment list") for name in wanted["environments"]]
    guarded = [each["name"] for each in environments if each["approvalPolicy"] and each["id"] in ids]
    order = [name.strip() for name in wanted["order"].split(",") if name.strip()]
    return {
        "versionId": version["id"],
        "environmentIds": ids,
        "applicationIds": [lookups.pick("application", name, held) for name in wanted["applications"]] or None,
        "mustInOrder": [lookups.pick("application", name, held) for name in order],
        "templateVersionId": await _template(api, wanted["template"], guarded),
        "parameters": wanted["parameters"] or None,
        "strategy": strategy_of(wanted),
        "manualApproval": wanted["approval"],
        "freezeOverrideReason": wanted["override_freeze"],
        "restart": wanted["restart"],
    }


def _parameters(given: Sequence[str]) -> dict[str, str]:
    """Return values by their names. Raises UsageError."""
    for text in given:
        if not text.partition("=")[1]:
            raise click.UsageError(f"--param takes NAME=VALUE, not “{text}”.")
    return {name: value for name, _, value in (text.partition("=") for text in given)}


async def _template(api: Api, wanted: str | None, guarded: Sequence[str]) -> str | None:
    """Return the id of a template's latest version, or of the one that is named. Raises ApiError.

    To `guarded` environments, which have an approval policy, goes only a version that is named: the latest one may be
    somebody's who came after it was looked at.
    """
    if wanted is None:
        return None
    name, _, number = wanted.rpartition("@") if wanted.rpartition("@")[2].isdecimal() else (wanted, "", "")
    known = (await api.query(queries.TEMPLATE, name=name))["workflowTemplate"]
    if known is None:
        found = (await api.query(queries.TEMPLATES))["workflowTemplates"]["nodes"]
        raise lookups.unknown("template", name, [each["name"] for each in found], "boreas template list")
    versions = {str(version["number"]): version["id"] for version in known["versionsConnection"]["nodes"]}
    if guarded and not number:
        raise ApiError(
            f"{guarded[0]} has an approval policy: name the version of the template that you mean. "
            f"The latest one is --template {name}@{list(versions)[-1]}"
        )
    return lookups.pick(f"version of {name}", number.lstrip("0") or list(versions)[-1], versions)
