"""Lists and objects that go on: over the API's live feeds, or read again where there is no feed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import replace
from io import StringIO
from typing import Any, NoReturn

from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.cli import queries
from app.cli.client import Api, Data
from app.cli.printer import Column, Printer, by_id

READ_AGAIN_SECONDS = 5.0
"""Between two readings of what has no feed."""
Read = Callable[[], Awaitable[tuple[list[Any], int]]]


async def follow_list(
    api: Api, printer: Printer, read: Read, columns: Sequence[Column], *, feed: str, variables: Mapping[str, Any]
) -> None:
    """Print a list, then each of its objects again with every change, until Ctrl-C. Raises ApiError.

    The list is read each time that the feed has begun, also after a break: what changed meanwhile is printed then.
    """
    shown = _Shown(printer, columns)
    begun = asyncio.Event()

    async def catch_up() -> None:
        while True:
            await begun.wait()
            begun.clear()
            found, _ = await read()
            shown.add(found[::-1] if shown.is_begun else found)

    async def go_on() -> None:
        async with aclosing(api.subscribe(feed, lambda cursor: variables, begun=begun.set)) as items:
            async for one in items:
                shown.add([one])

    both = {asyncio.create_task(catch_up()), asyncio.create_task(go_on())}
    try:
        ended, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for each in ended:
            each.result()
    finally:
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def read_again(printer: Printer, read: Read, columns: Sequence[Column], name: Callable[[Any], str]) -> NoReturn:
    """Print a list, then what has come or changed in it, until Ctrl-C: for lists without a feed. Raises ApiError."""
    shown = _Shown(printer, columns, name)
    while True:
        found, _ = await read()
        shown.add(found)
        await asyncio.sleep(READ_AGAIN_SECONDS)


class _Shown:
    """What was printed of a list: nothing is printed twice in the same state."""

    def __init__(self, printer: Printer, columns: Sequence[Column], name: Callable[[Any], str] = by_id) -> None:
        self._printer, self._columns, self._name = printer, columns, name
        self._known: dict[str, Any] = {}
        self.is_begun = False

    def add(self, found: Sequence[Data]) -> None:
        """Print what is new or has changed."""
        fresh = [one for one in found if _state(one) != self._known.get(self._name(one))]
        self._known |= {self._name(one): _state(one) for one in fresh}
        self.is_begun = True
        self._printer.refresh()
        self._printer.stream(fresh, self._columns, self._name)


def _state(one: Any) -> Any:
    """Return what matters of an object: a duration grows by itself."""
    if isinstance(one, Mapping):
        return {name: _state(value) for name, value in one.items() if name not in ("duration", "cursor")}
    return [_state(each) for each in one] if isinstance(one, list) else one


async def follow_one(
    api: Api,
    printer: Printer,
    read: Callable[[], Awaitable[Data]],
    details: Callable[[Printer, Data], None],
    *,
    place: Callable[[Data], Data],
    is_over: Callable[[Data], bool],
) -> Data:
    """Show an object of a deployment, again with each event of that, until it is over. Return it at last.

    A terminal shows it in place; elsewhere each state follows the one before it. `place` returns the deployment's id
    and cursor. Raises ApiError.
    """
    found = await read()
    at = place(found)
    in_place = printer.console.is_terminal and not printer.is_data
    with Live(console=printer.console, auto_refresh=False) if in_place else nullcontext() as live:
        _show(printer, live, found, details)
        feed = api.subscribe(queries.STIRS, lambda cursor: {"id": at["id"], "after": cursor}, at["cursor"])
        async with aclosing(feed):
            while not is_over(found) and await anext(feed, None) is not None:
                before, found = found, await read()
                if _state(found) != _state(before):
                    printer.refresh()
                    _show(printer, live, found, details)
    return found


def _show(printer: Printer, live: Live | None, found: Data, details: Callable[[Printer, Data], None]) -> None:
    if live is not None:
        live.update(_drawn(printer, found, details), refresh=True)
        return
    printer.one(found, by_id, lambda: details(printer, found), line=True)
    if not printer.is_data:
        printer.line("")


def _drawn(printer: Printer, found: Data, details: Callable[[Printer, Data], None]) -> Text:
    """Return what would be printed."""
    drawing, paper = replace(printer), StringIO()
    plain = printer.console.no_color or printer.console.color_system is None
    drawing.console = Console(
        file=paper,
        force_terminal=True,
        width=printer.console.width,
        color_system=None if plain else "256",
        highlight=False,
    )
    details(drawing, found)
    return Text.from_ansi(paper.getvalue())
