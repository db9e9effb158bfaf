"""`boreas deploy`: creates deployments from names, and follows them."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from app.cli import completion, lookups, queries
from app.cli.api_options import address_options, api_of
from app.cli.client import Api, ApiError, Data
from app.cli.follow import follow_to_exit
from app.cli.options import output_options
from app.cli.printer import Printer, id_of
from app.cli.strategies import METAVAR, StrategyParameter, strategy_input
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
Exit status with --follow: 0 SUCCESS, 1 FAILED, 3 ROLLED_BACK, 4 CANCELLED, 2 refused, 130 interrupted."""
OPTIONS = (
    click.option(
        "--version", required=True, shell_complete=completion.versions, help="The version to deploy: its name or id."
    ),
    click.option(
        "--environment",
        "environments",
        required=True,
        multiple=True,
        shell_complete=completion.environments,
        help="The environment to deploy to; repeatable.",
    ),
    click.option(
        "--application",
        "applications",
        multiple=True,
        shell_complete=completion.applications,
        help="An application to deploy; repeatable. Default: all of the version.",
    ),
    click.option("--order", default="", help="Applications to deploy one after another, separated by commas."),
    click.option(
        "--template",
        shell_complete=completion.templates,
        help="NAME or NAME@NUMBER: use the graph of a template instead of a generated one.",
    ),
    click.option(
        "--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the template; repeatable."
    ),
    click.option(
        "--strategy", type=StrategyParameter(), default="rolling", metavar=METAVAR, help="How instances are replaced."
    ),
    click.option("--batch-size", type=click.IntRange(0), default=0, help="Instances per batch; 0: all at once."),
    click.option(
        "--batch-interval",
        type=click.IntRange(0),
        default=0,
        help="How many seconds to watch each batch, canary step or new set.",
    ),
    click.option("--no-auto-rollback", is_flag=True, help="Do not roll back when the deployment fails."),
    click.option("--approval", is_flag=True, help="Require an approval before the first deploy task."),
    click.option("--restart", is_flag=True, help="Replace pods that run the image already, too."),
    click.option(
        "--override-freeze", metavar="REASON", help="Start during a freeze, for the given reason. Requires ADMIN."
    ),
)


def deployment_options(command: Command) -> Command:
    """Add the options that say what is deployed, where and how."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command(epilog=EPILOG)
@deployment_options
@click.option("--no-start", is_flag=True, help="Create the deployment and leave it PENDING.")
@click.option("-f", "--follow", "following", is_flag=True, help="Print events and logs until it ends.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@output_options
@address_options
def deploy(url: str, token: str | None, *, following: bool, as_json: bool, printer: Printer, **options: Any) -> None:
    """Deploy a version to one or more environments."""
    options = with_parameters(options)
    if following and options["no_start"]:
        raise click.UsageError("--follow and --no-start exclude each other: nothing runs yet.")
    api = api_of(url, token)
    deployments = asyncio.run(_create(api, options))
    ids = [deployment["id"] for deployment in deployments]
    if following:
        sys.exit(follow_to_exit(api, ids, as_json=as_json or printer.format == "json"))
    if printer.is_data and not as_json:
        printer.list(deployments, (), id_of, "")
        return
    for deployment in deployments:
        if as_json:
            click.echo(json_text(deployment))
        else:
            echo(f"{deployment['id']}  {deployment['status']}  {deployment['environment']['name']}")
    if not as_json:
        for id_ in ids:
            echo(f"To watch it: boreas watch {id_}", err=True)


def with_parameters(options: Data) -> Data:
    """Return the options with the template's parameters by name. Raises UsageError."""
    if options["parameters"] and not options["template"]:
        raise click.UsageError("--param requires --template.")
    return options | {"parameters": _parameters(options["parameters"])}


async def _create(api: Api, options: Data) -> list[Data]:
    fields = await deployment_input(api, options)
    payload = await api.mutate(queries.CREATE_DEPLOYMENT, **fields, autoStart=not options["no_start"])
    deployments: list[Data] = payload["deployments"]
    return deployments


async def deployment_input(api: Api, options: Data) -> Data:
    """Return the input that creates, or plans, the deployment of the options. Raises ApiError."""
    version = await lookups.version(api, options["version"], options["applications"])
    applications = {artifact["application"]["name"]: artifact["application"]["id"] for artifact in version["artifacts"]}
    environments = (await api.query(queries.ENVIRONMENTS))["environments"]
    environment_ids = {environment["name"]: environment["id"] for environment in environments}
    ids = [
        lookups.resolve("environment", name, environment_ids, "boreas environment list")
        for name in options["environments"]
    ]
    with_policy = [
        environment["name"]
        for environment in environments
        if environment["approvalPolicy"] and environment["id"] in ids
    ]
    order = [name.strip() for name in options["order"].split(",") if name.strip()]
    return {
        "versionId": version["id"],
        "environmentIds": ids,
        "applicationIds": [lookups.resolve("application", name, applications) for name in options["applications"]]
        or None,
        "mustInOrder": [lookups.resolve("application", name, applications) for name in order],
        "templateVersionId": await _template_version(api, options["template"], with_policy),
        "parameters": options["parameters"] or None,
        "strategy": strategy_input(options),
        "manualApproval": options["approval"],
        "freezeOverrideReason": options["override_freeze"],
        "restart": options["restart"],
    }


def _parameters(texts: Sequence[str]) -> dict[str, str]:
    """Return the values by name. Raises UsageError."""
    for text in texts:
        if "=" not in text:
            raise click.UsageError(f"--param takes NAME=VALUE, not “{text}”.")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


async def _template_version(api: Api, text: str | None, with_policy: Sequence[str]) -> str | None:
    """Return the id of a template's version: the given one, or the latest. Raises ApiError.

    For environments with an approval policy the version must be given: the latest may be newer than what was reviewed.
    """
    if text is None:
        return None
    name, _, number = text.rpartition("@") if text.rpartition("@")[2].isdecimal() else (text, "", "")
    template = (await api.query(queries.TEMPLATE, name=name))["workflowTemplate"]
    if template is None:
        nodes = (await api.query(queries.TEMPLATES))["workflowTemplates"]["nodes"]
        raise lookups.unknown_name("template", name, [node["name"] for node in nodes], "boreas template list")
    ids = {str(version["number"]): version["id"] for version in template["versionsConnection"]["nodes"]}
    latest = list(ids)[-1]
    if with_policy and not number:
        raise ApiError(
            f"{with_policy[0]} has an approval policy, so name the version of the template. "
            f"The latest one is --template {name}@{latest}"
        )
    return lookups.resolve(f"version of {name}", number.lstrip("0") or latest, ids)
