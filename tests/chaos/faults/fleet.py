"""All processes of a run: started together, kept running, ended together."""

import asyncio
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tests.chaos.faults.network import Relay
from tests.chaos.faults.processes import Boreas, Postgres, Process, Valkey, end_descendants, free_port

TOKEN = "bor_a-token-for-faults-only"
ROLES = ("boreas_api", "boreas_worker")
"""The database role of API and workers, with only the rights that they need."""
READY_SECONDS = 60.0
LEAVE_SECONDS = 20.0
"""The time limit for a worker or API to end on SIGTERM, in seconds, on a busy machine."""
KEEP_SECONDS = 0.2
BROKE = 1
"""The exit status after an exception; 2 is the status after a start without a database."""
RESTART_SECONDS = 1.0
"""The delay before a process that ended unexpectedly is started again."""


@dataclass(slots=True)
class Fleet:
    """PostgreSQL, Valkey, workers and APIs. `faults_by_pid` maps a worker's pid to its faults."""

    folder: Path
    lease_seconds: float
    postgres: Postgres
    valkey: Valkey
    workers: list[Boreas]
    apis: list[Boreas]
    urls: list[str]
    relays: dict[str, tuple[Relay, Relay]]
    """The relays to PostgreSQL and to Valkey, by the name of the worker."""
    faults_by_pid: dict[int, list[tuple[float, str]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """The unexpected ends of processes."""
    hung: list[str] = field(default_factory=list)
    """The processes that did not end properly on SIGTERM."""
    closed: bool = False

    @property
    def boreas(self) -> list[Boreas]:
        """Every process of Boreas."""
        return [*self.workers, *self.apis]

    async def start(self) -> None:
        """Start everything and wait until it serves."""
        self.postgres.start()
        self.valkey.start()
        await self.until_database()
        connection = await asyncpg.connect(self.postgres.url)
        await connection.execute("".join(f"CREATE ROLE {role} LOGIN;" for role in ROLES))
        await connection.close()
        url = {"BOREAS_DATABASE_URL": self.postgres.url}
        named = ("--app-role", ROLES[0], "--worker-role", ROLES[1])
        migration = Process("migrate", (*self.apis[0].command[:-1], "migrate", *named), self.folder, url)
        migration.start()
        async with asyncio.timeout(READY_SECONDS):
            while migration.alive:
                await asyncio.sleep(0.05)
        if migration.code != 0:
            raise RuntimeError(f"the database could not be made: {migration.last_line()}")
        for relays in self.relays.values():
            for relay in relays:
                await relay.start()
        for process in self.boreas:
            process.start()

    async def until_database(self) -> None:
        """Wait until PostgreSQL answers; start it again where it could not start."""
        async with asyncio.timeout(READY_SECONDS):
            while True:
                if not self.postgres.alive:
                    self.postgres.start()
                try:
                    connection = await asyncpg.connect(self.postgres.url, timeout=5)
                except (OSError, asyncpg.PostgresError, TimeoutError):
                    await asyncio.sleep(0.05)
                else:
                    await connection.close()
                    return

    async def until_valkey(self) -> None:
        """Wait until Valkey answers; start it again where it could not start."""
        async with asyncio.timeout(READY_SECONDS):
            while self.valkey.ask("PING") != "+PONG":
                if not self.valkey.alive:
                    self.valkey.start()
                await asyncio.sleep(0.05)

    async def keep(self) -> None:
        """Restart processes that ended unexpectedly, until cancelled."""
        while True:
            for process in self.boreas:
                if process.alive or process.leaving:
                    continue
                lived = time.time() - process.started_at
                self.notes.append(
                    f"{process.name} ended by itself with {process.code} after {lived:.1f} s: {process.last_line()}"
                )
                await asyncio.sleep(RESTART_SECONDS)
                if self.postgres.alive and not process.alive and not process.leaving:
                    process.start()
            await asyncio.sleep(KEEP_SECONDS)

    def record_fault(self, worker: Boreas, fault: str) -> None:
        """Record a fault of a worker at the present time."""
        self.faults_by_pid.setdefault(worker.pid, []).append((time.time(), fault))

    async def terminate(self, process: Boreas) -> None:
        """Send SIGTERM to a process, wait for its end, and start it again."""
        process.leaving = True
        process.signal(signal.SIGTERM)
        until = time.monotonic() + LEAVE_SECONDS
        while process.alive and time.monotonic() < until:
            await asyncio.sleep(0.02)
        if process.alive:
            self.hung.append(f"{process.name} ({process.pid}) did not end within {LEAVE_SECONDS:g} s of SIGTERM")
            process.kill()
        elif process.code == BROKE:
            self.hung.append(f"{process.name} broke on SIGTERM: {process.last_line()}")
        elif process.code != 0:
            self.notes.append(f"{process.name} ended with {process.code} on SIGTERM: {process.last_line()}")
        if not self.closed:
            process.start()

    async def mend(self) -> None:
        """Start every process, and continue the stopped ones."""
        await self.until_database()
        await self.until_valkey()
        for relays in self.relays.values():
            for relay in relays:
                await relay.heal()
        for process in self.boreas:
            if process.stopped:
                process.signal(signal.SIGCONT)
                process.stopped = False
            if not process.alive and not process.leaving:
                process.start()

    async def part(self) -> None:
        """Close the relays, and yield so that the loop closes their connections."""
        for relays in self.relays.values():
            for relay in relays:
                await relay.cut()
        await asyncio.sleep(0)

    def close(self) -> None:
        """End all processes, in any state."""
        self.closed = True
        for process in (*self.boreas, self.valkey, self.postgres):
            try:
                process.close()
            except subprocess.TimeoutExpired:
                self.notes.append(f"{process.name} could not be ended")
        end_descendants(self.folder)


def fleet(folder: Path, workers: int, apis: int, lease_seconds: float) -> Fleet:
    """Create the folders of the servers and choose the ports, without starting them."""
    postgres, valkey = Postgres(folder), Valkey(folder)
    shared = {
        "BOREAS_DATABASE_URL": _as(ROLES[0], postgres.url),
        "BOREAS_COMMAND_USER": str(os.geteuid()),
        "BOREAS_COMMAND_WALL": "off",
        "BOREAS_REDIS_URL": valkey.url,
        "BOREAS_DATABASE_POOL": "5",
        "BOREAS_LEASE_SECONDS": f"{lease_seconds:g}",
        "BOREAS_GRACE_SECONDS": "1",
        "BOREAS_DATA_DIR": str(folder / "data"),
        "BOREAS_ADMIN_TOKEN": TOKEN,
        "BOREAS_CONNECTIONS_PER_ACTOR": "10000",
    }
    ports = [free_port() for _ in range(apis)]
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    relays = {name: (Relay(free_port(), postgres.port), Relay(free_port(), valkey.port)) for name in names}
    return Fleet(
        folder=folder,
        lease_seconds=lease_seconds,
        postgres=postgres,
        valkey=valkey,
        workers=[Boreas(name, "worker", folder, shared | _through(relays[name], postgres, valkey)) for name in names],
        apis=[
            Boreas(f"api-{number}", "api", folder, shared | {"BOREAS_PORT": str(port)})
            for number, port in enumerate(ports, 1)
        ],
        urls=[f"http://127.0.0.1:{port}" for port in ports],
        relays=relays,
    )


def _as(role: str, url: str) -> str:
    return url.replace("//postgres@", f"//{role}@")


def _through(relays: tuple[Relay, Relay], postgres: Postgres, valkey: Valkey) -> dict[str, str]:
    to_postgres, to_valkey = relays
    return {
        "BOREAS_DATABASE_URL": _as(ROLES[1], postgres.url).replace(f":{postgres.port}/", f":{to_postgres.port}/"),
        "BOREAS_REDIS_URL": valkey.url.replace(f":{valkey.port}/", f":{to_valkey.port}/"),
    }
