"""`boreas task`: the tasks of deployments."""

import shlex
from collections.abc import Iterator
from functools import partial
from typing import Any

import click
import yaml
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.live_views import follow_object
from app.cli.logs import logs
from app.cli.nouns import columns, queries, task_actions
from app.cli.nouns.columns import field, status, time
from app.cli.nouns.details import (
    ENDED,
    TASK_STATUSES,
    WATCH_HELP,
    blockers,
    deployment_of,
    next_steps,
    not_found,
)
from app.cli.options import api_command, output_options
from app.cli.printer import Column, Printer, id_of
from app.cli.queries import APPROVE
from app.cli.root import Group
from app.cli.status_styles import status_text
from app.cli.terminal_text import printable_value
from app.cli.times import format_duration

ENDED_TASK = ENDED | {"SKIPPED"}
ATTEMPTS = (
    Column("ATTEMPT", field("number")),
    Column("STATUS", status),
    Column("STARTED", time("startedAt")),
    Column("EXIT", field("exitCode")),
    Column("WORKER", field("worker")),
    Column("MESSAGE", field("errorMessage")),
)


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
    type=click.Choice(TASK_STATUSES, case_sensitive=False),
    multiple=True,
    help="List only tasks with this status; repeatable.",
)
@click.option("-w", "--watch", "watching", is_flag=True, help=WATCH_HELP)
@output_options
@api_command
async def list_(api: Api, printer: Printer, deployment: str, statuses: tuple[str, ...], watching: bool) -> None:
    """List the tasks of a deployment, in their order."""
    id_ = await lookups.deployment_id(api, deployment)

    async def read() -> Data:
        fetched: Data | None = (await api.query(queries.TASKS, id=id_))["deployment"]
        if fetched is None:
            raise lookups.deployment_not_found(deployment)
        shown = [task for task in fetched["tasks"] if not statuses or task["status"] in statuses]
        return fetched | {"tasks": shown}

    def table(live_printer: Printer, fetched: Data) -> None:
        live_printer.table(fetched["tasks"], columns.TASKS)

    if watching:
        await follow_object(
            api,
            printer,
            read,
            table,
            deployment_of=lambda fetched: fetched,
            has_ended=lambda fetched: fetched["status"] in ENDED,
        )
        return
    tasks = (await read())["tasks"]
    none = f"No task of {id_} has that status." if statuses else f"Deployment {id_} has no task."
    printer.list(tasks, columns.TASKS, id_of, none)


@task.command(epilog="\b\nExamples:\n  boreas task show dep_0a1b2c/web/test\n  boreas task show tsk_0a1b2c -o yaml")
@click.argument("task", shell_complete=completion.tasks)
@click.option("-w", "--watch", "watching", is_flag=True, help=WATCH_HELP)
@output_options
@api_command
async def show(api: Api, printer: Printer, task: str, watching: bool) -> None:
    """Show a task: its command, its attempts, and what it waits for."""
    id_ = await lookups.task_id(api, task)
    if watching:
        await follow_object(
            api,
            printer,
            partial(_fetch, api, id_),
            _details,
            deployment_of=lambda shown: shown["deployment"],
            has_ended=lambda shown: shown["status"] in ENDED_TASK,
        )
        return
    shown = await _fetch(api, id_)
    printer.object(shown, id_of, lambda: _details(printer, shown))
    next_steps(printer, list(_next_steps(shown)))


async def _fetch(api: Api, id_: str) -> Data:
    fetched: Data | None = (await api.query(queries.TASK, id=id_))["task"]
    if fetched is None:
        raise not_found("task", id_, "boreas task list DEPLOYMENT shows those of a deployment.")
    return fetched


def _details(printer: Printer, task: Data) -> None:
    printer.fields(_fields(printer, task))
    if task["attempts"]:
        printer.title("Attempts")
        printer.table(task["attempts"], ATTEMPTS, indent=2)


def _fields(printer: Printer, task: Data) -> Iterator[tuple[str, str | Text | None]]:
    times, command, confirmed_by = printer.times, task["command"], task["confirmedBy"]
    confirmed = f"{times.exact_with_age(task['confirmedAt'])} by {confirmed_by['name'] if confirmed_by else ''}"
    yield "Task", task["id"]
    yield "Key", task["key"]
    yield "Name", task["name"] if task["name"] != task["key"] else None
    yield "Type", task["type"]
    yield "Status", status_text(task["status"])
    yield "Deployment", deployment_of(task)
    yield "Application", task["application"]["name"] if task["application"] else None
    yield "Command", shlex.join(command["command"]) if command else None
    yield "Asks first", "yes" if task["requireConfirm"] else None
    yield "Confirmed", confirmed if task["confirmedAt"] else None
    yield "Started", times.exact_with_age(task["startedAt"])
    yield "Ended", times.exact_with_age(task["completedAt"])
    yield "Took", format_duration(task["duration"])
    yield "Limits", f"{task['maxAttempts']} attempt(s) of {task['timeoutSeconds']} s"
    yield "Error", task["errorMessage"]
    yield "Result", _yaml(task["result"])
    yield "Payload", _yaml(task["payload"])
    yield "Waits for", blockers(task["blockers"], times)


def _yaml(value: Any) -> str | None:
    if not value:
        return None
    text = yaml.safe_dump(printable_value(value), allow_unicode=True, sort_keys=False, width=100)
    return text.removesuffix("\n").removesuffix("\n...")


def _next_steps(task: Data) -> Iterator[str]:
    name, allowed = f"{task['deployment']['id']}/{task['key']}", task["viewerCan"]
    if task["attempts"]:
        yield f"boreas task logs {name}"
    if allowed["retry"]["allowed"]:
        yield f"boreas task retry {name}"
    if task["status"] in ("FAILED", "WAITING_CONFIRM") and allowed["skip"]["allowed"]:
        yield f"boreas task skip {name} --reason WHY"
    if allowed["approve"]["allowed"]:
        yield f"boreas task confirm {name}"
    if allowed["promote"]["allowed"]:
        yield f"boreas task promote {name}"


@click.command(epilog="\b\nExamples:\n  boreas task confirm dep_0a1b2c/migrate --comment 'backup is there'")
@click.argument("task", shell_complete=completion.tasks)
@click.option("--comment", default="", help="The reason; it is stored and shown.")
@output_options
@api_command
async def confirm(api: Api, printer: Printer, task: str, comment: str) -> None:
    """Give the approval that a task waits for: for itself, or for the next step of its rollout."""
    id_ = await lookups.task_id(api, task)
    fetched = (await api.query(queries.TASK_APPROVALS, id=id_))["task"]
    if fetched is None:
        raise not_found("task", task)
    pending = [
        approval
        for approval in fetched["deployment"]["approvals"]
        if approval["status"] == "PENDING" and approval["task"] and approval["task"]["id"] == id_
    ]
    key = fetched["key"]
    if not pending:
        raise ApiError(f"{key} waits for no approval. See what it waits for: boreas task show {task}")
    fields = {"approvalIds": [approval["id"] for approval in pending], "comment": comment}
    for approval in (await api.mutate(APPROVE, **fields))["approvals"]:
        missing = f"; {approval['missing']} more needed" if approval["status"] == "PENDING" else ""
        printer.result(f"Confirmed{missing}: {key}", approval, id_of)


for _command in (task_actions.retry, task_actions.skip, task_actions.cancel, task_actions.promote, confirm, logs):
    task.add_command(_command)
