"""`boreas deployment`: start, pause, resume, retry, cancel, rollback and promote."""

import sys
from collections.abc import Awaitable, Callable

import click

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.follow import follow
from app.cli.nouns import queries
from app.cli.nouns.details import REASON_HELP
from app.cli.nouns.each import change_each
from app.cli.options import api_command, confirm, output_options, yes_option
from app.cli.printer import Printer, id_of

DEPLOYMENTS = "DEPLOYMENT..."
WATCH = "boreas watch {id}"


def _command(name: str, document: str, help_: str, participle: str, next_step: str = WATCH) -> click.Command:
    """Return a command that runs one mutation for each of its deployments."""

    @click.command(name, help=help_, epilog=f"\b\nExamples:\n  boreas deployment {name} dep_0a1b2c")
    @click.argument("deployments", metavar=DEPLOYMENTS, nargs=-1, required=True, shell_complete=completion.deployments)
    @output_options
    @api_command
    async def command(api: Api, printer: Printer, deployments: tuple[str, ...]) -> int:
        async def mutate(id_: str) -> Data:
            return await api.mutate(document, id=id_)

        return await _change_deployments(api, printer, deployments, mutate, participle=participle, next_step=next_step)

    return command


async def _change_deployments(
    api: Api,
    printer: Printer,
    texts: tuple[str, ...],
    mutate: Callable[[str], Awaitable[Data]],
    *,
    participle: str,
    next_step: str,
) -> int:
    """Change several deployments, and print each. Return the exit status."""

    async def change(text: str) -> None:
        payload = await mutate(await lookups.deployment_id(api, text))
        _print_changed(printer, payload["deployment"], participle, next_step)

    return await change_each(printer, texts, change)


def _print_changed(printer: Printer, deployment: Data, participle: str, next_step: str) -> None:
    """Print a deployment after a change, and the command that may follow."""
    place = f"{deployment['version']['name']} to {deployment['environment']['name']}"
    sentence = f"{participle}: {deployment['id']} ({place}) is {deployment['status']}."
    printer.result(sentence, deployment, id_of)
    if next_step and not printer.is_data and deployment["status"] not in ("SUCCESS", "CANCELLED", "ROLLED_BACK"):
        printer.note(f"  {next_step.format(id=deployment['id'])}")


start = _command("start", queries.START, "Start deployments that were created without starting.", "Started")
pause = _command(
    "pause",
    queries.PAUSE,
    "Pause deployments: no task starts; running tasks continue.",
    "Paused",
    "boreas deployment resume {id}",
)
resume = _command("resume", queries.RESUME, "Resume paused deployments.", "Resumed")
retry = _command(
    "retry", queries.RETRY, "Retry failed deployments, from the tasks that failed or never ran.", "Retried"
)


@click.command(
    epilog="\b\nExamples:\n  boreas deployment cancel dep_0a1b2c --reason 'wrong version'\n"
    "  boreas deployment cancel dep_0a1b2c --force --yes"
)
@click.argument("deployments", metavar=DEPLOYMENTS, nargs=-1, required=True, shell_complete=completion.deployments)
@click.option("--reason", default="cancelled from the command line", help=REASON_HELP)
@click.option("--force", is_flag=True, help="Kill running commands instead of waiting for them to end.")
@yes_option
@output_options
@api_command
async def cancel(
    api: Api, printer: Printer, *, deployments: tuple[str, ...], reason: str, force: bool, yes: bool
) -> int:
    """Cancel deployments: at once if nothing runs, otherwise when running tasks have ended."""
    await _confirm(api, "Cancel", deployments, yes)

    async def mutate(id_: str) -> Data:
        return await api.mutate(queries.CANCEL, id=id_, reason=reason, force=force)

    return await _change_deployments(api, printer, deployments, mutate, participle="Cancelled", next_step=WATCH)


@click.command(
    epilog="\b\nExamples:\n  boreas deployment rollback dep_0a1b2c --reason 'errors in checkout'\n"
    "  boreas deployment rollback dep_0a1b2c --reason 'payments are down' --override-freeze"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--reason", default="rolled back from the command line", help=REASON_HELP)
@click.option("--override-freeze", "force", is_flag=True, help="Roll back during a freeze, too. Requires ADMIN.")
@click.option("-f", "--follow", "following", is_flag=True, help="Print events and logs until it ends.")
@yes_option
@output_options
@api_command
async def rollback(
    api: Api, printer: Printer, *, deployment: str, reason: str, force: bool, following: bool, yes: bool
) -> int | None:
    """Roll a deployment's applications back to their previous versions.

    A failed deployment is rolled back itself. For a successful one, a new deployment of the previous version is
    created.
    """
    await _confirm(api, "Roll back", (deployment,), yes)
    id_ = await lookups.deployment_id(api, deployment)
    changed = (await api.mutate(queries.ROLL_BACK, id=id_, reason=reason, force=force))["deployment"]
    if not following or not printer.is_data:
        participle = "Rolling back" if changed["id"] == id_ else "Rolled back by a new deployment"
        _print_changed(printer, changed, participle, "" if following else WATCH)
    if following:
        return await follow(api, [changed["id"]], as_json=printer.is_data)
    return None


async def _confirm(api: Api, verb: str, texts: tuple[str, ...], yes: bool) -> None:
    """Ask for confirmation on a terminal, with each status. Raises ApiError if the answer is no."""
    if yes or not sys.stdin.isatty():
        return
    ids = [await lookups.deployment_id(api, text) for text in texts]
    deployments = [(await api.query(queries.TASKS, id=id_))["deployment"] for id_ in ids]
    names = ", ".join(f"{deployment['id']} ({deployment['status']})" for deployment in deployments if deployment)
    confirm(f"{verb} {names}?", yes=yes)


@click.command(
    epilog="\b\nExamples:\n  boreas deployment promote dep_0a1b2c\n"
    "  boreas deployment promote dep_0a1b2c --application web --full"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option(
    "--application",
    shell_complete=completion.applications,
    help="The application whose rollout to promote. Default: all that wait.",
)
@click.option("--full", is_flag=True, help="Deploy all remaining instances at once, without watching them.")
@output_options
@api_command
async def promote(api: Api, printer: Printer, deployment: str, application: str | None, full: bool) -> None:
    """Let rollouts continue that are watching a batch or a step."""
    id_ = await lookups.deployment_id(api, deployment)
    fetched = (await api.query(queries.ROLLOUTS, id=id_))["deployment"]
    if fetched is None:
        raise lookups.deployment_not_found(deployment)
    rollouts = _promotable(fetched["rollouts"], application)
    if not rollouts:
        raise ApiError(f"Deployment {id_} has no rollout; it is {fetched['status']}. boreas deployment show {id_}")
    for rollout in rollouts:
        payload = await api.mutate(queries.PROMOTE, taskId=rollout["task"]["id"], full=full)
        _print_changed(printer, payload["deployment"], f"Promoted {rollout['application']['name']}", WATCH)


def _promotable(rollouts: list[Data], application: str | None) -> list[Data]:
    """Return the application's rollout; by default those that wait, else one, whose refusal says why."""
    if application is None:
        return [rollout for rollout in rollouts if rollout["task"]["viewerCan"]["promote"]["allowed"]] or rollouts[:1]
    ids = {rollout["application"]["name"]: rollout["application"]["id"] for rollout in rollouts}
    id_ = lookups.resolve("application of this deployment", application, ids)
    return [rollout for rollout in rollouts if rollout["application"]["id"] == id_]
