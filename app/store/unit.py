"""A unit of work: one transaction, and what is sent once it is committed.

State and its events are written together; jobs and messages go out after the commit, and never when it fails. If the
process dies in between, the sweep finds what was not sent.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tortoise.transactions import in_transaction

from app.core.ids import NOISE_BYTES, Kind, make
from app.ports import Bus, Chance, Clock, Job, JobQueue
from app.store.database import NAME


class Outlets(Protocol):
    """Where a unit takes its time and ids from, and sends to."""

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...

    @property
    def chance(self) -> Chance:
        """The dice."""
        ...

    @property
    def bus(self) -> Bus:
        """Where messages go."""
        ...

    @property
    def queue(self) -> JobQueue:
        """Where jobs go."""
        ...


@dataclass(slots=True)
class Unit:
    """What one transaction knows: its moment, new ids, and what to send after it.

    `queues` holds the environments whose queue may move: a deployment ended there, or asked to start.
    """

    now: datetime
    new_id: Callable[[Kind], str]
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    queues: set[str] = field(default_factory=set)


@asynccontextmanager
async def unit(outlets: Outlets) -> AsyncIterator[Unit]:
    """Open a transaction; commit it when the block ends, then send. An exception rolls it back and sends nothing."""
    now = outlets.clock.now()
    work = Unit(now=now, new_id=lambda kind: make(kind, now, outlets.chance.noise(NOISE_BYTES)))
    async with in_transaction(NAME):
        yield work
    if work.messages:
        await outlets.bus.publish(work.messages)
    if work.jobs:
        await outlets.queue.send(work.jobs)
