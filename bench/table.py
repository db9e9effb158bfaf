"""The table that measurements print."""

import os
import sys
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

FILE_WIDTH = 140


@dataclass(frozen=True, slots=True)
class Beside:
    """What somebody else takes for the same, in the same run."""

    name: str
    figure: str
    ratio: float
    """How many times as fast ours is."""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure: what was measured, what came of it, what it is held to, and what stands beside it."""

    what: str
    ours: str
    goal: str
    beside: tuple[Beside, ...] = ()


def show(rows: list[Row], load: float) -> None:
    """Print rows. `load` is the machine's load average from before: others' work shows in every figure."""
    table = Table("what", "ours", "to reach", "beside", "ratio")
    for row in rows:
        first, *others = row.beside or (None,)
        table.add_row(row.what, row.ours, row.goal, *_cells(first))
        for other in others:
            table.add_row("", "", "", *_cells(other))
    table.caption = (
        f"{os.cpu_count()} cores, load average {load:.1f} before and {os.getloadavg()[0]:.1f} after. "
        "Ratio: how many times as fast ours is."
    )
    Console(width=None if sys.stdout.isatty() else FILE_WIDTH).print(table)


def _cells(beside: Beside | None) -> tuple[str, str]:
    return ("", "") if beside is None else (f"{beside.name}: {beside.figure}", f"{beside.ratio:.1f}")
