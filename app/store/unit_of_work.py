"""A unit of work: one transaction, and the jobs and messages that are sent after its commit.

State and its events are written together; jobs and messages are sent only if the commit succeeds. If the process dies
between commit and sending, the sweep sends them again.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.core.audit import Change
from app.core.ids import NOISE_BYTES, IdKind, make
from app.ports import Bus, Chance, Clock, Job, JobQueue
from app.store.database import transaction


class UnitPorts(Protocol):
    """Ports of a unit of work: clock and randomness for moments and ids, bus and queue for effects."""

    @property
    def clock(self) -> Clock:
        """Source of moments."""
        ...

    @property
    def chance(self) -> Chance:
        """Source of randomness."""
        ...

    @property
    def bus(self) -> Bus:
        """Receiver of messages."""
        ...

    @property
    def queue(self) -> JobQueue:
        """Receiver of jobs."""
        ...


@dataclass(slots=True)
class Unit:
    """The state of one transaction: its moment, new ids, and what to send after the commit.

    After waiting for a lock the moment is set again, so that it is later than that of the lock's earlier holder.

    `queues` has the ids of environments in which a deployment may start now: one ended there, or was queued. `changes`
    has the changed objects by id, as they were and as they are.
    """

    now: datetime
    new_id: Callable[[IdKind], str]
    clock: Clock
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    queues: set[str] = field(default_factory=set)
    changes: dict[str, Change] = field(default_factory=dict)

    def record_change(self, id_: str, before: object, after: object) -> None:
        """Record how an object was and is. Of several changes of one object, the first `before` is kept."""
        earlier = self.changes.get(id_)
        self.changes[id_] = Change(earlier.before if earlier else before, after)


def _ids(now: datetime, chance: Chance) -> Callable[[IdKind], str]:
    return lambda kind: make(kind, now, chance.random_bytes(NOISE_BYTES))


@asynccontextmanager
async def unit(ports: UnitPorts) -> AsyncIterator[Unit]:
    """Run the block in a transaction, commit, then send. An exception rolls back and discards them."""
    now = ports.clock.now()
    new_id = _ids(now, ports.chance)
    work = Unit(now=now, new_id=new_id, clock=ports.clock)
    async with transaction():
        yield work
    if work.messages:
        await ports.bus.publish(work.messages)
    if work.jobs:
        await ports.queue.send(work.jobs)
