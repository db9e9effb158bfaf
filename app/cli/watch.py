"""`boreas watch` and `boreas logs`: what happens, and what was printed."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import click

from app.cli import completion, lookups, queries
from app.cli.client import Api, ApiError, Data, address_options, api_of
from app.cli.follow import follow_to_exit
from app.cli.follow_output import COLOURS, local_time
from app.cli.options import uncoloured
from app.cli.terminal_text import json_text, printable

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
PAGE = 500
DEPLOYMENT = "dep_"
"""What ids of deployments begin with."""
PLAIN = "\x1b[0m"
WATCH_EPILOG = """\b
Examples:
  boreas watch dep_0a1b2c
  boreas watch dep_0a1b2c --no-logs
  boreas watch dep_0a1b2c --json | jq -r 'select(.type == "log") | .line.message'

\b
Exit status: 0 SUCCESS, 1 FAILED, 3 ROLLED_BACK, 4 CANCELLED, 2 refused, 130 no longer watched."""
LOGS_EPILOG = """\b
Examples:
  boreas logs dep_0a1b2c/user-service/build
  boreas logs dep_0a1b2c/user-service/build --follow --last 20
  boreas logs tsk_0a1b2c --level warn --contains timeout --timestamps
  boreas logs tsk_0a1b2c --raw | less -R
  boreas logs dep_0a1b2c -f"""


@click.command(epilog=WATCH_EPILOG)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--no-logs", is_flag=True, help="Only status changes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@uncoloured
@address_options
def watch(url: str, token: str | None, deployment: str, no_logs: bool, as_json: bool) -> None:
    """Show a deployment from its beginning until it ends."""
    api = api_of(url, token)
    sys.exit(follow_to_exit(api, [deployment], as_json=as_json, logs=not no_logs))


@click.command(epilog=LOGS_EPILOG)
@click.argument("task", shell_complete=completion.tasks)
@click.option("-f", "--follow", "following", is_flag=True, help="Go on live until the task has ended.")
@click.option(
    "--level",
    "levels",
    type=click.Choice(LEVELS, case_sensitive=False),
    multiple=True,
    help="This level and those above it; of several the lowest.",
)
@click.option("--contains", help="Only lines with this text, in any case.")
@click.option("--last", type=click.IntRange(1, PAGE), help="Of the stored lines only the last N.")
@click.option("--attempt", type=click.IntRange(1), help="Only this attempt.")
@click.option("--timestamps", is_flag=True, help="The time in front of each line.")
@click.option("--raw", is_flag=True, help="Keep the colours of lines also where no terminal shows them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@uncoloured
@address_options
def logs(url: str, token: str | None, task: str, **wanted: Any) -> None:
    """Show the log of a TASK: its id, or DEPLOYMENT/KEY such as dep_…/user-service/build.

    Of a DEPLOYMENT: the logs of all its tasks, in one order.
    """
    if task.startswith(DEPLOYMENT) and "/" not in task and wanted["last"]:
        raise click.UsageError("--last goes with the log of a task.")
    api = api_of(url, token)
    asyncio.run(_print(api, task, wanted))


async def _print(api: Api, task: str, wanted: Data) -> None:
    shown = _coloured if wanted["raw"] or (sys.stdout.isatty() and not os.environ.get("NO_COLOR")) else printable
    if task.startswith(DEPLOYMENT) and "/" not in task:
        lines = _all(api, task, wanted)
    else:
        id_ = await lookups.task(api, task)
        lines = _live(api, id_, wanted) if wanted["following"] else _stored(api, id_, wanted)
    async with aclosing(lines):
        async for line in lines:
            if wanted["as_json"]:
                click.echo(json_text(line))
            else:
                time = f"{local_time(line['timestamp'])} " if wanted["timestamps"] else ""
                key = f"{line['task']} | " if "task" in line else ""
                click.echo(f"{time}{printable(key)}{shown(line['message'])}", color=True)


def _coloured(text: str) -> str:
    """Return text that can colour a terminal, within itself, and not steer it otherwise."""
    colours = COLOURS.findall(text)
    parts = [printable(part) for part in COLOURS.split(text)]
    rest = "".join(colour + part for colour, part in zip(colours, parts[1:], strict=True))
    return parts[0] + rest + (PLAIN if colours else "")


def _levels(wanted: Data) -> list[str] | None:
    lowest = min((LEVELS.index(level.upper()) for level in wanted["levels"]), default=0)
    return list(LEVELS[lowest:]) if lowest else None


async def _page(api: Api, id_: str, wanted: Data, **part: Any) -> Data:
    variables = {"id": id_, "levels": _levels(wanted), "contains": wanted["contains"], "attempt": wanted["attempt"]}
    found = (await api.query(queries.LOG_PAGE, **variables, **part))["task"]
    if found is None:
        raise ApiError(f"There is no task “{id_}” that you may see.")
    page: Data = found["logs"]
    return page


async def _stored(api: Api, id_: str, wanted: Data) -> AsyncGenerator[Data, None]:
    """Yield what is stored, a page at a time: a log may be far larger than memory."""
    if wanted["last"]:
        for line in await _last(api, id_, wanted):
            yield line
        return
    part: Data = {}
    while True:
        page = await _page(api, id_, wanted, first=PAGE, **part)
        for line in page["nodes"]:
            yield line
        if not page["pageInfo"]["hasNextPage"]:
            return
        part = {"after": page["pageInfo"]["endCursor"]}


async def _last(api: Api, id_: str, wanted: Data) -> list[Data]:
    """Return the last lines. A filter may take several pages to find them in a long log."""
    found: list[Data] = []
    part: Data = {}
    while True:
        page = await _page(api, id_, wanted, last=wanted["last"] - len(found), **part)
        found = page["nodes"] + found
        if len(found) >= wanted["last"] or not page["pageInfo"]["hasPreviousPage"]:
            return found
        part = {"before": page["pageInfo"]["startCursor"]}


async def _all(api: Api, deployment: str, wanted: Data) -> AsyncGenerator[Data, None]:
    """Yield the lines of all tasks, in the one order of their deployment."""
    variables = {"deploymentId": deployment, "levels": _levels(wanted), "contains": wanted["contains"]}
    async with aclosing(api.subscribe(queries.ALL_LOGS, lambda cursor: variables | {"after": cursor})) as feed:
        async for batch in feed:
            for each in batch["lines"]:
                if wanted["attempt"] in (None, each["line"]["attempt"]):
                    yield {"task": each["task"]["key"], **each["line"]}
            if batch["caughtUp"] and not wanted["following"]:
                return


async def _live(api: Api, id_: str, wanted: Data) -> AsyncGenerator[Data, None]:
    variables = {"taskId": id_, "levels": _levels(wanted), "contains": wanted["contains"]}
    start = None
    if wanted["last"]:
        async for line in _stored(api, id_, wanted):
            start = line["cursor"]
            yield line
    async with aclosing(api.subscribe(queries.LOGS, lambda cursor: variables | {"after": cursor}, start)) as feed:
        async for batch in feed:
            for line in batch["lines"]:
                if wanted["attempt"] in (None, line["attempt"]):
                    yield line
