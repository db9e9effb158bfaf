"""`boreas deployment`: what people do with deployments."""

import sys
from collections.abc import Awaitable, Callable

import click

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.follow import follow
from app.cli.nouns import queries
from app.cli.options import agreed, calls_api, confirms, prints
from app.cli.printer import Printer, by_id

SEVERAL = "DEPLOYMENT..."
REASON = "Why; it is kept and shown."


def _verb(name: str, document: str, about: str, done: str, then: str = "boreas watch {id}") -> click.Command:
    """Return a command that takes deployments, and does one mutation with each."""

    @click.command(name, help=about, epilog=f"\b\nExamples:\n  boreas deployment {name} dep_0a1b2c")
    @click.argument("deployments", metavar=SEVERAL, nargs=-1, required=True, shell_complete=completion.deployments)
    @prints
    @calls_api
    async def command(api: Api, printer: Printer, deployments: tuple[str, ...]) -> int:
        return await _each(api, printer, deployments, lambda id_: api.change(document, id=id_), done=done, then=then)

    return command


async def _each(
    api: Api,
    printer: Printer,
    texts: tuple[str, ...],
    change: Callable[[str], Awaitable[Data]],
    *,
    done: str,
    then: str,
) -> int:
    """Do the same with several deployments; what is refused is told at the end. Return the exit status."""
    refused: list[str] = []
    for text in texts:
        try:
            id_ = await lookups.deployment(api, text)
            payload = await change(id_)
        except ApiError as error:
            if len(texts) == 1:
                raise
            refused.append(f"{text}: {error.message}")
            continue
        tell(printer, payload["deployment"], done, then)
    for message in refused:
        printer.note(f"Error: {message}")
    return 2 if refused else 0


def tell(printer: Printer, found: Data, done: str, then: str) -> None:
    """Print a deployment after a change, and what comes next."""
    place = f"{found['version']['name']} to {found['environment']['name']}"
    printer.done(f"{done}: {found['id']} ({place}) is {found['status']}.", found, by_id)
    if then and not printer.is_data and found["status"] not in ("SUCCESS", "CANCELLED", "ROLLED_BACK"):
        printer.note(f"  {then.format(id=found['id'])}")


start = _verb("start", queries.START, "Start deployments that were made without starting.", "Started")
pause = _verb(
    "pause",
    queries.PAUSE,
    "Keep tasks from starting; those that run go on.",
    "Paused",
    "boreas deployment resume {id}",
)
resume = _verb("resume", queries.RESUME, "Let paused deployments go on.", "Goes on")
retry = _verb("retry", queries.RETRY, "Go on with failed deployments from what failed or never ran.", "Tried again")


@click.command(
    epilog="\b\nExamples:\n  boreas deployment cancel dep_0a1b2c --reason 'wrong version'\n"
    "  boreas deployment cancel dep_0a1b2c --force --yes"
)
@click.argument("deployments", metavar=SEVERAL, nargs=-1, required=True, shell_complete=completion.deployments)
@click.option("--reason", default="cancelled from the command line", help=REASON)
@click.option("--force", is_flag=True, help="Kill what runs instead of waiting for it to end.")
@confirms
@prints
@calls_api
async def cancel(
    api: Api, printer: Printer, *, deployments: tuple[str, ...], reason: str, force: bool, yes: bool
) -> int:
    """Cancel deployments: at once where nothing runs, else when what runs has ended."""
    await _asked(api, "Cancel", deployments, yes)

    async def change(id_: str) -> Data:
        return await api.change(queries.CANCEL, id=id_, reason=reason, force=force)

    return await _each(api, printer, deployments, change, done="Cancelled", then="boreas watch {id}")


@click.command(
    epilog="\b\nExamples:\n  boreas deployment rollback dep_0a1b2c --reason 'errors in checkout'\n"
    "  boreas deployment rollback dep_0a1b2c --reason 'payments are down' --override-freeze"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--reason", default="rolled back from the command line", help=REASON)
@click.option("--override-freeze", "force", is_flag=True, help="Also during a freeze. For ADMIN.")
@click.option("-f", "--follow", "following", is_flag=True, help="Show tasks and logs live until it ends.")
@confirms
@prints
@calls_api
async def rollback(
    api: Api, printer: Printer, *, deployment: str, reason: str, force: bool, following: bool, yes: bool
) -> int | None:
    """Take a deployment's applications back to the versions before.

    A failed deployment goes back itself. For a successful one a new deployment is made, of the version before.
    """
    await _asked(api, "Roll back", (deployment,), yes)
    id_ = await lookups.deployment(api, deployment)
    found = (await api.change(queries.ROLL_BACK, id=id_, reason=reason, force=force))["deployment"]
    if not following or not printer.is_data:
        done = "Rolling back" if found["id"] == id_ else "Rolled back by a new deployment"
        tell(printer, found, done, "" if following else "boreas watch {id}")
    if following:
        return await follow(api, [found["id"]], as_json=printer.is_data)
    return None


async def _asked(api: Api, what: str, texts: tuple[str, ...], yes: bool) -> None:
    """Have a person confirm, who sees what of. Raises ApiError."""
    if yes or not sys.stdin.isatty():
        return
    ids = [await lookups.deployment(api, text) for text in texts]
    found = [(await api.query(queries.TASKS, id=id_))["deployment"] for id_ in ids]
    lines = ", ".join(f"{each['id']} ({each['status']})" for each in found if each)
    agreed(f"{what} {lines}?", yes=yes)


@click.command(
    epilog="\b\nExamples:\n  boreas deployment promote dep_0a1b2c\n"
    "  boreas deployment promote dep_0a1b2c --application web --full"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--application", shell_complete=completion.applications, help="Whose rollout; default: all that wait.")
@click.option("--full", is_flag=True, help="Bring all that is left at once, without watching any of it.")
@prints
@calls_api
async def promote(api: Api, printer: Printer, deployment: str, application: str | None, full: bool) -> None:
    """End the wait of rollouts that watch a batch or a step."""
    id_ = await lookups.deployment(api, deployment)
    found = (await api.query(queries.ROLLOUTS, id=id_))["deployment"]
    if found is None:
        raise lookups.no_deployment(deployment)
    rollouts = found["rollouts"]
    if application is not None:
        known = {each["application"]["name"]: each["application"]["id"] for each in rollouts}
        wanted = lookups.pick("application of this deployment", application, known)
        rollouts = [each for each in rollouts if each["application"]["id"] == wanted]
    else:
        rollouts = [each for each in rollouts if each["task"]["viewerCan"]["promote"]["allowed"]] or rollouts[:1]
    if not rollouts:
        raise ApiError(f"Deployment {id_} has no rollout: it is {found['status']}. boreas deployment show {id_}")
    for each in rollouts:
        payload = await api.change(queries.PROMOTE, taskId=each["task"]["id"], full=full)
        tell(printer, payload["deployment"], f"Promoted {each['application']['name']}", "boreas watch {id}")
