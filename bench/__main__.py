"""Runs measurements: all of them, or those named."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable

from bench import boot, editing, engine, graphs, latency, live, live_logs, query
from bench.table import Row, show

MEASUREMENTS: dict[str, Callable[[], Awaitable[list[Row]]]] = {
    "graphs": graphs.measure,
    "editing": editing.measure,
    "boot": boot.measure,
    "engine": engine.measure,
    "latency": latency.measure,
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
    names = parser.parse_args().names or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    load = os.getloadavg()[0]
    show(asyncio.run(run(names)), load)


if __name__ == "__main__":
    main()
