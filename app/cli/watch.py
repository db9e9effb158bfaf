"""`boreas watch` and `boreas logs`: what happens, and what was printed."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import click

from app import settings
from app.cli import documents
from app.cli.client import Api, ApiError, Data, address_options, api_of
from app.cli.following import follow_to_exit
from app.cli.output import local_time, printable

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
PAGE = 500


@click.command()
@click.argument("deployment")
@click.option("--no-logs", is_flag=True, help="Only status changes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@address_options
def watch(url: str, token: str | None, deployment: str, no_logs: bool, as_json: bool) -> None:
    """Show a deployment from its beginning until it ends.

    Exit status: 0 SUCCESS, 1 FAILED, 3 ROLLED_BACK, 4 CANCELLED.
    """
    api = api_of(url, token, settings.read().data_dir)
    sys.exit(follow_to_exit(api, [deployment], as_json=as_json, logs=not no_logs))


@click.command()
@click.argument("task")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on live until the task has ended.")
@click.option("--level", type=click.Choice(LEVELS, case_sensitive=False), help="This level and those above it.")
@click.option("--contains", help="Only lines with this text, in any case.")
@click.option("--last", type=click.IntRange(1, PAGE), help="Only the last N stored lines.")
@click.option("--attempt", type=click.IntRange(1), help="Only this attempt.")
@click.option("--timestamps", is_flag=True, help="The time in front of each line.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@address_options
def logs(url: str, token: str | None, task: str, **wanted: Any) -> None:
    """Show the log of a TASK: its id, or DEPLOYMENT/KEY such as dep_…/user-service/build."""
    if wanted["following"] and (wanted["attempt"] or wanted["last"]):
        raise click.UsageError("--follow shows every attempt from the beginning: leave --last and --attempt out.")
    api = api_of(url, token, settings.read().data_dir)
    with suppress(KeyboardInterrupt):
        asyncio.run(_print(api, task, wanted))


async def _print(api: Api, task: str, wanted: Data) -> None:
    id_ = await _task_id(api, task)
    lines = _live(api, id_, wanted) if wanted["following"] else _stored(api, id_, wanted)
    async for line in lines:
        if wanted["as_json"]:
            click.echo(json.dumps(line, ensure_ascii=False))
        else:
            time = f"{local_time(line['timestamp'])} " if wanted["timestamps"] else ""
            click.echo(f"{time}{printable(line['message'])}")


async def _task_id(api: Api, task: str) -> str:
    deployment, slash, key = task.partition("/")
    if not slash:
        return task
    found = (await api.query(documents.TASKS, id=deployment))["deployment"]
    if found is None:
        raise ApiError(f"There is no deployment “{deployment}” that you may see.")
    ids = {each["key"]: each["id"] for each in found["tasks"]}
    if key not in ids:
        raise ApiError(f"The deployment has no task “{key}”. It has: {', '.join(list(ids)[:20])}")
    return str(ids[key])


def _levels(wanted: Data) -> list[str] | None:
    level = wanted["level"]
    return list(LEVELS[LEVELS.index(level.upper()) :]) if level else None


async def _stored(api: Api, id_: str, wanted: Data) -> AsyncIterator[Data]:
    """Yield what is stored, a page at a time: a log may be far larger than memory."""
    variables = {"id": id_, "levels": _levels(wanted), "contains": wanted["contains"], "attempt": wanted["attempt"]}
    part: Data = {"last": wanted["last"]} if wanted["last"] else {"first": PAGE}
    while True:
        found = (await api.query(documents.LOG_PAGE, **variables, **part))["task"]
        if found is None:
            raise ApiError(f"There is no task “{id_}” that you may see.")
        for line in found["logs"]["nodes"]:
            yield line
        page = found["logs"]["pageInfo"]
        if wanted["last"] or not page["hasNextPage"]:
            return
        part = {"first": PAGE, "after": page["endCursor"]}


async def _live(api: Api, id_: str, wanted: Data) -> AsyncIterator[Data]:
    variables = {"taskId": id_, "levels": _levels(wanted), "contains": wanted["contains"]}
    async for batch in api.subscribe(documents.LOGS, lambda cursor: variables | {"after": cursor}):
        for line in batch["lines"]:
            yield line
