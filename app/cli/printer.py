"""What a command prints: a table, details, or data as JSON, YAML or names."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click
import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from app.cli.client import Data
from app.cli.follow_output import LOOK
from app.cli.standard_streams import has_unicode
from app.cli.terminal_text import everywhere, json_text, printable
from app.cli.times import Times

FORMATS = ("table", "wide", "json", "yaml", "name")
GAP = 2
AGE, CREATED = "AGE", "CREATED"
SPACES = re.compile(r"\s+")
Cell = str | Text


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `wide`: it is shown with -o wide only."""

    title: str
    of: Callable[[Any, Times], Cell]
    wide: bool = False


@dataclass(slots=True)
class Printer:
    """Prints objects in the format that was asked for."""

    format: str = "table"
    utc: bool = False
    headers: bool = True
    times: Times = field(init=False)
    console: Console = field(init=False)
    _widths: list[int] = field(init=False, default_factory=list)
    _documents: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.times = Times(datetime.now(UTC), whole=self.format == "wide", utc=self.utc)
        plain = bool(os.environ.get("NO_COLOR"))
        self.console = Console(
            highlight=False, markup=False, emoji=False, color_system=None if plain else "auto", file=sys.stdout
        )

    @property
    def is_data(self) -> bool:
        """Whether programs read it."""
        return self.format in ("json", "yaml", "name")

    def refresh(self) -> None:
        """Count ages from now on."""
        self.times = Times(datetime.now(UTC), whole=self.times.whole, utc=self.utc)

    def list(self, found: Sequence[Data], columns: Sequence[Column], name: Callable[[Any], str], none: str) -> None:
        """Print a list; `none` says on standard error that it is empty."""
        if self.is_data:
            self._data(list(found), name)
        elif found:
            self.table(found, columns)
        if not found:
            self.note(none)

    def stream(self, found: Sequence[Data], columns: Sequence[Column], name: Callable[[Any], str]) -> None:
        """Print some rows of a list that goes on: JSON is one object a line, YAML a document each."""
        for one in found:
            if self.format == "json":
                click.echo(json_text(one))
            elif self.is_data:
                self._data(one, name)
        if not self.is_data and found:
            self.table(found, columns, headers=not self._widths)

    def one(self, found: Data, name: Callable[[Any], str], details: Callable[[], None], *, line: bool = False) -> None:
        """Print an object: as data, or by `details`; `line`: JSON on one line, for a stream of them."""
        if self.format == "json" and line:
            click.echo(json_text(found))
        elif self.is_data:
            self._data(found, name)
        else:
            details()

    def done(self, sentence: str, found: Any, name: Callable[[Any], str]) -> None:
        """Print what a change has led to: the object as data, or a sentence."""
        if self.is_data:
            self._data(found, name)
        else:
            self.line(sentence)

    def line(self, text: Cell, indent: int = 0) -> None:
        """Print a line, whole."""
        shown = text if isinstance(text, Text) else Text(printable(text))
        self.console.print(Text(" " * indent).append(shown) if indent else shown, soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something beside the output, on standard error."""
        click.echo(printable(text), err=True)

    def fields(self, pairs: Iterable[tuple[str, Cell | None]]) -> None:
        """Print names and values below each other; what is None or empty is left out."""
        shown = [(name, value) for name, value in pairs if value]
        width = max((len(name) for name, _ in shown), default=0) + 1
        for name, value in shown:
            content = value if isinstance(value, Text) else Text(printable(value))
            lines = content.split("\n")
            self.line(Text().append(f"{name + ':':<{width}} ", style="dim").append(lines[0]) if lines else Text(name))
            for more in lines[1:]:
                self.line(Text(" " * (width + 1)).append(more))

    def title(self, text: str) -> None:
        """Print the head of a part."""
        self.line(Text(f"\n{text}", style="bold"))

    def table(self, found: Sequence[Data], columns: Sequence[Column], *, headers: bool = True, indent: int = 0) -> None:
        """Print rows below each other; on a terminal each of them is cut to its width."""
        shown = [column for column in columns if not column.wide or self.format == "wide"]
        rows = [[_cell(column.of(one, self.times)) for column in shown] for one in found]
        if headers and self.headers:
            whole = {AGE: CREATED} if self.times.whole or self.utc else {}
            rows.insert(0, [Text(whole.get(column.title, column.title), style="bold") for column in shown])
        widths = [max(cell_len(row[index].plain) for row in rows) for index in range(len(shown))]
        if not headers:
            widths = [max(pair) for pair in zip(widths, self._widths, strict=True)]
        self._widths = widths
        on_terminal = self.console.is_terminal
        for row in rows:
            line = Text(" " * indent)
            for index, cell in enumerate(row):
                line.append(cell)
                if index < len(row) - 1:
                    line.append(" " * (widths[index] - cell_len(cell.plain) + GAP))
            line.rstrip()
            if on_terminal:
                self.console.print(line, no_wrap=True, overflow="ellipsis")
            else:
                self.console.print(line, soft_wrap=True)

    def _data(self, value: Any, name: Callable[[Any], str]) -> None:
        if self.format == "json":
            click.echo(json_text(value, indent=2))
        elif self.format == "yaml":
            if self._documents:
                click.echo("---")
            text = yaml.safe_dump(everywhere(value), allow_unicode=has_unicode(), sort_keys=False, width=120)
            click.echo(text, nl=False)
            self._documents += 1
        else:
            for one in value if isinstance(value, list) else [value]:
                click.echo(printable(name(one)))


def _cell(value: Cell) -> Text:
    if isinstance(value, Text):
        return value
    return Text(SPACES.sub(" ", printable(value)).strip())


def status(value: str, suffix: str = "") -> Text:
    """Return a status with its symbol and colour; the symbol tells it where there are no colours."""
    symbol, style = LOOK.get(value, ("·", ""))
    return Text(f"{symbol} {value}{suffix}", style=style)


def by_id(found: Any) -> str:
    """Return the id of an object."""
    return str(found["id"])


def by_name(found: Any) -> str:
    """Return the name of an object."""
    return str(found["name"])
