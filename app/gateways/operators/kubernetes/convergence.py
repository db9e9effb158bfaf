"""Waiting until a workload has converged: all replicas updated and available, or a reason why they cannot be."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.core.kubernetes import pods
from app.core.kubernetes.manifests import Object
from app.core.kubernetes.replicas import ReplicaStatus
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, Kind
from app.gateways.operators.kubernetes.list_watch import watch_object
from app.gateways.operators.kubernetes.rollout_objects import DriftCheck, RolloutObjects, StuckError, stuck_if

MakeRoom = Callable[[Object], Awaitable[bool]]
"""Makes room for pods of an object that cannot be created or scheduled. Returns whether waiting may help."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A workload to wait for: how its status is read, how drift is found, and what may make room for it."""

    kind: Kind
    name: str
    read: Callable[[Object], ReplicaStatus]
    drift_check: DriftCheck
    make_room: MakeRoom | None = None


class Convergence:
    """One wait for a workload. Logs its progress."""

    def __init__(self, objects: RolloutObjects, goal: Goal) -> None:
        self._objects = objects
        self._goal = goal
        self._logged = ""
        self._healthy_at = self._progress_at = asyncio.get_running_loop().time()
        self._room_made_at = float("-inf")
        self._status: ReplicaStatus | None = None

    async def wait(self) -> None:
        """Return once the workload has converged. Raises StuckError."""
        goal, intervals = self._goal, self._objects.intervals
        if goal.read(await self._body()).settled:
            return
        polls = intervals.poll_seconds, intervals.watched_poll_seconds
        async with watch_object(self._objects.cluster, goal.kind, goal.name, *polls) as signal:
            while not await self._is_done():
                await signal.wait()

    async def _body(self) -> Object:
        """Return the workload as it is. Raises StuckError where it has drifted."""
        body = await self._objects.get_existing(self._goal.kind, self._goal.name)
        stuck_if(self._goal.drift_check(body))
        return body

    async def _is_done(self) -> bool:
        body = await self._body()
        status = self._goal.read(body)
        if status.settled:
            return True
        pod_faults = [pod_fault for pod in await self._objects.pods(body) if (pod_fault := pods.fault(pod))]
        worst = min(pod_faults, key=lambda pod_fault: pod_fault.passing, default=None)
        fault = worst.message if worst and not worst.passing else None
        await self._log(status, fault)
        failure = self._failure(status, fault)
        lacks_room = status.unmade or any(pod_fault.passing for pod_fault in pod_faults)
        if lacks_room and self._goal.make_room and await self._goal.make_room(body):
            self._room_made_at = asyncio.get_running_loop().time()
        elif (
            failure and asyncio.get_running_loop().time() - self._room_made_at >= self._objects.intervals.fault_seconds
        ):
            raise StuckError(f"{self._goal.name}: {failure}")
        return False

    async def _log(self, status: ReplicaStatus, fault: str | None) -> None:
        """Log what has changed, and keep when the workload was healthy and made progress last."""
        loop, name = asyncio.get_running_loop(), self._goal.name
        line = f"{status.updated} of {status.wanted} replicas of {name} are updated, {status.available} available"
        line += f"; {fault}" if fault else ""
        if line != self._logged:
            await self._objects.log(f"WARN: {line}." if fault else f"{line}.")
        self._logged = line
        if fault is None:
            self._healthy_at = loop.time()
        if status != self._status:
            self._status, self._progress_at = status, loop.time()

    def _failure(self, status: ReplicaStatus, fault: str | None) -> str | None:
        """Return why waiting any longer is of no use; None while it may help."""
        now, intervals = asyncio.get_running_loop().time(), self._objects.intervals
        if status.stalled:
            return status.stalled + (f": {fault}" if fault else "")
        if fault and now - self._healthy_at >= intervals.fault_seconds:
            return fault
        if self._goal.kind is not DEPLOYMENTS and now - self._progress_at >= intervals.progress_seconds:
            return f"it made no progress within {intervals.progress_seconds:.0f} s"
        return None
