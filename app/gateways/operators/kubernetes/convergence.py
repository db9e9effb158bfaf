"""Waiting for a workload to be as it shall be, or to be told why it cannot become so."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.core.kubernetes import pods
from app.core.kubernetes.manifests import Object
from app.core.kubernetes.replicas import ReplicaStatus
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, Kind
from app.gateways.operators.kubernetes.list_watch import alarmed
from app.gateways.operators.kubernetes.rollout_objects import Judgement, RolloutObjects, StuckError, stuck_if

Relief = Callable[[Object], Awaitable[bool]]
"""Makes room for the pods of an object, which cannot all be made or placed; returns whether it could."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A workload that is waited for: how it is read, how it is judged, and what may make room for it."""

    kind: Kind
    name: str
    read: Callable[[Object], ReplicaStatus]
    judge: Judgement
    relief: Relief | None = None


class Convergence:
    """Waiting for a workload to be as it shall be."""

    def __init__(self, objects: RolloutObjects, goal: Goal) -> None:
        self._objects = objects
        self._goal = goal
        self._told = ""
        self._since = self._moved_on = asyncio.get_running_loop().time()
        self._relieved = float("-inf")
        self._at: ReplicaStatus | None = None

    async def wait(self) -> None:
        """Return once it is. Raises StuckError."""
        goal, pace = self._goal, self._objects.pace
        if goal.read(await self._seen()).settled:
            return
        async with alarmed(self._objects.cluster, goal.kind, goal.name, pace.poll, pace.watched) as alarm:
            while not await self._is_done():
                await alarm.wait()

    async def _seen(self) -> Object:
        """Return the workload as it is, unless somebody changed what the base was given. Raises StuckError."""
        seen = await self._objects.need(self._goal.kind, self._goal.name)
        stuck_if(self._goal.judge(seen))
        return seen

    async def _is_done(self) -> bool:
        seen = await self._seen()
        at = self._goal.read(seen)
        if at.settled:
            return True
        faults = [each for pod in await self._objects.pods(seen) if (each := pods.fault(pod))]
        found = min(faults, key=lambda each: each.passing, default=None)
        fault = found.message if found and not found.passing else None
        await self._tell(at, fault)
        is_late = self._is_late(at, fault)
        lacks_room = at.unmade or any(each.passing for each in faults)
        if lacks_room and self._goal.relief and await self._goal.relief(seen):
            self._relieved = asyncio.get_running_loop().time()
        elif is_late and asyncio.get_running_loop().time() - self._relieved >= self._objects.pace.patience:
            raise StuckError(f"{self._goal.name}: {is_late}")
        return False

    async def _tell(self, at: ReplicaStatus, fault: str | None) -> None:
        loop = asyncio.get_running_loop()
        now = f"{at.updated} of {at.wanted} replicas of {self._goal.name} are updated, {at.available} available"
        now += f"; {fault}" if fault else ""
        if now != self._told:
            await self._objects.say(f"WARN: {now}." if fault else f"{now}.")
        self._told = now
        if fault is None:
            self._since = loop.time()
        if at != self._at:
            self._at, self._moved_on = at, loop.time()

    def _is_late(self, at: ReplicaStatus, fault: str | None) -> str | None:
        """Return why there is no use in waiting any longer."""
        now, pace = asyncio.get_running_loop().time(), self._objects.pace
        if at.stalled:
            return at.stalled + (f": {fault}" if fault else "")
        if fault and now - self._since >= pace.patience:
            return fault
        if self._goal.kind is not DEPLOYMENTS and now - self._moved_on >= pace.deadline:
            return f"it made no progress within {pace.deadline:.0f} s"
        return None
