"""Thousands of cheap subscribers in one process: graphql-transport-ws over bare sockets.

A load that is busy all the time measures itself: it runs on uvloop, which takes a third of what asyncio's loop does.

Reads what to do as JSON from the standard input, and writes what came of it as JSON to the standard output. It ends by
itself: every wait has a limit, and so has the whole.
"""

import asyncio
import json
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvloop

from tests.support.light_socket import LightSocket

OPENING = 400
"""How many sockets are being opened at the same time."""
STEP_SECONDS = 90.0
WHOLE_SECONDS = 300
WARM_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """The order of a run: `poke` are operations that cause events, sent `rate` times a second.

    Every operation of `poke` is sent as often as the others. `pid` is the server's process.
    """

    url: str
    token: str
    pid: int
    sockets: int
    document: str
    variables: dict[str, Any]
    poke: list[dict[str, Any]]
    seconds: float
    rate: float
    storm: bool = False
    base_kib: float = 0.0
    """What the server held before its first crowd; 0: this is the first one."""


@dataclass(slots=True)
class Figures:
    """What came of it. Seconds, KiB for each subscriber, microseconds of the server for each delivery."""

    sockets: int
    deliveries: int = 0
    wanted: int = 0
    p50: float = 0.0
    p99: float = 0.0
    server_us: float = 0.0
    kib: float = 0.0
    subscribed_seconds: float = 0.0
    storm_seconds: float | None = None
    base_kib: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says, the same for all who get it."""

    events: int
    cursor: str | None
    caught_up: bool
    ages_from: tuple[float, ...]


class Subscriber:
    """One socket with one subscription."""

    def __init__(self, crowd: "Crowd", after: str | None) -> None:
        self.cursor = after
        self.events = 0
        self.lost = False
        self.ready = asyncio.get_running_loop().create_future()
        variables = crowd.plan.variables | ({"after": after} if after else {})
        operation = {"query": crowd.plan.document, "variables": variables}
        took = crowd.took
        self.socket = LightSocket(
            crowd.plan.url, crowd.plan.token, operation, lambda payload: took(self, payload), self._end
        )

    def _end(self, why: str) -> None:
        self.lost = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"a subscription did not begin: {why}"))


class Crowd:
    """All subscribers."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        parts = urlsplit(plan.url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.members: list[Subscriber] = []
        self.ages: list[float] = []
        self.events = 0
        self.deliveries = 0
        self.counting = False
        self.last_at = 0.0
        self._known: tuple[bytes, Message] = (b"", Message(0, None, False, ()))

    async def gather(self, cursors: list[str | None]) -> float:
        """Open a socket for each cursor, and return how long it took until each had a first answer."""
        room = asyncio.Semaphore(OPENING)
        loop = asyncio.get_running_loop()
        begun = time.perf_counter()

        async def one(after: str | None) -> Subscriber:
            async with room:
                member = Subscriber(self, after)
                await loop.create_connection(lambda: member.socket, self._host, self._port)
                await member.ready
                return member

        self.members = list(await asyncio.gather(*map(one, cursors)))
        return time.perf_counter() - begun

    def took(self, member: Subscriber, payload: bytes) -> None:
        """Note a message."""
        now = time.time()
        known, message = self._known
        if payload != known:
            message = _read(payload)
            self._known = (payload, message)
        member.events += message.events
        self.events += message.events
        member.cursor = message.cursor
        self.last_at = now
        if self.counting:
            self.deliveries += message.events
            self.ages += [now - at for at in message.ages_from]
        elif message.caught_up and not member.ready.done():
            member.ready.set_result(None)

    def leave(self) -> None:
        """Break every connection off."""
        for member in self.members:
            member.socket.abort()


class _Event(msgspec.Struct):
    at: datetime


class _Batch(msgspec.Struct):
    events: list[_Event]
    cursor: str | None = None
    caught_up: bool = msgspec.field(default=True, name="caughtUp")


class _Envelope(msgspec.Struct):
    data: dict[str, _Batch]


class _Next(msgspec.Struct):
    payload: _Envelope


_decode = msgspec.json.Decoder(_Next).decode


def _read(payload: bytes) -> Message:
    (batch,) = _decode(payload).payload.data.values()
    return Message(len(batch.events), batch.cursor, batch.caught_up, tuple(e.at.timestamp() for e in batch.events))


def cpu(pid: int) -> float:
    """Return how many seconds of a processor a process has used."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def rss_kib(pid: int) -> float:
    """Return how much memory a process holds."""
    fields = Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


async def poke(plan: Plan, seconds: float, rate: float) -> int:
    """Cause events at a rate, over one connection that is kept, and return how many."""
    parts = urlsplit(plan.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    begun = time.perf_counter()
    events = 0
    while events % len(plan.poke) or time.perf_counter() < begun + seconds:
        body = json.dumps(plan.poke[events % len(plan.poke)]).encode()
        events += 1
        writer.write(
            f"POST /graphql HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {plan.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        answer = await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
        if b'"errors":[{' in answer.replace(b" ", b"") or not head.startswith(b"http/1.1 200"):
            raise ValueError(answer.decode())
        await asyncio.sleep(max(0.0, begun + events / rate - time.perf_counter()))
    writer.close()
    return events


@asynccontextmanager
async def awake() -> AsyncIterator[None]:
    """Do not sleep: a sender on the same machine pays for waking up a sleeping receiver."""

    async def turn() -> None:
        while True:
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    try:
        yield
    finally:
        turning.cancel()


async def until(done: Callable[[], bool]) -> None:
    """Wait with a time limit."""
    async with asyncio.timeout(STEP_SECONDS):
        while not done():
            await asyncio.sleep(0.01)


async def run(plan: Plan) -> Figures:
    """Do it."""
    figures = Figures(plan.sockets)
    crowd = Crowd(plan)
    await crowd.gather([None])
    await poke(plan, 0.1, 10)
    crowd.leave()
    await asyncio.sleep(1)
    figures.base_kib = plan.base_kib or rss_kib(plan.pid)
    figures.subscribed_seconds = await crowd.gather([None] * plan.sockets)
    await asyncio.sleep(0.5)
    figures.kib = (rss_kib(plan.pid) - figures.base_kib) / plan.sockets
    base = crowd.events
    warm = await poke(plan, WARM_SECONDS, plan.rate)
    await until(lambda: crowd.events >= base + warm * plan.sockets)
    had = [member.events for member in crowd.members]
    used = cpu(plan.pid)
    crowd.counting = True
    async with awake():
        events = await poke(plan, plan.seconds, plan.rate)
    figures.wanted = events * plan.sockets
    await until(lambda: crowd.deliveries >= figures.wanted or any(member.lost for member in crowd.members))
    crowd.counting = False
    figures.deliveries = crowd.deliveries
    figures.server_us = 1e6 * (cpu(plan.pid) - used) / crowd.deliveries
    assert all(m.events - n == events for m, n in zip(crowd.members, had, strict=True)), "not everybody had all"
    ages = sorted(crowd.ages)
    figures.p50, figures.p99 = (ages[int(len(ages) * share)] for share in (0.5, 0.99))
    if plan.storm:
        crowd.leave()
        cursors = [member.cursor for member in crowd.members]
        await poke(plan, 0.4, 50)
        await asyncio.sleep(1)
        figures.storm_seconds = await crowd.gather(cursors)
    crowd.leave()
    return figures


def main() -> None:
    """Read the plan, run it, write the figures."""
    signal.alarm(WHOLE_SECONDS)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    figures = uvloop.run(run(Plan(**json.load(sys.stdin))))
    json.dump(asdict(figures), sys.stdout)


if __name__ == "__main__":
    main()
