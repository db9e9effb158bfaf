"""What all commands share: the API that they call, the output format, limits, and confirmation."""

import asyncio
import functools
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click

from app.cli.api_options import address_options, api_of
from app.cli.client import Api, ApiError
from app.cli.interrupts import interruptible
from app.cli.printer import FORMATS, Printer
from app.cli.terminal_text import printable

LIMIT = 30
HINTS = {
    "FORBIDDEN": "boreas whoami shows what you may do.",
    "WRONG_STATE": "boreas deployment show DEPLOYMENT shows its status, and what may be done now.",
    "FROZEN": "boreas freeze list shows what is frozen, and until when.",
    "SELF_APPROVAL": "Another person has to approve it. boreas approval show APPROVAL shows who may.",
    "REVISION_CONFLICT": "boreas workflow diff DEPLOYMENT shows what has changed.",
}
"""What to do next, by error code."""
PAGE = 100
Command = Callable[..., Any]


def api_command(function: Callable[..., Awaitable[int | None]]) -> Command:
    """Make a command of an async function that takes an `api`. Its result is the exit status."""

    @address_options
    @functools.wraps(function)
    def command(url: Any, token: str | None, **options: Any) -> None:
        status = asyncio.run(_run(function, api_of(url, token), options))
        if status:
            sys.exit(status)

    return command


async def _run(function: Callable[..., Awaitable[int | None]], api: Api, options: dict[str, Any]) -> int | None:
    try:
        return await function(api, **options)
    except ApiError as error:
        code = error.message.partition(":")[0].partition(" ")[0]
        hint = HINTS.get(code)
        if hint and "boreas " not in error.message:
            raise ApiError(f"{error.message}\n{hint}") from error
        raise


def _disable_color(ctx: click.Context, param: click.Parameter, is_set: bool) -> None:
    if is_set:
        os.environ["NO_COLOR"] = "1"


def color_option(function: Command) -> Command:
    """Add --no-color, which does the same as NO_COLOR."""
    return click.option(
        "--no-color", is_flag=True, expose_value=False, callback=_disable_color, help="Print no colours (NO_COLOR)."
    )(function)


def output_options(function: Command) -> Command:
    """Add the options of the output; the command gets a `printer`."""

    @click.option(
        "-o",
        "--output",
        "format_",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="Output format. json and yaml have the fields of the GraphQL API; name is what other commands take.",
    )
    @click.option(
        "--utc", is_flag=True, help="Print exact times in UTC. Default: ages; with -o wide exact local times."
    )
    @color_option
    @click.option("--no-headers", "without_headers", is_flag=True, help="Print tables without their header.")
    @functools.wraps(function)
    def command(format_: str, utc: bool, without_headers: bool, **options: Any) -> Any:
        return function(printer=Printer(format_, utc, not without_headers), **options)

    return command


def limit_options(function: Command) -> Command:
    """Add the options that limit a list; the command gets a `limit`, None for all."""

    @click.option(
        "--limit", type=click.IntRange(1), default=LIMIT, show_default=True, metavar="N", help="List at most N."
    )
    @click.option("--all", "lists_all", is_flag=True, help="List all.")
    @functools.wraps(function)
    def command(limit: int, lists_all: bool, **options: Any) -> Any:
        return function(limit=None if lists_all else limit, **options)

    return command


def yes_option(function: Command) -> Command:
    """Add --yes; the command gets `yes`, for `confirm`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")(function)


def confirm(question: str, *, yes: bool) -> None:
    """Ask for confirmation on a terminal; scripts are not asked. Raises ApiError if the answer is no."""
    if yes or not sys.stdin.isatty():
        return
    with interruptible():
        click.echo(f"{printable(question)} [y/N] ", nl=False, err=True)
        answer = sys.stdin.readline()
    if answer.strip().lower() not in ("y", "yes"):
        raise ApiError("Nothing was changed.")


async def fetch_pages(api: Api, document: str, limit: int | None, **variables: Any) -> tuple[list[Any], int]:
    """Return up to `limit` objects of a list (the only root field), and their total. Raises ApiError."""
    nodes: list[Any] = []
    after = None
    while True:
        first = PAGE if limit is None else min(PAGE, limit - len(nodes))
        page = next(iter((await api.query(document, first=first, after=after, **variables)).values()))
        nodes += page["nodes"]
        if not page["pageInfo"]["hasNextPage"] or (limit is not None and len(nodes) >= limit):
            return nodes, page["totalCount"]
        after = page["pageInfo"]["endCursor"]


def note_limit(printer: Printer, shown: int, total: int) -> None:
    """Say on standard error that a list has more objects."""
    if shown < total:
        printer.note(f"{shown} of {total} are shown: --limit N shows more, --all shows all.")
