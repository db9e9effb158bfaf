"""Runs measurements: all of them, or those named."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable

from bench import boot, editing, engine, executor, graphs, latency, live, live_logs, query, shortcuts
from bench.table import Row, show

MEASUREMENTS: dict[str, Callable[[], Awaitable[list[Row]]]] = {
    "graphs": graphs.measure,
    "editing": editing.measure,
    "boot": boot.measure,
    "engine": engine.measure,
    "latency": latency.measure,
    "executor": executor.measure,
    "query": query.measure,
    "live": live.measure,
    "logs": live_logs.measure,
}


async def run(names: list[str]) -> list[Row]:
    """Run measurements one after another, so that none disturbs another."""
    return [row for name in names for row in await MEASUREMENTS[name]()]


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Boreas on this machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(MEASUREMENTS)} (default: all)")
    parser.add_argument(
        "--without",
        metavar="SHORTCUT[,SHORTCUT]",
        help=f"with query: price short cuts of the executor, each by an API without it: "
        f"{', '.join(shortcuts.NAMES)}, or {shortcuts.PLAIN} for all of them at once",
    )
    arguments = parser.parse_args()
    names = arguments.names or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    left_out = arguments.without.split(",") if arguments.without else []
    if left_out and names != ["query"]:
        parser.error("--without goes with query alone")
    unknown = [name for name in left_out if name not in (*shortcuts.NAMES, shortcuts.PLAIN)]
    if unknown:
        parser.error(f"no such short cut: {', '.join(unknown)}; there are {', '.join(shortcuts.NAMES)}")
    load = os.getloadavg()[0]
    show(asyncio.run(shortcuts.measure(left_out) if left_out else run(names)), load)


if __name__ == "__main__":
    main()
