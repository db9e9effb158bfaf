"""The table that measurements print."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """A figure: what was measured, what came of it, and what it is held to."""

    what: str
    measured: str
    goal: str


def show(rows: list[Row]) -> None:
    """Print rows."""
    table = Table("what", "measured", "to reach")
    for row in rows:
        table.add_row(row.what, row.measured, row.goal)
    Console().print(table)
