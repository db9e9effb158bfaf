"""Shared support for the tests of the guard.

A worker in a separate process, and lookups of running processes.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tests.gateways.support.shell import is_alive

PATIENCE_SECONDS = 10.0
"""The time limit of a wait on a loaded machine."""

BEATS = 'echo $$; while :; do echo >> "beat.$$"; sleep 0.05; done'
"""A command that prints its number and shows that it lives."""

_WORKER = """
import asyncio, sys
from pathlib import Path
from app.gateways.operators.shell import ShellOperator
from app.ports import LeaseExpiredError
from tests.gateways.support.shell import shell

async def log(stream, lines):
    print(*lines, sep="\\n", flush=True)

async def main(root, seconds, *scripts):
    operator = ShellOperator(Path(root), grace_seconds=0.3)
    if float(seconds):
        operator.renew_lease(float(seconds))
    async def run(script):
        try:
            outcome = await operator.start(shell(script), log).wait()
        except LeaseExpiredError:
            print("lapsed", flush=True)
        else:
            print("ended", outcome.ending, outcome.exit_code, flush=True)
    await asyncio.gather(*map(run, scripts))
    operator.renew_lease(60)
    await operator.start(shell("echo again; cat"), log).wait()
    await operator.close()
    print("closed", flush=True)
    await asyncio.sleep(300)

asyncio.run(main(*sys.argv[1:]))
"""


class Worker:
    """A process that runs commands, as a worker does, and passes on what they print."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(cls, root: Path, *scripts: str, lease_seconds: float = 0) -> "Worker":
        """Start it with concurrent commands; `lease_seconds` 0 means no time limit."""
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        arguments = [sys.executable, "-c", _WORKER, str(root), str(lease_seconds), *scripts]
        return cls(await asyncio.create_subprocess_exec(*arguments, env=environ, stdout=PIPE, start_new_session=True))

    async def lines(self, count: int) -> list[str]:
        """Return the next lines that it and its commands print."""
        assert self._process.stdout
        async with asyncio.timeout(PATIENCE_SECONDS):
            return [(await self._process.stdout.readline()).decode().strip() for _ in range(count)]

    async def numbers(self, count: int) -> list[int]:
        """Return the next lines as numbers of processes."""
        return [int(line) for line in await self.lines(count)]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def close(self) -> None:
        """Kill the process if it is alive."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition. Raises TimeoutError after the time limit."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def until_ended(numbers: Iterable[int]) -> None:
    """Wait until none of the processes is alive."""
    numbers = list(numbers)
    await until(lambda: not any(map(is_alive, numbers)))


def guards(parent: int | None = None) -> set[int]:
    """Return the guards that a process has started, this one if none is named, and that are alive."""
    guard_pids = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            started_by = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            if started_by == (parent or os.getpid()) and b"shell/guard_process.py" in (folder / "cmdline").read_bytes():
                guard_pids.add(int(folder.name))
    return guard_pids
