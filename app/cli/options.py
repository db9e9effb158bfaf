"""What all commands have in common: the API that they call, the format that they print, the questions that they ask."""

import asyncio
import functools
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click

from app.cli.client import Api, ApiError, address_options, api_of
from app.cli.interrupts import interruptible
from app.cli.printer import FORMATS, Printer
from app.cli.terminal_text import printable

LIMIT = 30
HINTS = {
    "FORBIDDEN": "boreas whoami shows what you may do.",
    "WRONG_STATE": "boreas deployment show DEPLOYMENT says where it stands, and what may be done now.",
    "FROZEN": "boreas freeze list shows what is frozen, and until when.",
    "SELF_APPROVAL": "Somebody else has to approve it. boreas approval show APPROVAL says who may.",
    "REVISION_CONFLICT": "boreas workflow diff DEPLOYMENT shows what has changed.",
}
"""What to do next, by the code of a refusal."""
PAGE = 100
Command = Callable[..., Any]


def calls_api(function: Callable[..., Awaitable[int | None]]) -> Command:
    """Make a command of an async function that takes an `api`, and return its number as exit status."""

    @address_options
    @functools.wraps(function)
    def command(url: Any, token: str | None, **given: Any) -> None:
        code = asyncio.run(_run(function, api_of(url, token), given))
        if code:
            sys.exit(code)

    return command


async def _run(function: Callable[..., Awaitable[int | None]], api: Api, given: dict[str, Any]) -> int | None:
    try:
        return await function(api, **given)
    except ApiError as error:
        code = error.message.partition(":")[0].partition(" ")[0]
        hint = HINTS.get(code)
        if hint and "boreas " not in error.message:
            raise ApiError(f"{error.message}\n{hint}") from error
        raise


def _without_colours(ctx: click.Context, param: click.Parameter, given: bool) -> None:
    if given:
        os.environ["NO_COLOR"] = "1"


def uncoloured(function: Command) -> Command:
    """Add --no-color, which is the same as NO_COLOR."""
    return click.option(
        "--no-color", is_flag=True, expose_value=False, callback=_without_colours, help="Without colours. NO_COLOR."
    )(function)


def prints(function: Command) -> Command:
    """Add the options of output; the command gets a `printer`."""

    @click.option(
        "-o",
        "--output",
        "format_",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to print. json and yaml hold the fields of the GraphQL API; name is what other commands take.",
    )
    @click.option("--utc", is_flag=True, help="Whole times in UTC; else ages, and with -o wide whole local times.")
    @uncoloured
    @click.option("--no-headers", "headless", is_flag=True, help="Tables without their first line.")
    @functools.wraps(function)
    def command(format_: str, utc: bool, headless: bool, **given: Any) -> Any:
        return function(printer=Printer(format_, utc, not headless), **given)

    return command


def lists(function: Command) -> Command:
    """Add the options that say how much of a list is wanted; the command gets a `limit`, None for all."""

    @click.option(
        "--limit", type=click.IntRange(1), default=LIMIT, show_default=True, metavar="N", help="At most so many."
    )
    @click.option("--all", "everything", is_flag=True, help="All of them.")
    @functools.wraps(function)
    def command(limit: int, everything: bool, **given: Any) -> Any:
        return function(limit=None if everything else limit, **given)

    return command


def confirms(function: Command) -> Command:
    """Add --yes; the command gets `yes`, for `agreed`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask back.")(function)


def agreed(question: str, *, yes: bool) -> None:
    """Have a person on a terminal confirm; scripts are taken at their word. Raises ApiError when they do not."""
    if yes or not sys.stdin.isatty():
        return
    click.echo(f"{printable(question)} [y/N] ", nl=False, err=True)
    with interruptible():
        answer = sys.stdin.readline()
    if answer.strip().lower() not in ("y", "yes"):
        raise ApiError("Nothing was changed.")


async def pages(api: Api, document: str, limit: int | None, **variables: Any) -> tuple[list[Any], int]:
    """Return up to `limit` objects of a list, which is the only root field, and how many there are. Raises ApiError."""
    found: list[Any] = []
    after = None
    while True:
        first = PAGE if limit is None else min(PAGE, limit - len(found))
        page = next(iter((await api.query(document, first=first, after=after, **variables)).values()))
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"] or (limit is not None and len(found) >= limit):
            return found, page["totalCount"]
        after = page["pageInfo"]["endCursor"]


def more(printer: Printer, shown: int, total: int) -> None:
    """Say on standard error that a list goes on."""
    if shown < total:
        printer.note(f"{shown} of {total} are shown: --limit N shows more, --all shows all.")
