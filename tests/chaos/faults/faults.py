"""Random faults, one at a time, each as it happens to a real machine."""

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
"""The share of partitions that are silent; the others break connections."""


@dataclass(slots=True)
class Storm:
    """Faults on a fleet, with the count of each kind so far. `say` reports each as it happens."""

    fleet: Fleet
    chance: random.Random
    say: Callable[[str], None]
    counts: dict[str, int] = field(default_factory=dict)
    background: set[asyncio.Task[None]] = field(default_factory=set)

    async def rage(self, seconds: float, every: float) -> None:
        """Cause a random fault at each interval, in seconds; then wait for the faults in the background."""
        end = time.monotonic() + seconds
        due = time.monotonic() + every
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            [(name, act)] = self.chance.choices(list(FAULTS.items()), WEIGHTS)
            report = await act(self)
            if report is None:
                continue
            self.counts[name] = self.counts.get(name, 0) + 1
            due = max(due + every, time.monotonic())
        for task in self.background:
            await task

    def announce(self, text: str) -> str:
        """Print a fault when it happens, and return its text."""
        self.say(text)
        return text

    def victim(self, kind: list[Boreas]) -> Boreas | None:
        """Return a random running process, or None."""
        candidates = [process for process in kind if process.alive and not process.stopped and not process.leaving]
        return self.chance.choice(candidates) if candidates else None

    def start_background(self, work: Awaitable[None]) -> None:
        """Run a task in the background of the faults that follow."""

        async def run() -> None:
            await work

        self.background.add(asyncio.create_task(run()))


Act = Callable[[Storm], Awaitable[str | None]]
"""Causes a fault and returns its description, or None without a victim."""


async def kill_worker(storm: Storm) -> str | None:
    """Kill a worker's process alone, as the kernel does when memory is short. Another one is started."""
    worker = storm.victim(storm.fleet.workers)
    if worker is None:
        return None
    report = storm.announce(f"SIGKILL {worker.name} ({worker.pid})")
    storm.fleet.record_fault(worker, "SIGKILL")
    worker.leaving = True
    worker.kill()
    worker.start()
    return report


async def stop_worker(storm: Storm) -> str | None:
    """Stop a worker for longer than its lease, as a suspended machine does, then continue it."""
    running_workers = [worker for worker in storm.fleet.workers if worker.alive and not worker.stopped]
    worker = storm.victim(storm.fleet.workers)
    if worker is None or len(running_workers) < 2:
        return None
    seconds = storm.fleet.lease_seconds + storm.chance.uniform(0.5, 3)
    report = storm.announce(f"SIGSTOP {worker.name} ({worker.pid}) for {seconds:.1f} s")
    storm.fleet.record_fault(worker, "SIGSTOP")
    worker.stopped = True
    worker.signal(signal.SIGSTOP)
    storm.start_background(_continue(storm, worker, worker.pid, seconds))
    return report


async def _continue(storm: Storm, worker: Boreas, pid: int, seconds: float) -> None:
    await asyncio.sleep(seconds)
    if worker.pid == pid and worker.stopped:
        storm.announce(f"SIGCONT {worker.name} ({worker.pid})")
        worker.stopped = False
        with suppress(ProcessLookupError):
            worker.signal(signal.SIGCONT)


async def partition_worker(storm: Storm) -> str | None:
    """Cut a worker off from its servers for longer than its lease, silently or not; all of them run on."""
    worker = storm.victim(storm.fleet.workers)
    if worker is None or not all(relay.whole for relay in storm.fleet.relays[worker.name]):
        return None
    silent = storm.chance.random() < SILENT
    to_postgres, to_valkey = storm.fleet.relays[worker.name]
    server, relays = storm.chance.choice(
        [("postgres", [to_postgres]), ("valkey", [to_valkey]), ("everything", [to_postgres, to_valkey])]
    )
    seconds = storm.fleet.lease_seconds + storm.chance.uniform(0.5, 3)
    manner = "in silence" if silent else "with a cut"
    report = storm.announce(f"{worker.name} ({worker.pid}) parted from {server} {manner} for {seconds:.1f} s")
    storm.fleet.record_fault(worker, "parted")
    for relay in relays:
        if silent:
            relay.silence()
        else:
            await relay.cut()
    storm.start_background(_rejoin(storm, worker, relays, seconds))
    return report


async def _rejoin(storm: Storm, worker: Boreas, relays: list[Relay], seconds: float) -> None:
    await asyncio.sleep(seconds)
    storm.announce(f"{worker.name} joined again")
    for relay in relays:
        await relay.heal()


async def end_worker(storm: Storm) -> str | None:
    """Tell a worker to end, as each release does. Another one is started when it has."""
    worker = storm.victim(storm.fleet.workers)
    if worker is None:
        return None
    report = storm.announce(f"SIGTERM {worker.name} ({worker.pid})")
    storm.fleet.record_fault(worker, "SIGTERM")
    storm.start_background(storm.fleet.terminate(worker))
    await asyncio.sleep(0)
    return report


async def kill_api(storm: Storm) -> str | None:
    """Kill an API; its clients lose their answers."""
    api = storm.victim(storm.fleet.apis)
    if api is None:
        return None
    report = storm.announce(f"SIGKILL {api.name} ({api.pid})")
    api.leaving = True
    api.kill()
    api.start()
    return report


async def end_api(storm: Storm) -> str | None:
    """Tell an API to end, and start it again."""
    api = storm.victim(storm.fleet.apis)
    if api is None:
        return None
    report = storm.announce(f"SIGTERM {api.name} ({api.pid})")
    storm.start_background(storm.fleet.terminate(api))
    await asyncio.sleep(0)
    return report


async def kill_valkey(storm: Storm) -> str | None:
    """Kill Valkey with all that it holds, for some seconds."""
    seconds = storm.chance.choice(VALKEY_AWAY)
    report = storm.announce(f"SIGKILL valkey for {seconds:g} s")
    storm.fleet.valkey.kill()
    await asyncio.sleep(seconds)
    storm.fleet.valkey.start()
    await storm.fleet.until_valkey()
    return report


async def flush_valkey(storm: Storm) -> str | None:
    """Make Valkey forget everything while it runs."""
    report = storm.announce("FLUSHALL")
    storm.fleet.valkey.ask("FLUSHALL")
    return report


async def kill_postgres(storm: Storm) -> str | None:
    """Kill PostgreSQL without a warning."""
    return await _restart_postgres(storm, "SIGKILL postgres", storm.fleet.postgres.kill)


async def crash_postgres(storm: Storm) -> str | None:
    """Restart PostgreSQL without a checkpoint: every connection is cut, and it recovers."""
    return await _restart_postgres(storm, "immediate restart of postgres", storm.fleet.postgres.crash)


async def _restart_postgres(storm: Storm, name: str, end: Callable[[], None]) -> str:
    seconds = storm.chance.choice(POSTGRES_AWAY)
    report = storm.announce(f"{name} for {seconds:g} s")
    end()
    await asyncio.sleep(seconds)
    storm.fleet.postgres.start()
    await storm.fleet.until_database()
    return report


FAULTS: dict[str, Act] = {
    "SIGKILL worker": kill_worker,
    "SIGSTOP worker": stop_worker,
    "parted worker": partition_worker,
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
