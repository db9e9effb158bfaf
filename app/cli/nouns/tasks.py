"""`boreas task`: the tasks of deployments."""

import shlex
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import click
import yaml
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.live_views import follow_one
from app.cli.nouns import columns, queries
from app.cli.options import agreed, calls_api, confirms, prints
from app.cli.printer import Column, Printer, by_id, status
from app.cli.queries import APPROVE
from app.cli.root import Group
from app.cli.terminal_text import everywhere
from app.cli.times import took
from app.cli.watch import logs

SEVERAL = "TASK..."
OVER = frozenset({"SUCCESS", "FAILED", "SKIPPED", "CANCELLED", "ROLLED_BACK"})


@click.group(
    cls=Group, epilog="\b\nExamples:\n  boreas task list dep_0a1b2c\n  boreas task logs dep_0a1b2c/web/test -f"
)
def task() -> None:
    """The tasks of deployments: list, show, retry, skip, cancel, promote, confirm, logs.

    A TASK is its id, or DEPLOYMENT/KEY such as dep_0a1b2c/web/test.
    """


@task.command(
    "list", epilog="\b\nExamples:\n  boreas task list dep_0a1b2c --status FAILED\n  boreas task list dep_0a1b2c -o name"
)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option(
    "--status",
    "statuses",
    type=click.Choice(columns.TASK_STATUSES, case_sensitive=False),
    multiple=True,
    help="Only with this status; may be repeated.",
)
@click.option("-w", "--watch", "watching", is_flag=True, help="Show it again with every change, until it ends.")
@prints
@calls_api
async def list_(api: Api, printer: Printer, deployment: str, statuses: tuple[str, ...], watching: bool) -> None:
    """List the tasks of a deployment, in their order."""
    id_ = await lookups.deployment(api, deployment)

    async def read() -> Data:
        found: Data | None = (await api.query(queries.TASKS, id=id_))["deployment"]
        if found is None:
            raise lookups.no_deployment(deployment)
        wanted = [each for each in found["tasks"] if not statuses or each["status"] in statuses]
        return found | {"tasks": wanted}

    def table(on: Printer, found: Data) -> None:
        on.table(found["tasks"], columns.TASKS)

    if watching:
        await follow_one(
            api, printer, read, table, place=_itself, is_over=lambda found: found["status"] in columns.ENDED
        )
        return
    found = await read()
    none = f"No task of {id_} has that status." if statuses else f"Deployment {id_} has no task."
    printer.list(found["tasks"], columns.TASKS, by_id, none)


@task.command(epilog="\b\nExamples:\n  boreas task show dep_0a1b2c/web/test\n  boreas task show tsk_0a1b2c -o yaml")
@click.argument("task", shell_complete=completion.tasks)
@click.option("-w", "--watch", "watching", is_flag=True, help="Show it again with every change, until it ends.")
@prints
@calls_api
async def show(api: Api, printer: Printer, task: str, watching: bool) -> None:
    """Show a task: its command, its attempts, and what it waits for."""
    id_ = await lookups.task(api, task)
    if watching:
        read = partial(_read, api, id_)
        await follow_one(api, printer, read, _details, place=lambda found: found["deployment"], is_over=_is_over)
        return
    found = await _read(api, id_)
    printer.one(found, by_id, lambda: _details(printer, found))
    columns.hints(printer, list(_next(found)))


def _itself(found: Data) -> Data:
    return found


def _is_over(found: Data) -> bool:
    return found["status"] in OVER


async def _read(api: Api, id_: str) -> Data:
    found: Data | None = (await api.query(queries.TASK, id=id_))["task"]
    if found is None:
        raise ApiError(
            f"There is no task “{id_}” that you may see. boreas task list DEPLOYMENT shows those of a deployment."
        )
    return found


ATTEMPTS = (
    Column("ATTEMPT", lambda one, times: str(one["number"])),
    Column("STATUS", lambda one, times: status(one["status"])),
    Column("STARTED", lambda one, times: times(one["startedAt"])),
    Column("EXIT", lambda one, times: "" if one["exitCode"] is None else str(one["exitCode"])),
    Column("WORKER", lambda one, times: one["worker"] or ""),
    Column("MESSAGE", lambda one, times: one["errorMessage"] or ""),
)


def _details(printer: Printer, found: Data) -> None:
    printer.fields(_fields(printer, found))
    if found["attempts"]:
        printer.title("Attempts")
        printer.table(found["attempts"], ATTEMPTS, indent=2)


def _fields(printer: Printer, found: Data) -> Iterator[tuple[str, str | Text | None]]:
    times, place, command = printer.times, found["deployment"], found["command"]
    yield "Task", found["id"]
    yield "Key", found["key"]
    yield "Name", found["name"] if found["name"] != found["key"] else None
    yield "Type", found["type"]
    yield "Status", status(found["status"])
    yield (
        "Deployment",
        f"{place['id']} ({place['version']['name']} to {place['environment']['name']}, {place['status']})",
    )
    yield "Application", columns.named(found["application"])
    yield "Command", shlex.join(command["command"]) if command else None
    yield "Asks first", "yes" if found["requireConfirm"] else None
    yield (
        "Confirmed",
        f"{times.both(found['confirmedAt'])} by {columns.named(found['confirmedBy'])}"
        if found["confirmedAt"]
        else None,
    )
    yield "Started", times.both(found["startedAt"])
    yield "Ended", times.both(found["completedAt"])
    yield "Took", took(found["duration"])
    yield "Limits", f"{found['maxAttempts']} attempt(s) of {found['timeoutSeconds']} s"
    yield "Error", found["errorMessage"]
    yield "Result", _yaml(found["result"])
    yield "Payload", _yaml(found["payload"])
    yield "Waits for", columns.blockers(found["blockers"], times)


def _yaml(value: Any) -> str | None:
    if not value:
        return None
    text = yaml.safe_dump(everywhere(value), allow_unicode=True, sort_keys=False, width=100)
    return text.removesuffix("\n").removesuffix("\n...")


def _next(found: Data) -> Iterator[str]:
    place, can = f"{found['deployment']['id']}/{found['key']}", found["viewerCan"]
    if found["attempts"]:
        yield f"boreas task logs {place}"
    if can["retry"]["allowed"]:
        yield f"boreas task retry {place}"
    if found["status"] in ("FAILED", "WAITING_CONFIRM") and can["skip"]["allowed"]:
        yield f"boreas task skip {place} --reason WHY"
    if can["approve"]["allowed"]:
        yield f"boreas task confirm {place}"
    if can["promote"]["allowed"]:
        yield f"boreas task promote {place}"


async def _each(
    api: Api, printer: Printer, texts: tuple[str, ...], change: Callable[[str], Awaitable[Data]], done: str
) -> int:
    """Do the same with several tasks; what is refused is told at the end. Return the exit status."""
    refused: list[str] = []
    for text in texts:
        try:
            found = (await change(await lookups.task(api, text)))["task"]
        except ApiError as error:
            if len(texts) == 1:
                raise
            refused.append(f"{text}: {error.message}")
            continue
        printer.done(f"{done}: {found['key']} ({found['id']}) is {found['status']}.", found, by_id)
        if not printer.is_data:
            printer.note(f"  boreas watch {found['deployment']['id']}")
    for message in refused:
        printer.note(f"Error: {message}")
    return 2 if refused else 0


@task.command(epilog="\b\nExamples:\n  boreas task retry dep_0a1b2c/web/test")
@click.argument("tasks", metavar=SEVERAL, nargs=-1, required=True, shell_complete=completion.tasks)
@prints
@calls_api
async def retry(api: Api, printer: Printer, tasks: tuple[str, ...]) -> int:
    """Start failed tasks again, of a deployment that runs or has failed."""
    return await _each(api, printer, tasks, lambda id_: api.change(queries.RETRY_TASK, id=id_), "Tried again")


@task.command(epilog="\b\nExamples:\n  boreas task skip dep_0a1b2c/web/test --reason 'known to be flaky'")
@click.argument("tasks", metavar=SEVERAL, nargs=-1, required=True, shell_complete=completion.tasks)
@click.option("--reason", required=True, help="Why; it is kept and shown.")
@confirms
@prints
@calls_api
async def skip(api: Api, printer: Printer, tasks: tuple[str, ...], reason: str, yes: bool) -> int:
    """Leave out tasks that have not started or have failed; what waits for them goes on as if they had succeeded."""
    agreed(f"Skip {', '.join(tasks)}?", yes=yes)

    async def change(id_: str) -> Data:
        return await api.change(queries.SKIP_TASK, id=id_, reason=reason)

    return await _each(api, printer, tasks, change, "Skipped")


@task.command(epilog="\b\nExamples:\n  boreas task cancel dep_0a1b2c/web/test --reason 'hangs'")
@click.argument("tasks", metavar=SEVERAL, nargs=-1, required=True, shell_complete=completion.tasks)
@click.option("--reason", default="cancelled from the command line", help="Why; it is kept and shown.")
@click.option("--force", is_flag=True, help="Kill what runs instead of waiting for it to end.")
@confirms
@prints
@calls_api
async def cancel(api: Api, printer: Printer, *, tasks: tuple[str, ...], reason: str, force: bool, yes: bool) -> int:
    """End tasks, which counts as their failure."""
    agreed(f"Cancel {', '.join(tasks)}?", yes=yes)

    async def change(id_: str) -> Data:
        return await api.change(queries.CANCEL_TASK, id=id_, reason=reason, force=force)

    return await _each(api, printer, tasks, change, "Cancelled")


@task.command(
    epilog="\b\nExamples:\n  boreas task promote dep_0a1b2c/web/deploy\n"
    "  boreas task promote dep_0a1b2c/web/deploy --full"
)
@click.argument("task", shell_complete=completion.tasks)
@click.option("--full", is_flag=True, help="Bring all that is left at once, without watching any of it.")
@prints
@calls_api
async def promote(api: Api, printer: Printer, task: str, full: bool) -> None:
    """End the wait of the rollout of a deploy task."""
    id_ = await lookups.task(api, task)
    found = (await api.change(queries.PROMOTE, taskId=id_, full=full))["deployment"]
    printer.done(f"Promoted: {found['id']} is {found['status']}.", found, by_id)


@task.command(epilog="\b\nExamples:\n  boreas task confirm dep_0a1b2c/migrate --comment 'backup is there'")
@click.argument("task", shell_complete=completion.tasks)
@click.option("--comment", default="", help="Why; it is kept and shown.")
@prints
@calls_api
async def confirm(api: Api, printer: Printer, task: str, comment: str) -> None:
    """Approve what a task waits for: itself, or the next step of its rollout."""
    id_ = await lookups.task(api, task)
    found = (await api.query(queries.TASK_APPROVALS, id=id_))["task"]
    if found is None:
        raise ApiError(f"There is no task “{task}” that you may see.")
    pending = [
        each
        for each in found["deployment"]["approvals"]
        if each["status"] == "PENDING" and each["task"] and each["task"]["id"] == id_
    ]
    if not pending:
        raise ApiError(f"{found['key']} waits for nobody's approval. boreas task show {task} says what it waits for.")
    given = {"approvalIds": [each["id"] for each in pending], "comment": comment}
    done = (await api.change(APPROVE, **given))["approvals"]
    for each in done:
        printer.done(_confirmed(found["key"], each), each, by_id)


def _confirmed(key: str, approval: Data) -> str:
    left = f"; {approval['missing']} more needed" if approval["status"] == "PENDING" else ""
    return f"Confirmed{left}: {key}"


task.add_command(logs, "logs")
