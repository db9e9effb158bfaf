"""A unit of work: one transaction, and what is sent once it is committed.

State and its events are written together; jobs and messages go out after the commit, and never when it fails. If the
process dies in between, the sweep finds what was not sent.
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

    The moment is moved on when a lock was waited for: what waited is later than what it waited for.

    `queues` holds the environments whose queue may move: a deployment ended there, or asked to start. `changes` has
    the objects that were held or changed, by id, as they were and as they are.
    """

    now: datetime
    new_id: Callable[[IdKind], str]
    clock: Clock
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    queues: set[str] = field(default_factory=set)
    changes: dict[str, Change] = field(default_factory=dict)

    def record_change(self, id_: str, before: object, after: object) -> None:
        """Note how an object was, and how it is now. What was noted of it first is how it was."""
        known = self.changes.get(id_)
        self.changes[id_] = Change(known.before if known else before, after)


def _ids(now: datetime, chance: Chance) -> Callable[[IdKind], str]:
    return lambda kind: make(kind, now, chance.random_bytes(NOISE_BYTES))


@asynccontextmanager
async def unit(outlets: UnitPorts) -> AsyncIterator[Unit]:
    """Open a transaction; commit it when the block ends, then send. An exception rolls it back and sends nothing."""
    now = outlets.clock.now()
    new_id = _ids(now, outlets.chance)
    work = Unit(now=now, new_id=new_id, clock=outlets.clock)
    async with transaction():
        yield work
    if work.messages:
        await outlets.bus.publish(work.messages)
    if work.jobs:
        await outlets.queue.send(work.jobs)
