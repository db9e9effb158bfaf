"""`boreas logs`: the stored and the live log of a task, or of all tasks of a deployment."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import click

from app.cli import completion, lookups, queries
from app.cli.api_options import address_options, api_of
from app.cli.client import Api, ApiError, Data
from app.cli.options import color_option
from app.cli.terminal_text import json_text, printable
from app.cli.times import local_time_of_day

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
PAGE = 500
COLORS = re.compile("\x1b\\[[0-9;:]*m")
RESET = "\x1b[0m"
EPILOG = """\b
Examples:
  boreas logs dep_0a1b2c/user-service/build
  boreas logs dep_0a1b2c/user-service/build --follow --last 20
  boreas logs tsk_0a1b2c --level warn --contains timeout --timestamps
  boreas logs tsk_0a1b2c --raw | less -R
  boreas logs dep_0a1b2c -f"""


@click.command(epilog=EPILOG)
@click.argument("task", shell_complete=completion.tasks)
@click.option("-f", "--follow", "following", is_flag=True, help="Print new lines until the task has ended.")
@click.option(
    "--level",
    "levels",
    type=click.Choice(LEVELS, case_sensitive=False),
    multiple=True,
    help="Print lines of this level and above. If repeated, the lowest level counts.",
)
@click.option("--contains", help="Print only lines that contain this text, in upper or lower case.")
@click.option("--last", type=click.IntRange(1, PAGE), help="Print only the last N stored lines.")
@click.option("--attempt", type=click.IntRange(1), help="Print only lines of this attempt.")
@click.option("--timestamps", is_flag=True, help="Print the time before each line.")
@click.option("--raw", is_flag=True, help="Keep the colours of lines when the output is not a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@color_option
@address_options
def logs(url: str, token: str | None, task: str, **options: Any) -> None:
    """Print the log of a TASK: its id, or DEPLOYMENT/KEY such as dep_…/user-service/build.

    For a DEPLOYMENT, print the logs of all its tasks in one order.
    """
    if _is_deployment(task) and options["last"]:
        raise click.UsageError("--last works only for the log of a task.")
    api = api_of(url, token)
    asyncio.run(_print(api, task, options))


def _is_deployment(text: str) -> bool:
    return text.startswith("dep_") and "/" not in text


async def _print(api: Api, text: str, options: Data) -> None:
    keeps_colors = options["raw"] or (sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    format_message = _colored if keeps_colors else printable
    async with aclosing(await _lines(api, text, options)) as lines:
        async for line in lines:
            if options["as_json"]:
                click.echo(json_text(line))
            else:
                time = f"{local_time_of_day(line['timestamp'])} " if options["timestamps"] else ""
                key = f"{line['task']} | " if "task" in line else ""
                click.echo(f"{time}{printable(key)}{format_message(line['message'])}", color=True)


async def _lines(api: Api, text: str, options: Data) -> AsyncGenerator[Data, None]:
    if _is_deployment(text):
        return _deployment_lines(api, text, options)
    id_ = await lookups.task_id(api, text)
    return _live_lines(api, id_, options) if options["following"] else _stored_lines(api, id_, options)


def _colored(text: str) -> str:
    """Return a text that keeps its colours, but cannot control a terminal otherwise."""
    colors = COLORS.findall(text)
    parts = [printable(part) for part in COLORS.split(text)]
    rest = "".join(color + part for color, part in zip(colors, parts[1:], strict=True))
    return parts[0] + rest + (RESET if colors else "")


def _levels(options: Data) -> list[str] | None:
    lowest = min((LEVELS.index(level.upper()) for level in options["levels"]), default=0)
    return list(LEVELS[lowest:]) if lowest else None


async def _page(api: Api, id_: str, options: Data, **range_: Any) -> Data:
    filters = {"levels": _levels(options), "contains": options["contains"], "attempt": options["attempt"]}
    task = (await api.query(queries.LOG_PAGE, id=id_, **filters, **range_))["task"]
    if task is None:
        raise ApiError(f"There is no task “{id_}” that you may see.")
    page: Data = task["logs"]
    return page


async def _stored_lines(api: Api, id_: str, options: Data) -> AsyncGenerator[Data, None]:
    """Yield the stored lines, a page at a time: a log may be far larger than memory."""
    if options["last"]:
        for line in await _last_lines(api, id_, options):
            yield line
        return
    range_: Data = {}
    while True:
        page = await _page(api, id_, options, first=PAGE, **range_)
        for line in page["nodes"]:
            yield line
        if not page["pageInfo"]["hasNextPage"]:
            return
        range_ = {"after": page["pageInfo"]["endCursor"]}


async def _last_lines(api: Api, id_: str, options: Data) -> list[Data]:
    """Return the last lines. With a filter, several pages of a long log may be needed to find them."""
    lines: list[Data] = []
    range_: Data = {}
    while True:
        page = await _page(api, id_, options, last=options["last"] - len(lines), **range_)
        lines = page["nodes"] + lines
        if len(lines) >= options["last"] or not page["pageInfo"]["hasPreviousPage"]:
            return lines
        range_ = {"before": page["pageInfo"]["startCursor"]}


async def _deployment_lines(api: Api, deployment: str, options: Data) -> AsyncGenerator[Data, None]:
    """Yield the lines of all tasks of a deployment, in one order."""
    variables = {"deploymentId": deployment, "levels": _levels(options), "contains": options["contains"]}
    async with aclosing(api.subscribe(queries.ALL_LOGS, lambda cursor: variables | {"after": cursor})) as feed:
        async for batch in feed:
            for item in batch["lines"]:
                if options["attempt"] in (None, item["line"]["attempt"]):
                    yield {"task": item["task"]["key"], **item["line"]}
            if batch["caughtUp"] and not options["following"]:
                return


async def _live_lines(api: Api, id_: str, options: Data) -> AsyncGenerator[Data, None]:
    """Yield the lines of a task until it has ended, from the first line or from the last stored ones."""
    variables = {"taskId": id_, "levels": _levels(options), "contains": options["contains"]}
    start = None
    if options["last"]:
        async for line in _stored_lines(api, id_, options):
            start = line["cursor"]
            yield line
    async with aclosing(api.subscribe(queries.LOGS, lambda cursor: variables | {"after": cursor}, start)) as feed:
        async for batch in feed:
            for line in batch["lines"]:
                if options["attempt"] in (None, line["attempt"]):
                    yield line
