"""One command as a Job: made once however often it is asked for, followed, and told how it ended."""

import asyncio
import math
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import aclosing, suppress
from typing import Any

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import manifests, pods
from app.core.kubernetes.manifests import Object, is_owned_by, name_of, uid_of
from app.core.log_levels import Stream
from app.gateways.operators.execution import EndRequest
from app.gateways.operators.kubernetes.cluster import JOBS, PODS, Cluster
from app.gateways.operators.kubernetes.condition_timers import ConditionTimers
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.job_creation import ROOM_SECONDS, JobCreation, NoRoomError
from app.gateways.operators.kubernetes.job_events import JobEvents, told
from app.gateways.operators.kubernetes.job_log import follow
from app.gateways.operators.kubernetes.list_watch import AGAIN_SECONDS, persistently, snapshots
from app.ports import Instruction, LogSink, Origin

SLACK_SECONDS = 30.0
"""How much longer than its own limit a Job is waited for: its end is told late, or made here."""
REST_SECONDS = 30.0
"""How long the rest of a log is waited for when its Job has ended."""
STOP_SECONDS = 30.0
"""How long a cluster that is away is asked to end a Job that is not wanted any more."""
KILL_SECONDS = 2.0
"""How long a cluster may take to delete a Job and its pods without a grace."""
PAUSE_SECONDS = 0.2
SILENT_SECONDS = 5.0
"""After how long it is told what a Job waits for, where nothing is known to be wrong."""
SETTLED_SECONDS = 30.0
"""How long the pod of a Job that has failed is waited for: that of a dead node never ends."""


class JobRun:
    """Makes or finds the Job of one run, and follows it to its end. To be used once."""

    def __init__(
        self, cluster: Cluster, instruction: Instruction, log: LogSink, making: JobCreation, patience_seconds: float
    ) -> None:
        assert instruction.origin is not None
        self._cluster = cluster
        self._instruction = instruction
        self._origin: Origin = instruction.origin
        self._log = log
        self._making = making
        self._patience = patience_seconds
        self._name = making.name
        self._job: Object = {}
        self._pods: list[Object] = []
        self._fault: pods.Fault | None = None
        self._unmade: pods.Fault | None = None
        self._told: set[str] = set()
        self._is_over = False
        self._changed = asyncio.Event()
        self._turns = asyncio.Lock()

    async def run(self, request: EndRequest) -> Outcome:
        """Run the Job to its end; when cancelled, delete it, unless it is detached. Raises what the log raises."""
        if why := self._making.refusal:
            return Outcome(Ending.FAILED, why)
        limit = self._instruction.timeout_seconds + SLACK_SECONDS
        try:
            async with asyncio.timeout(limit) as clock:
                while (outcome := await self._try()) is None:
                    await self._making.clear(self._job, self._trouble)
                if outcome.ending is Ending.LOST:
                    await self._make_room()
                elif not self._origin.retain:
                    await self._remove(0)
                return outcome
        except ClusterRefusedError as error:
            return Outcome(Ending.FAILED, str(error))
        except TimeoutError:
            if not clock.expired():
                raise
            await self._remove(0)
            return self._too_late()
        except asyncio.CancelledError:
            if not request.is_detached:
                await self._stop(request)
            raise

    async def _make_room(self) -> None:
        """Remove a Job that the cluster ended, so that the next attempt makes another. Else that one finds it so."""
        with suppress(TimeoutError, ClusterRefusedError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._making.clear(self._job, self._trouble)

    def _too_late(self) -> Outcome:
        why = f"; {self._fault.message}" if self._fault else ""
        limit = f"{self._instruction.timeout_seconds:.10g}"
        return Outcome(Ending.FAILED, f"the time limit of {limit} seconds was reached{why}")

    async def _try(self) -> Outcome | None:
        """Make the Job and follow it to its end; None where it is to be made anew, in another form."""
        pause = AGAIN_SECONDS
        while True:
            try:
                self._job = await self._making.ensure(self._trouble)
                break
            except NoRoomError as full:
                self._fault = pods.Fault(f"there is no room for its Job: {full}", passing=True)
                await self._tell(f"WARN: waiting: {self._fault.message}")
            if self._making.seconds_left <= 0:
                return self._too_late()
            await asyncio.sleep(max(0.0, min(pause, self._making.seconds_left)))
            pause = min(2 * pause, ROOM_SECONDS)
        self._pods, self._fault, self._unmade = [], None, None
        if self._making.is_found:
            await self._say(f"Going on with Job {self._name}, which is there already.")
        else:
            await self._say(f"Job {self._name} runs {self._instruction.image}.")
        return await self._to_its_end()

    async def _to_its_end(self) -> Outcome | None:
        events = JobEvents(self._cluster, self._hear)
        events.add(self._job)
        followed = (self._watch_job(), self._watch_pods(events), self._follow(), events.run())
        works = [asyncio.create_task(work) for work in followed]
        following = works[2]
        try:
            ended: Outcome | None = await self._beside(works, self._ended())
            if ended is None:
                return None
            self._is_over = True
            if ended.ending is Ending.FAILED and not pods.is_done(self._job):
                await self._remove(None)
            if self._has_begun:
                await self._beside(works, asyncio.wait([following], timeout=self._rest_seconds()))
                if following.done():
                    following.result()
                else:
                    await self._say("WARN: the rest of the log cannot be read.")
            return ended
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    def _rest_seconds(self) -> float:
        """How long the rest of the log is waited for: a node that is dead sends none."""
        return REST_SECONDS if pods.is_done(self._job) else min(REST_SECONDS, 2.0)

    async def _beside(self, works: list[asyncio.Task[None]], wanted: Awaitable[Any]) -> Any:
        """Await something while the works go on; what ends one of them with an error ends this."""
        waiting = asyncio.ensure_future(wanted)
        try:
            while not waiting.done():
                running = [work for work in works if not work.done()]
                await asyncio.wait([waiting, *running], return_when=asyncio.FIRST_COMPLETED)
                for work in works:
                    if work.done():
                        work.result()
            return waiting.result()
        finally:
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([waiting])

    @property
    def _selector(self) -> str:
        return f"{manifests.RUN_LABEL}={self._name}"

    async def _watch_job(self) -> None:
        uid = uid_of(self._job)
        async with aclosing(snapshots(self._cluster, JOBS, self._selector, self._trouble)) as seen:
            async for jobs in seen:
                job = jobs.get(self._name)
                if job is not None and uid_of(job) == uid:
                    self._job = job
                elif not (self._is_over or pods.is_done(self._job)):
                    raise ClusterRefusedError(404, f"Job {self._name} was deleted by somebody")
                self._changed.set()

    async def _watch_pods(self, events: JobEvents) -> None:
        uid = uid_of(self._job)
        async with aclosing(snapshots(self._cluster, PODS, self._selector, self._quiet)) as seen:
            async for found in seen:
                ours = [pod for pod in found.values() if is_owned_by(pod, uid)]
                if ours or not pods.is_done(self._job):
                    self._pods = ours or self._pods
                for pod in ours:
                    events.add(pod)
                self._changed.set()

    async def _hear(self, events: Sequence[Object]) -> None:
        """Take note of the events of the Job, or of a pod of it: all that there are."""
        for event in events:
            if event.get("reason") != pods.FAILED_CREATE:
                await self._tell(told(event), str(event.get("message") or ""))
        if failed := [event for event in events if event.get("reason") == pods.FAILED_CREATE]:
            self._unmade = pods.missing_pod_fault(failed)
            self._changed.set()

    async def _look_at_pods(self) -> None:
        """See the pods of a Job that has ended as they are now: their watch may lag behind that of the Job."""
        listing = await persistently(lambda: self._cluster.list(PODS, self._selector), self._quiet)
        self._pods = [pod for pod in listing.items if is_owned_by(pod, uid_of(self._job))] or self._pods

    async def _ended(self) -> Outcome | None:
        """Wait for the Job's end, or until nothing can come of it any more; tell meanwhile what keeps it.

        None: it is to be made anew.
        """
        clocks = ConditionTimers()
        while True:
            self._changed.clear()
            if pods.is_done(self._job):
                await self._look_at_pods()
                return self._outcome()
            if await self._is_settled(clocks):
                return self._outcome()
            if clocks.is_settling:
                await self._wait(self._patience / 4)
                continue
            running = any("running" in pods.main_state(pod) for pod in self._pods)
            if clocks.running(running) >= (self._instruction.answer_seconds or math.inf):
                return Outcome(Ending.FAILED, f"no answer within {self._instruction.answer_seconds:.10g} s")
            found = self._found(clocks)
            if found:
                await self._tell(f"WARN: waiting: {found.message}")
                if self._making.otherwise(found, self._job):
                    await self._say("It is made anew, in another form.")
                    return None
            kept = clocks.kept(bool(found and self._fault))
            if found or self._has_begun:
                self._fault = found
            if found and (found.hopeless or (not found.passing and kept >= self._patience)):
                return Outcome(Ending.FAILED, self._making.told(found))
            is_quiet = running and not (found or self._instruction.answer_seconds)
            await self._wait(None if is_quiet else self._patience / 4)

    async def _wait(self, seconds: float | None) -> None:
        """Return when something has changed, or it is time to look again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else min(1.0, seconds)):
                await self._changed.wait()

    @property
    def _has_begun(self) -> bool:
        return any(pods.has_log(pod) for pod in self._pods)

    def _outcome(self) -> Outcome:
        return pods.outcome(self._job, self._pods, self._fault, self._instruction.timeout_seconds)

    async def _is_settled(self, clocks: ConditionTimers) -> bool:
        """Tell whether a Job has failed whose pod does not come to an end; say so after a while."""
        settled = pods.pending_failure(self._job, self._pods)
        seconds = clocks.settled(settled is not None)
        if settled and seconds >= SILENT_SECONDS:
            await self._tell(f"WARN: {settled}")
        return seconds >= SETTLED_SECONDS

    def _found(self, clocks: ConditionTimers) -> pods.Fault | None:
        """Return what keeps the Job from running."""
        found = next((fault for pod in self._pods if (fault := pods.fault(pod))), None)
        if found or self._has_begun:
            return found
        if self._unmade and not self._pods:
            return self._unmade
        if clocks.age < SILENT_SECONDS:
            return None
        return pods.Fault(pods.startup_delay(self._job, pods.newest(self._pods)), passing=True)

    def _follow(self) -> Coroutine[Any, Any, None]:
        return follow(self._cluster, lambda: self._pods, self._write)

    async def _stop(self, request: EndRequest) -> None:
        """Delete the Job and wait until its pods are gone; on the order to kill, or when cancelled, without a grace."""
        is_over = False
        try:
            is_over = await request.unless_killed(self._delete())
        finally:
            if not is_over:
                await self._delete_at_once()

    async def _delete(self) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                if await persistently(lambda: self._remove(None, "Foreground"), self._quiet):
                    await self._gone()
        except TimeoutError:
            await self._say(f"WARN: Job {self._name} could not be deleted in time; it ends at its limit at the latest.")
        except ClusterRefusedError as error:
            await self._say(f"WARN: Job {self._name} could not be deleted: {error}")

    async def _delete_at_once(self) -> None:
        with suppress(TimeoutError, ClusterAwayError, ClusterRefusedError):
            async with asyncio.timeout(KILL_SECONDS):
                for pod in self._pods:
                    await self._cluster.delete(PODS, name_of(pod), grace_seconds=0)
                await self._remove(0)

    async def _gone(self) -> None:
        while await persistently(lambda: self._cluster.get(JOBS, self._name), self._quiet) is not None:  # noqa: ASYNC110
            await asyncio.sleep(PAUSE_SECONDS)

    async def _remove(self, grace_seconds: int | None, propagation: str = "Background") -> bool:
        """Delete the Job. A cluster that is away, or refuses, is left to the Job's own limit where this ends a run."""
        if propagation == "Background":
            with suppress(ClusterAwayError, ClusterRefusedError):
                return await self._cluster.delete(JOBS, self._name, grace_seconds=grace_seconds)
            return False
        return await self._cluster.delete(JOBS, self._name, propagation=propagation, grace_seconds=grace_seconds)

    async def _tell(self, line: str, gist: str = "") -> None:
        """Say something once. What somebody has said already by its `gist` is not said again."""
        if line not in self._told and not (gist and any(gist in each for each in self._told)):
            self._told.add(line)
            await self._say(line)

    async def _say(self, line: str) -> None:
        await self._write(Stream.SYSTEM, [line])

    async def _write(self, stream: Stream, lines: Sequence[str]) -> None:
        async with self._turns:
            await self._log(stream, lines)

    async def _trouble(self, what: str | None) -> None:
        await self._say(f"WARN: {what}" if what else "The cluster answers again.")

    async def _quiet(self, what: str | None) -> None:
        """Say nothing: one voice is enough for a cluster that is away."""
