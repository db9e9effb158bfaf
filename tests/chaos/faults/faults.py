"""What goes wrong: one random thing at a time, each as it happens to a real machine."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.chaos.faults.fleet import Fleet
from tests.chaos.faults.network import Relay
from tests.chaos.faults.processes import Boreas

VALKEY_AWAY = (0.0, 0.0, 1.0, 3.0)
POSTGRES_AWAY = (0.0, 0.0, 0.5, 1.5)
"""Seconds until a server is started again, one of which is drawn."""
SILENT = 0.5
"""How many of the parted hear nothing at all; the others hear that they are."""


@dataclass(slots=True)
class Storm:
    """Faults on a fleet, with the count of each kind so far. `say` reports each as it happens."""

    fleet: Fleet
    chance: random.Random
    say: Callable[[str], None]
    done: dict[str, int] = field(default_factory=dict)
    background: set[asyncio.Task[None]] = field(default_factory=set)

    async def rage(self, seconds: float, every: float) -> None:
        """Do a random fault every so many seconds; then wait for those that take longer."""
        end = time.monotonic() + seconds
        due = time.monotonic() + every
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            [(name, act)] = self.chance.choices(list(FAULTS.items()), WEIGHTS)
            told = await act(self)
            if told is None:
                continue
            self.done[name] = self.done.get(name, 0) + 1
            due = max(due + every, time.monotonic())
        for task in self.background:
            await task

    def tell(self, what: str) -> str:
        """Print a fault at the moment it is done."""
        self.say(what)
        return what

    def victim(self, kind: list[Boreas]) -> Boreas | None:
        """Return one that runs, if there is any."""
        running = [process for process in kind if process.alive and not process.stopped and not process.leaving]
        return self.chance.choice(running) if running else None

    def later(self, work: Awaitable[None]) -> None:
        """Do something beside the faults that follow."""

        async def run() -> None:
            await work

        self.background.add(asyncio.create_task(run()))


Act = Callable[[Storm], Awaitable[str | None]]
"""Does a fault and says what it was; None where there was nothing to do it to."""


async def kill_worker(storm: Storm) -> str | None:
    """Kill a worker's process alone, as the kernel does when memory is short. Another one is started."""
    worker = storm.victim(storm.fleet.workers)
    if worker is None:
        return None
    told = storm.tell(f"SIGKILL {worker.name} ({worker.pid})")
    storm.fleet.strike(worker, "SIGKILL")
    worker.leaving = True
    worker.kill()
    worker.start()
    return told


async def stop_worker(storm: Storm) -> str | None:
    """Stop a worker for longer than its lease, as a machine that was suspended, then let it go on."""
    running = [worker for worker in storm.fleet.workers if worker.alive and not worker.stopped]
    worker = storm.victim(storm.fleet.workers)
    if worker is None or len(running) < 2:
        return None
    seconds = storm.fleet.lease_seconds + storm.chance.uniform(0.5, 3)
    told = storm.tell(f"SIGSTOP {worker.name} ({worker.pid}) for {seconds:.1f} s")
    storm.fleet.strike(worker, "SIGSTOP")
    worker.stopped = True
    worker.signal(signal.SIGSTOP)
    storm.later(_go_on(storm, worker, worker.pid, seconds))
    return told


async def _go_on(storm: Storm, worker: Boreas, pid: int, seconds: float) -> None:
    await asyncio.sleep(seconds)
    if worker.pid == pid and worker.stopped:
        storm.tell(f"SIGCONT {worker.name} ({worker.pid})")
        worker.stopped = False
        with suppress(ProcessLookupError):
            worker.signal(signal.SIGCONT)


async def part_worker(storm: Storm) -> str | None:
    """Cut a worker off from its servers for longer than its lease, silently or not; all of them run on."""
    worker = storm.victim(storm.fleet.workers)
    if worker is None or not all(way.whole for way in storm.fleet.ways[worker.name]):
        return None
    silent = storm.chance.random() < SILENT
    to_postgres, to_valkey = storm.fleet.ways[worker.name]
    what, ways = storm.chance.choice(
        [("postgres", [to_postgres]), ("valkey", [to_valkey]), ("everything", [to_postgres, to_valkey])]
    )
    seconds = storm.fleet.lease_seconds + storm.chance.uniform(0.5, 3)
    how = "in silence" if silent else "with a cut"
    told = storm.tell(f"{worker.name} ({worker.pid}) parted from {what} {how} for {seconds:.1f} s")
    storm.fleet.strike(worker, "parted")
    for way in ways:
        if silent:
            way.silence()
        else:
            await way.cut()
    storm.later(_join(storm, worker, ways, seconds))
    return told


async def _join(storm: Storm, worker: Boreas, ways: list[Relay], seconds: float) -> None:
    await asyncio.sleep(seconds)
    storm.tell(f"{worker.name} joined again")
    for way in ways:
        await way.heal()


async def end_worker(storm: Storm) -> str | None:
    """Tell a worker to end, as each release does. Another one is started when it has."""
    worker = storm.victim(storm.fleet.workers)
    if worker is None:
        return None
    told = storm.tell(f"SIGTERM {worker.name} ({worker.pid})")
    storm.fleet.strike(worker, "SIGTERM")
    storm.later(storm.fleet.let_leave(worker))
    await asyncio.sleep(0)
    return told


async def kill_api(storm: Storm) -> str | None:
    """Kill an API; its clients lose their answers."""
    api = storm.victim(storm.fleet.apis)
    if api is None:
        return None
    told = storm.tell(f"SIGKILL {api.name} ({api.pid})")
    api.leaving = True
    api.kill()
    api.start()
    return told


async def end_api(storm: Storm) -> str | None:
    """Tell an API to end, and start it again."""
    api = storm.victim(storm.fleet.apis)
    if api is None:
        return None
    told = storm.tell(f"SIGTERM {api.name} ({api.pid})")
    storm.later(storm.fleet.let_leave(api))
    await asyncio.sleep(0)
    return told


async def kill_valkey(storm: Storm) -> str | None:
    """Kill Valkey with all that it holds, for some seconds."""
    seconds = storm.chance.choice(VALKEY_AWAY)
    told = storm.tell(f"SIGKILL valkey for {seconds:g} s")
    storm.fleet.valkey.kill()
    await asyncio.sleep(seconds)
    storm.fleet.valkey.start()
    await storm.fleet.until_valkey()
    return told


async def flush_valkey(storm: Storm) -> str | None:
    """Make Valkey forget everything while it runs."""
    told = storm.tell("FLUSHALL")
    storm.fleet.valkey.ask("FLUSHALL")
    return told


async def kill_postgres(storm: Storm) -> str | None:
    """Kill PostgreSQL in the midst of everything."""
    return await _restart_postgres(storm, "SIGKILL postgres", storm.fleet.postgres.kill)


async def crash_postgres(storm: Storm) -> str | None:
    """Restart PostgreSQL without a checkpoint: every connection is cut, and it recovers."""
    return await _restart_postgres(storm, "immediate restart of postgres", storm.fleet.postgres.crash)


async def _restart_postgres(storm: Storm, what: str, end: Callable[[], None]) -> str:
    seconds = storm.chance.choice(POSTGRES_AWAY)
    told = storm.tell(f"{what} for {seconds:g} s")
    end()
    await asyncio.sleep(seconds)
    storm.fleet.postgres.start()
    await storm.fleet.until_database()
    return told


FAULTS: dict[str, Act] = {
    "SIGKILL worker": kill_worker,
    "SIGSTOP worker": stop_worker,
    "parted worker": part_worker,
    "SIGTERM worker": end_worker,
    "SIGKILL api": kill_api,
    "SIGTERM api": end_api,
    "SIGKILL valkey": kill_valkey,
    "FLUSHALL": flush_valkey,
    "SIGKILL postgres": kill_postgres,
    "crash postgres": crash_postgres,
}
WEIGHTS = (30, 14, 12, 12, 7, 5, 10, 7, 8, 7)
"""How often each comes, in this order: workers are hit most."""
