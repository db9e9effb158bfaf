"""Live views of lists and objects: by the API's feeds, or by polling where there is no feed."""

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
from app.cli.printer import Column, Printer, id_of

POLL_SECONDS = 5.0
"""How often a list without a feed is fetched."""
FetchList = Callable[[], Awaitable[tuple[list[Any], int]]]
Details = Callable[[Printer, Data], None]


async def follow_list(
    api: Api, printer: Printer, fetch: FetchList, columns: Sequence[Column], *, feed: str, variables: Mapping[str, Any]
) -> None:
    """Print a list, then each of its objects again when it changes, until Ctrl-C. Raises ApiError.

    The list is fetched after each connection of the feed, so that a change during a break is printed too.
    """
    view = _ListView(printer, columns)
    connected = asyncio.Event()

    async def refetch() -> None:
        while True:
            await connected.wait()
            connected.clear()
            rows, _ = await fetch()
            view.update(rows[::-1] if view.has_rows else rows)

    async def follow_changes() -> None:
        async with aclosing(api.subscribe(feed, lambda cursor: variables, on_connect=connected.set)) as rows:
            async for row in rows:
                view.update([row])

    tasks = {asyncio.create_task(refetch()), asyncio.create_task(follow_changes())}
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def poll_list(
    printer: Printer, fetch: FetchList, columns: Sequence[Column], name: Callable[[Any], str]
) -> NoReturn:
    """Print a list, then its new and changed objects, until Ctrl-C. Raises ApiError."""
    view = _ListView(printer, columns, name)
    while True:
        rows, _ = await fetch()
        view.update(rows)
        await asyncio.sleep(POLL_SECONDS)


class _ListView:
    """Prints the rows of a list when they are new or have changed."""

    def __init__(self, printer: Printer, columns: Sequence[Column], name: Callable[[Any], str] = id_of) -> None:
        self._printer, self._columns, self._name = printer, columns, name
        self._states: dict[str, Any] = {}
        self.has_rows = False

    def update(self, rows: Sequence[Data]) -> None:
        """Print the rows that are new or have changed."""
        changed = [row for row in rows if _state(row) != self._states.get(self._name(row))]
        self._states |= {self._name(row): _state(row) for row in changed}
        self.has_rows = True
        self._printer.refresh()
        self._printer.append(changed, self._columns, self._name)


def _state(value: Any) -> Any:
    """Return a value without what changes by itself, such as durations."""
    if isinstance(value, Mapping):
        return {name: _state(content) for name, content in value.items() if name not in ("duration", "cursor")}
    return [_state(item) for item in value] if isinstance(value, list) else value


async def follow_object(
    api: Api,
    printer: Printer,
    fetch: Callable[[], Awaitable[Data]],
    details: Details,
    *,
    deployment_of: Callable[[Data], Data],
    has_ended: Callable[[Data], bool],
) -> Data:
    """Print an object of a deployment again after each change, until it has ended. Return its last state.

    A terminal shows it in place; elsewhere the states follow each other. `deployment_of` returns the deployment's id
    and cursor. Raises ApiError.
    """
    value = await fetch()
    deployment = deployment_of(value)
    in_place = printer.console.is_terminal and not printer.is_data
    with Live(console=printer.console, auto_refresh=False) if in_place else nullcontext() as live:
        _print(printer, live, value, details)
        feed = api.subscribe(
            queries.EVENT_CURSORS, lambda cursor: {"id": deployment["id"], "after": cursor}, deployment["cursor"]
        )
        async with aclosing(feed):
            while not has_ended(value) and await anext(feed, None) is not None:
                previous, value = value, await fetch()
                if _state(value) != _state(previous):
                    printer.refresh()
                    _print(printer, live, value, details)
    return value


def _print(printer: Printer, live: Live | None, value: Data, details: Details) -> None:
    if live is not None:
        live.update(_rendered(printer, value, details), refresh=True)
        return
    printer.object(value, id_of, lambda: details(printer, value), on_one_line=True)
    if not printer.is_data:
        printer.line("")


def _rendered(printer: Printer, value: Data, details: Details) -> Text:
    """Return the details as text with colours."""
    renderer, buffer = replace(printer), StringIO()
    has_color = not printer.console.no_color and printer.console.color_system is not None
    renderer.console = Console(
        file=buffer,
        force_terminal=True,
        width=printer.console.width,
        color_system="256" if has_color else None,
        highlight=False,
    )
    details(renderer, value)
    return Text.from_ansi(buffer.getvalue())
