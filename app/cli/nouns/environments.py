"""`boreas environment`: where versions are deployed to."""

from collections.abc import Iterator
from typing import Any

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.live_views import read_again
from app.cli.nouns import columns, queries
from app.cli.nouns.freezes import WINDOWS, held
from app.cli.options import agreed, calls_api, confirms, prints
from app.cli.printer import Column, Printer, by_name
from app.cli.root import Group

COLUMNS = (
    Column("NAME", lambda one, times: one["name"]),
    Column("RANK", lambda one, times: str(one["rank"])),
    Column("OPERATOR", lambda one, times: one["operator"]),
    Column("POOL", lambda one, times: one["workerPool"]),
    Column("APPROVALS", lambda one, times: _policy(one["approvalPolicy"]) or "none"),
    Column("FREEZE", lambda one, times: held(one["freeze"], times)),
    Column("BUILD POOL", lambda one, times: one["buildPool"] or "", wide=True),
    Column("AT ONCE", lambda one, times: str(one["maxConcurrentDeployments"]), wide=True),
    Column("ID", lambda one, times: one["id"], wide=True),
)


def _policy(found: Data | None) -> str | None:
    return f"{found['requiredApprovals']} of {'/'.join(found['approverRoles'])}" if found else None


@click.group(cls=Group, epilog="\b\nExamples:\n  boreas environment list\n  boreas environment show production")
def environment() -> None:
    """Where versions are deployed to: list, show, update, policy.

    boreas apply makes environments, from a file.
    """


@environment.command(
    "list", epilog="\b\nExamples:\n  boreas environment list -o wide\n  boreas environment list -o name"
)
@click.option("-w", "--watch", "watching", is_flag=True, help="Go on with what comes and changes, until Ctrl-C.")
@prints
@calls_api
async def list_(api: Api, printer: Printer, watching: bool) -> None:
    """List environments, in promotion order."""

    async def read() -> tuple[list[Any], int]:
        found = (await api.query(queries.ENVIRONMENTS))["environments"]
        return found, len(found)

    if watching:
        await read_again(printer, read, COLUMNS, by_name)
    found, _ = await read()
    none = "There is no environment yet. Declare one, and boreas apply --file FILE makes it."
    printer.list(found, COLUMNS, by_name, none)


@environment.command(
    epilog="\b\nExamples:\n  boreas environment show production\n  boreas environment show production -o json"
)
@click.argument("environment", shell_complete=completion.environments)
@prints
@calls_api
async def show(api: Api, printer: Printer, environment: str) -> None:
    """Show an environment: what runs there, who approves, and when it is frozen."""
    id_ = await lookups.environment(api, environment)
    found = (await api.query(queries.ENVIRONMENT, id=id_))["environment"]
    if found is None:
        raise ApiError(f"There is no environment “{environment}” that you may see.")
    printer.one(found, by_name, lambda: _details(printer, found))


def _details(printer: Printer, found: Data) -> None:
    printer.fields(_fields(printer, found))
    if found["freezeWindows"]:
        printer.title("Freeze windows")
        printer.table([each | {"environment": found} for each in found["freezeWindows"]], WINDOWS, indent=2)
    printer.title("Runs")
    if found["releases"]:
        printer.table(found["releases"], [each for each in columns.RELEASES if each.title != "ENVIRONMENT"], indent=2)
    else:
        printer.line("Nothing yet.", indent=2)


def _fields(printer: Printer, found: Data) -> Iterator[tuple[str, str | Text | None]]:
    policy, cluster = found["approvalPolicy"], found["kubernetes"]
    yield "Environment", found["name"]
    yield "Id", found["id"]
    yield "Rank", str(found["rank"])
    yield "Operator", found["operator"]
    yield "Cluster", f"{cluster['context'] or 'of the workers'}, namespace {cluster['namespace']}" if cluster else None
    yield "Worker pool", found["workerPool"]
    yield "Build pool", found["buildPool"]
    yield "At once", f"{found['maxConcurrentDeployments']} deployments"
    yield "Approvals", _policy(policy) or "only where a deployment asks for them"
    if policy:
        late = f"after {policy['timeoutSeconds']} s: {policy['onTimeout']}" if policy["timeoutSeconds"] else None
        yield "Unanswered", late
        yield "Self-approval", "allowed" if policy["allowSelfApproval"] else "not allowed"
    yield "Freeze", held(found["freeze"], printer.times)


@environment.command(epilog="\b\nExamples:\n  boreas environment update production --max-concurrent 3 --rank 2")
@click.argument("environment", shell_complete=completion.environments)
@click.option("--rank", type=int, help="Its place in the promotion order.")
@click.option("--worker-pool", help="Which workers serve it.")
@click.option("--build-pool", help="Which workers run PREPARE, BUILD and TEST tasks; empty: the same as for the rest.")
@click.option("--max-concurrent", type=click.IntRange(1), help="How many deployments run at once.")
@prints
@calls_api
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
    """Change an environment. What is left out stays."""
    given: Data = {"rank": rank, "workerPool": worker_pool, "maxConcurrentDeployments": max_concurrent}
    given = {name: value for name, value in given.items() if value is not None}
    if build_pool is not None:
        given["buildPool"] = build_pool or None
    if not given:
        raise click.UsageError("Say what to change: --rank, --worker-pool, --build-pool or --max-concurrent.")
    id_ = await lookups.environment(api, environment)
    found = (await api.change(queries.UPDATE_ENVIRONMENT, id=id_, **given))["environment"]
    printer.done(f"Changed: {found['name']} ({found['id']})", found, by_name)


@environment.command(
    epilog="\b\nExamples:\n  boreas environment policy production --required 2 --role APPROVER\n"
    "  boreas environment policy production --required 0"
)
@click.argument("environment", shell_complete=completion.environments)
@click.option("--required", type=click.IntRange(0), required=True, help="How many people; 0 takes the policy away.")
@click.option(
    "--role",
    "roles",
    type=click.Choice(("DEPLOYER", "APPROVER", "ADMIN"), case_sensitive=False),
    multiple=True,
    help="Who may approve; may be repeated. Default: APPROVER and ADMIN.",
)
@click.option("--allow-self-approval", is_flag=True, help="Also whoever started or edited it.")
@click.option("--trust-builds", is_flag=True, help="Builds and tests of any graph may run before.")
@click.option("--timeout", type=click.IntRange(1), metavar="SECONDS", help="When a request expires.")
@click.option(
    "--on-timeout", type=click.Choice(("REJECT", "CANCEL"), case_sensitive=False), default="REJECT", show_default=True
)
@confirms
@prints
@calls_api
async def policy(api: Api, printer: Printer, environment: str, yes: bool, **given: Any) -> None:
    """Say what deployments to an environment take. What was asked for already keeps the policy it was asked with."""
    id_ = await lookups.environment(api, environment)
    if given["required"] == 0:
        agreed(f"Take the approval policy of {environment} away? Deployments then start unasked.", yes=yes)
    fields: Data = {
        "environmentId": id_,
        "requiredApprovals": given["required"],
        "allowSelfApproval": given["allow_self_approval"],
        "trustBuilds": given["trust_builds"],
        "timeoutSeconds": given["timeout"],
        "onTimeout": given["on_timeout"],
    }
    if given["roles"]:
        fields["approverRoles"] = list(given["roles"])
    found = (await api.change(queries.SET_POLICY, **fields))["environment"]
    told = _policy(found["approvalPolicy"]) or "none"
    printer.done(f"Approvals of {found['name']}: {told}", found, by_name)
