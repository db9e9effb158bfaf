"""Prints objects and lists: as tables and details for people, or as JSON, YAML or names for programs."""

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
from app.cli.standard_streams import has_unicode
from app.cli.terminal_text import json_text, printable, printable_value
from app.cli.times import TimeFormat

FORMATS = ("table", "wide", "json", "yaml", "name")
GAP = 2
AGE, CREATED = "AGE", "CREATED"
SPACES = re.compile(r"\s+")
Cell = str | Text


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, and how to get its cell from a row. `wide`: shown only with -o wide."""

    title: str
    cell: Callable[[Any, TimeFormat], Cell]
    wide: bool = False


@dataclass(slots=True)
class Printer:
    """Prints objects in the format that the user chose."""

    format: str = "table"
    utc: bool = False
    headers: bool = True
    times: TimeFormat = field(init=False)
    console: Console = field(init=False)
    _widths: list[int] = field(init=False, default_factory=list)
    _documents: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.times = TimeFormat(datetime.now(UTC), is_exact=self.format == "wide", utc=self.utc)
        has_color = not os.environ.get("NO_COLOR")
        self.console = Console(
            highlight=False, markup=False, emoji=False, color_system="auto" if has_color else None, file=sys.stdout
        )

    @property
    def is_data(self) -> bool:
        """Whether the format is for programs."""
        return self.format in ("json", "yaml", "name")

    def refresh(self) -> None:
        """Compute ages from now on."""
        self.times = TimeFormat(datetime.now(UTC), is_exact=self.times.is_exact, utc=self.utc)

    def list(self, rows: Sequence[Data], columns: Sequence[Column], name: Callable[[Any], str], if_empty: str) -> None:
        """Print a list; print `if_empty` on standard error if it is empty."""
        if self.is_data:
            self._data(list(rows), name)
        elif rows:
            self.table(rows, columns)
        if not rows:
            self.note(if_empty)

    def append(self, rows: Sequence[Data], columns: Sequence[Column], name: Callable[[Any], str]) -> None:
        """Print further rows of a live list: JSON is one object per line, YAML one document each."""
        for row in rows:
            if self.format == "json":
                click.echo(json_text(row))
            elif self.is_data:
                self._data(row, name)
        if not self.is_data and rows:
            self.table(rows, columns, headers=not self._widths)

    def object(
        self, value: Data, name: Callable[[Any], str], details: Callable[[], None], *, on_one_line: bool = False
    ) -> None:
        """Print an object: as data, or by `details`. `on_one_line`: JSON without line breaks, for a stream."""
        if self.format == "json" and on_one_line:
            click.echo(json_text(value))
        elif self.is_data:
            self._data(value, name)
        else:
            details()

    def result(self, sentence: str, value: Any, name: Callable[[Any], str]) -> None:
        """Print the result of a change: the changed object as data, or a sentence."""
        if self.is_data:
            self._data(value, name)
        else:
            self.line(sentence)

    def line(self, text: Cell, indent: int = 0) -> None:
        """Print a line without cutting it."""
        content = text if isinstance(text, Text) else Text(printable(text))
        self.console.print(Text(" " * indent).append(content) if indent else content, soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a note on standard error, beside the output."""
        click.echo(printable(text), err=True)

    def fields(self, pairs: Iterable[tuple[str, Cell | None]]) -> None:
        """Print names and values, one pair per line. Empty values are left out."""
        filled = [(name, value) for name, value in pairs if value]
        width = max((len(name) for name, _ in filled), default=0) + 1
        for name, value in filled:
            content = value if isinstance(value, Text) else Text(printable(value))
            lines = content.split("\n")
            self.line(Text().append(f"{name + ':':<{width}} ", style="dim").append(lines[0]) if lines else Text(name))
            for continuation in lines[1:]:
                self.line(Text(" " * (width + 1)).append(continuation))

    def title(self, text: str) -> None:
        """Print the heading of a section."""
        self.line(Text(f"\n{text}", style="bold"))

    def section(self, title: str, rows: Sequence[Data], columns: Sequence[Column], if_empty: str) -> None:
        """Print a section with a table, or with a sentence if there are no rows."""
        self.title(title)
        if rows:
            self.table(rows, columns, indent=2)
        else:
            self.line(if_empty, indent=2)

    def table(self, rows: Sequence[Data], columns: Sequence[Column], *, headers: bool = True, indent: int = 0) -> None:
        """Print rows with aligned columns; a terminal gets each row cut to its width."""
        shown = [column for column in columns if not column.wide or self.format == "wide"]
        cells = [[_cell(column.cell(row, self.times)) for column in shown] for row in rows]
        if headers and self.headers:
            titles = {AGE: CREATED} if self.times.is_exact or self.utc else {}
            cells.insert(0, [Text(titles.get(column.title, column.title), style="bold") for column in shown])
        widths = [max(cell_len(line[index].plain) for line in cells) for index in range(len(shown))]
        if not headers:
            widths = [max(pair) for pair in zip(widths, self._widths, strict=True)]
        self._widths = widths
        for line in cells:
            self._row(line, widths, indent)

    def _row(self, cells: Sequence[Text], widths: Sequence[int], indent: int) -> None:
        line = Text(" " * indent)
        for index, cell in enumerate(cells):
            line.append(cell)
            if index < len(cells) - 1:
                line.append(" " * (widths[index] - cell_len(cell.plain) + GAP))
        line.rstrip()
        if self.console.is_terminal:
            self.console.print(line, no_wrap=True, overflow="ellipsis")
        else:
            self.console.print(line, soft_wrap=True)

    def _data(self, value: Any, name: Callable[[Any], str]) -> None:
        if self.format == "json":
            click.echo(json_text(value, indent=2))
        elif self.format == "yaml":
            if self._documents:
                click.echo("---")
            text = yaml.safe_dump(printable_value(value), allow_unicode=has_unicode(), sort_keys=False, width=120)
            click.echo(text, nl=False)
            self._documents += 1
        else:
            for item in value if isinstance(value, list) else [value]:
                click.echo(printable(name(item)))


def _cell(value: Cell) -> Text:
    return value if isinstance(value, Text) else Text(SPACES.sub(" ", printable(value)).strip())


def id_of(value: Any) -> str:
    """Return the id of an object."""
    return str(value["id"])


def name_of(value: Any) -> str:
    """Return the name of an object."""
    return str(value["name"])
