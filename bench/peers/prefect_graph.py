"""Prefect: a chain and a fan of no-op tasks in one flow process, with a local server on SQLite.

Takes the number of tasks. Prints one line of JSON: seconds by graph, of the second run of each, from the first task on.
A task returns before the server has recorded it, so there are two figures: until all tasks are recorded as completed,
which is what comes nearest to durable, and until the last one returned. Recorded means committed, not yet flushed to
the disk: Prefect runs SQLite with synchronous = NORMAL.
"""

import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import prefect
from prefect import flow, task
from prefect.settings import PREFECT_API_URL, temporary_settings

DATABASE = Path.home() / ".prefect" / "prefect.db"
START_SECONDS = 120
RECORD_SECONDS = 60
COMPLETED = "SELECT count(*) FROM task_run WHERE state_type = 'COMPLETED'"


@task
async def nothing() -> None:
    """Do nothing."""


@flow
async def chain(tasks: int) -> tuple[float, float]:
    """Run task after task, and return when that began and ended."""
    begun = time.perf_counter()
    for _ in range(tasks):
        await nothing()
    return begun, time.perf_counter()


@flow
async def fan(tasks: int) -> tuple[float, float]:
    """Run all tasks at once, and return when that began and ended."""
    begun = time.perf_counter()
    await asyncio.gather(*(nothing() for _ in range(tasks)))
    return begun, time.perf_counter()


@contextmanager
def served() -> Iterator[str]:
    """Start a server, give the address of its API, and stop it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(lambda: answers(f"http://127.0.0.1:{port}/api/health"), START_SECONDS)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1):
            return True
    except OSError:
        return False


def recorded() -> int:
    with closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, timeout=10)) as database:
        return int(database.execute(COMPLETED).fetchone()[0])


def wait(done: Callable[[], bool], limit_seconds: float) -> None:
    deadline = time.monotonic() + limit_seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done within {limit_seconds} s")
        time.sleep(0.02)


def seconds(graph: Callable[[int], Coroutine[None, None, tuple[float, float]]], tasks: int) -> tuple[float, float]:
    """Return how long it took until all was recorded, and until the last task returned."""
    wanted = recorded() + tasks
    begun, returned = asyncio.run(graph(tasks))
    wait(lambda: recorded() >= wanted, RECORD_SECONDS)
    return time.perf_counter() - begun, returned - begun


def main() -> None:
    tasks = int(sys.argv[1])
    with served() as address, temporary_settings({PREFECT_API_URL: address}):
        taken = {
            name: [seconds(graph, tasks) for _ in range(2)][-1] for name, graph in (("chain", chain), ("fan", fan))
        }
    name = f"Prefect {prefect.__version__}"
    figures = {name: 0, f"{name}, not yet recorded": 1}
    print(json.dumps({label: {graph: took[i] for graph, took in taken.items()} for label, i in figures.items()}))


if __name__ == "__main__":
    main()
