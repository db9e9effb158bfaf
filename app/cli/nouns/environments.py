"""`boreas environment`: where versions are deployed to."""

from collections.abc import Iterator
from typing import Any

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.live_views import poll_list
from app.cli.nouns import columns, queries
from app.cli.nouns.columns import field
from app.cli.nouns.details import WATCH_LIST_HELP, empty_list, fetch
from app.cli.nouns.freezes import WINDOWS, freeze_text
from app.cli.options import api_command, confirm, output_options, yes_option
from app.cli.printer import Column, Printer, name_of
from app.cli.root import Group

COLUMNS = (
    Column("NAME", field("name")),
    Column("RANK", field("rank")),
    Column("OPERATOR", field("operator")),
    Column("POOL", field("workerPool")),
    Column("APPROVALS", lambda environment, times: _policy(environment["approvalPolicy"]) or "none"),
    Column("FREEZE", lambda environment, times: freeze_text(environment["freeze"], times)),
    Column("BUILD POOL", field("buildPool"), wide=True),
    Column("AT ONCE", field("maxConcurrentDeployments"), wide=True),
    Column("ID", field("id"), wide=True),
)


def _policy(policy: Data | None) -> str | None:
    return f"{policy['requiredApprovals']} of {'/'.join(policy['approverRoles'])}" if policy else None


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas environment list\n  boreas environment show production")
def environment() -> None:
    """Where versions are deployed to: list, show, update, policy.

    boreas apply creates environments, from a file.
    """


@environment.command(
    "list", epilog="\b\nExamples:\n  boreas environment list -o wide\n  boreas environment list -o name"
)
@click.option("-w", "--watch", "watching", is_flag=True, help=WATCH_LIST_HELP)
@output_options
@api_command
async def list_(api: Api, printer: Printer, watching: bool) -> None:
    """List environments, in promotion order."""

    async def read() -> tuple[list[Any], int]:
        environments = (await api.query(queries.ENVIRONMENTS))["environments"]
        return environments, len(environments)

    if watching:
        await poll_list(printer, read, COLUMNS, name_of)
    environments, _ = await read()
    printer.list(environments, COLUMNS, name_of, empty_list("environment"))


@environment.command(
    epilog="\b\nExamples:\n  boreas environment show production\n  boreas environment show production -o json"
)
@click.argument("environment", shell_complete=completion.environments)
@output_options
@api_command
async def show(api: Api, printer: Printer, environment: str) -> None:
    """Show an environment: what runs there, who approves, and when it is frozen."""
    id_ = await lookups.environment_id(api, environment)
    shown = await fetch(api, "environment", environment, queries.ENVIRONMENT, id_)
    printer.object(shown, name_of, lambda: _details(printer, shown))


def _details(printer: Printer, environment: Data) -> None:
    printer.fields(_fields(printer, environment))
    if environment["freezeWindows"]:
        windows = [window | {"environment": environment} for window in environment["freezeWindows"]]
        printer.title("Freeze windows")
        printer.table(windows, WINDOWS, indent=2)
    releases = columns.without(columns.RELEASES, "ENVIRONMENT")
    printer.section("Runs", environment["releases"], releases, "Nothing yet.")


def _fields(printer: Printer, environment: Data) -> Iterator[tuple[str, str | Text | None]]:
    policy, cluster = environment["approvalPolicy"], environment["kubernetes"]
    yield "Environment", environment["name"]
    yield "Id", environment["id"]
    yield "Rank", str(environment["rank"])
    yield "Operator", environment["operator"]
    yield "Cluster", f"{cluster['context'] or 'of the workers'}, namespace {cluster['namespace']}" if cluster else None
    yield "Worker pool", environment["workerPool"]
    yield "Build pool", environment["buildPool"]
    yield "At once", f"{environment['maxConcurrentDeployments']} deployments"
    yield "Approvals", _policy(policy) or "only where a deployment asks for them"
    if policy:
        timeout = f"after {policy['timeoutSeconds']} s: {policy['onTimeout']}" if policy["timeoutSeconds"] else None
        yield "Unanswered", timeout
        yield "Self-approval", "allowed" if policy["allowSelfApproval"] else "not allowed"
    yield "Freeze", freeze_text(environment["freeze"], printer.times)


@environment.command(epilog="\b\nExamples:\n  boreas environment update production --max-concurrent 3 --rank 2")
@click.argument("environment", shell_complete=completion.environments)
@click.option("--rank", type=int, help="Its position in the promotion order.")
@click.option("--worker-pool", help="The worker pool that serves it.")
@click.option("--build-pool", help="The worker pool for PREPARE, BUILD and TEST tasks; empty: the same as for others.")
@click.option("--max-concurrent", type=click.IntRange(1), help="The maximum number of concurrent deployments.")
@output_options
@api_command
async def update(
    api: Api,
    printer: Printer,
    *,
    environment: str,
    rank: int | None,
    worker_pool: str | None,
    build_pool: str | None,
    max_concurrent: int | None,
) -> None:
    """Change an environment. Options that are not given stay unchanged."""
    options = {"rank": rank, "workerPool": worker_pool, "maxConcurrentDeployments": max_concurrent}
    fields: Data = {name: value for name, value in options.items() if value is not None}
    if build_pool is not None:
        fields["buildPool"] = build_pool or None
    if not fields:
        raise click.UsageError("Name a change: --rank, --worker-pool, --build-pool or --max-concurrent.")
    id_ = await lookups.environment_id(api, environment)
    changed = (await api.mutate(queries.UPDATE_ENVIRONMENT, id=id_, **fields))["environment"]
    printer.result(f"Changed: {changed['name']} ({changed['id']})", changed, name_of)


@environment.command(
    epilog="\b\nExamples:\n  boreas environment policy production --required 2 --role APPROVER\n"
    "  boreas environment policy production --required 0"
)
@click.argument("environment", shell_complete=completion.environments)
@click.option(
    "--required", type=click.IntRange(0), required=True, help="The number of required approvals; 0 removes the policy."
)
@click.option(
    "--role",
    "roles",
    type=click.Choice(("DEPLOYER", "APPROVER", "ADMIN"), case_sensitive=False),
    multiple=True,
    help="A role that may approve; repeatable. Default: APPROVER and ADMIN.",
)
@click.option("--allow-self-approval", is_flag=True, help="Let the creator and editors of a deployment approve it.")
@click.option("--trust-builds", is_flag=True, help="Let builds and tests of every graph run before the approval.")
@click.option("--timeout", type=click.IntRange(1), metavar="SECONDS", help="How long until an approval expires.")
@click.option(
    "--on-timeout",
    type=click.Choice(("REJECT", "CANCEL"), case_sensitive=False),
    default="REJECT",
    show_default=True,
    help="What an expired approval does to its deployment.",
)
@yes_option
@output_options
@api_command
async def policy(api: Api, printer: Printer, environment: str, yes: bool, **options: Any) -> None:
    """Set the approval policy of an environment. Approvals that were requested earlier keep their policy."""
    id_ = await lookups.environment_id(api, environment)
    if options["required"] == 0:
        confirm(f"Remove the approval policy of {environment}? Deployments then start without approval.", yes=yes)
    fields: Data = {
        "environmentId": id_,
        "requiredApprovals": options["required"],
        "allowSelfApproval": options["allow_self_approval"],
        "trustBuilds": options["trust_builds"],
        "timeoutSeconds": options["timeout"],
        "onTimeout": options["on_timeout"],
    }
    if options["roles"]:
        fields["approverRoles"] = list(options["roles"])
    changed = (await api.mutate(queries.SET_POLICY, **fields))["environment"]
    printer.result(f"Approvals of {changed['name']}: {_policy(changed['approvalPolicy']) or 'none'}", changed, name_of)
