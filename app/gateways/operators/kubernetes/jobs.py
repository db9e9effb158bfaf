"""One command as a Job: made once however often it is asked for, followed, and told how it ended."""

import asyncio
import math
from collections.abc import Awaitable
from contextlib import aclosing, suppress
from typing import Any

from app.core import manifests, pods
from app.core.attempt import Ending, Outcome
from app.core.logs import Stream
from app.core.manifests import Object, is_going, is_owned_by, name_of, uid_of
from app.core.workloads import is_ours, noted
from app.gateways.operators.kubernetes.cluster import EVENTS, JOBS, PODS, Cluster
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.tail import Tail
from app.gateways.operators.kubernetes.watching import persistently, snapshots
from app.ports import LEAVE, Instruction, LogSink, Origin

SLACK_SECONDS = 30.0
"""How much longer than its own limit a Job is waited for: its end is told late, or made here."""
REST_SECONDS = 30.0
"""How long the rest of a log is waited for when its Job has ended."""
STOP_SECONDS = 30.0
"""How long a cluster that is away is asked to end a Job that is not wanted any more."""
PAUSE_SECONDS = 0.2
UNMADE_SECONDS = 3.0
"""After how long without a pod is asked why, and how often."""


class JobRun:
    """Makes or finds the Job of one run, and follows it to its end. To be used once."""

    def __init__(self, cluster: Cluster, instruction: Instruction, log: LogSink, patience_seconds: float) -> None:
        assert instruction.origin is not None
        self._cluster = cluster
        self._instruction = instruction
        self._origin: Origin = instruction.origin
        self._log = log
        self._patience = patience_seconds
        self._name = manifests.job_name(self._origin.task_id, self._origin.run)
        self._job: Object = {}
        self._pods: list[Object] = []
        self._fault: pods.Fault | None = None
        self._unmade: pods.Fault | None = None
        self._changed = asyncio.Event()

    async def run(self) -> Outcome:
        """Carry it out. A Job that nobody shall go on with is gone when this is over. Raises what the log raises."""
        limit = self._instruction.timeout_seconds + SLACK_SECONDS
        try:
            async with asyncio.timeout(limit) as clock:
                outcome = await self._to_its_end()
                if not self._origin.stays:
                    await self._remove(0)
                return outcome
        except ClusterRefusedError as error:
            return Outcome(Ending.FAILED, str(error))
        except TimeoutError:
            if not clock.expired():
                raise
            await self._remove(0)
            why = f"; {self._fault.message}" if self._fault else ""
            return Outcome(
                Ending.FAILED, f"the time limit of {self._instruction.timeout_seconds:.10g} seconds was reached{why}"
            )
        except asyncio.CancelledError as cancelled:
            if LEAVE not in cancelled.args:
                await self._stop()
            raise

    async def _to_its_end(self) -> Outcome:
        await self._ensure()
        works = [asyncio.create_task(work) for work in (self._watch_job(), self._watch_pods(), self._follow())]
        following = works[-1]
        works.append(asyncio.create_task(self._ask_for_a_pod()))
        try:
            ended: Outcome = await self._beside(works, self._ended())
            if ended.ending is Ending.FAILED and not pods.is_done(self._job):
                await self._remove(None)
            if any(pods.has_log(pod) for pod in self._pods):
                await self._beside(works, asyncio.wait([following], timeout=REST_SECONDS))
                if following.done():
                    following.result()
                else:
                    await self._say("WARN: the rest of the log can not be read.")
            return ended
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

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

    async def _ensure(self) -> None:
        """Make the Job, or go on with the one that is there. Raises ClusterRefusedError."""
        body = self._manifest()
        while True:
            try:
                self._job = await persistently(lambda: self._cluster.create(JOBS, body), self._trouble)
                await self._say(f"Job {self._name} runs {self._instruction.image}.")
                return
            except ClusterRefusedError as error:
                if not error.is_conflict:
                    raise
            found = await self._taken()
            if found is not None:
                if not is_ours(found):
                    raise ClusterRefusedError(409, f"there is a Job {self._name} that Boreas did not make")
                self._job = found
                await self._say(f"Going on with Job {self._name}, which is there already.")
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def _taken(self) -> Object | None:
        """Mark the Job that is there as this attempt's, and return it; None where there is none, or not for long."""

        def marked(seen: Object) -> Object:
            if is_going(seen) or not is_ours(seen):
                return seen
            return noted(seen, {manifests.ATTEMPT: str(self._origin.attempt)})

        try:
            found = await persistently(lambda: self._cluster.modify(JOBS, self._name, marked), self._trouble)
        except ClusterRefusedError as error:
            if error.is_missing:
                return None
            raise
        return None if is_going(found) else found

    def _manifest(self) -> Object:
        instruction = self._instruction
        return manifests.job(
            manifests.Owner(
                deployment_id=self._origin.deployment_id,
                task_id=self._origin.task_id,
                application=self._origin.application,
            ),
            self._origin.run,
            image=instruction.image or "",
            command=instruction.command or (),
            env=instruction.env,
            limit_seconds=math.ceil(instruction.timeout_seconds),
            attempt=self._origin.attempt,
        )

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
                elif not pods.is_done(self._job):
                    raise ClusterRefusedError(404, f"Job {self._name} was deleted by somebody")
                self._changed.set()

    async def _watch_pods(self) -> None:
        uid = uid_of(self._job)
        async with aclosing(snapshots(self._cluster, PODS, self._selector, self._quiet)) as seen:
            async for found in seen:
                ours = [pod for pod in found.values() if is_owned_by(pod, uid)]
                if ours or not pods.is_done(self._job):
                    self._pods = ours or self._pods
                self._changed.set()

    async def _ask_for_a_pod(self) -> None:
        """Find out why there is no pod for long, as the Job itself does not tell."""
        while not self._pods:
            await asyncio.sleep(UNMADE_SECONDS)
            if self._pods or pods.is_done(self._job):
                return
            about = f"involvedObject.uid={uid_of(self._job)},reason=FailedCreate"
            try:
                events = (await self._cluster.list(EVENTS, fields=about)).items
            except (ClusterAwayError, ClusterRefusedError):
                events = ()
            self._unmade = pods.unmade(events)
            self._changed.set()

    async def _look_at_pods(self) -> None:
        """See the pods of a Job that has ended as they are now: their watch may lag behind that of the Job."""
        listing = await persistently(lambda: self._cluster.list(PODS, self._selector), self._quiet)
        self._pods = [pod for pod in listing.items if is_owned_by(pod, uid_of(self._job))] or self._pods

    async def _ended(self) -> Outcome:
        """Wait for the Job's end, or until nothing can come of it any more; tell meanwhile what keeps it."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while True:
            self._changed.clear()
            if pods.is_done(self._job):
                await self._look_at_pods()
                return pods.outcome(self._job, self._pods, self._fault)
            found = next(
                (fault for pod in self._pods if (fault := pods.fault(pod))), None if self._pods else self._unmade
            )
            if found and (self._fault is None or found.message != self._fault.message):
                await self._say(f"WARN: waiting: {found.message}")
            if found is None or self._fault is None:
                since = loop.time()
            if found or any(pods.has_log(pod) for pod in self._pods):
                self._fault = found
            if found and (found.hopeless or (not found.passing and loop.time() - since >= self._patience)):
                return Outcome(Ending.FAILED, found.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience / 4 if found else None):
                    await self._changed.wait()

    async def _follow(self) -> None:
        """Pass the log on from its first byte to its last."""
        tail, pod = Tail(), await self._begun()
        while True:
            whole = "terminated" in pods.main_state(self._current(pod))
            try:
                reading = self._cluster.log(name_of(pod), manifests.CONTAINER, tail.since)
                async with aclosing(reading) as chunks:
                    async for chunk in chunks:
                        if lines := tail.feed(chunk):
                            await self._log(Stream.STDOUT, lines)
                if whole:
                    break
            except ClusterAwayError:
                pass
            except ClusterRefusedError as error:
                if error.is_missing:
                    await self._say("WARN: the pod is gone, and with it the rest of its log.")
                    break
                if error.status != 400:
                    raise
            tail.reconnect()
            await asyncio.sleep(PAUSE_SECONDS)
        if lines := tail.finish():
            await self._log(Stream.STDOUT, lines)

    async def _begun(self) -> Object:
        while True:
            begun = [pod for pod in self._pods if pods.has_log(pod)]
            if pod := pods.newest(begun):
                return pod
            await asyncio.sleep(PAUSE_SECONDS / 4)

    def _current(self, pod: Object) -> Object:
        return next((each for each in self._pods if uid_of(each) == uid_of(pod)), pod)

    async def _stop(self) -> None:
        """End the Job and wait until its pods are gone; when cancelled again, without any grace."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                if await persistently(lambda: self._remove(None, "Foreground"), self._quiet):
                    await self._gone()
        except TimeoutError:
            await self._say(f"WARN: Job {self._name} could not be deleted in time; it ends at its limit at the latest.")
        except asyncio.CancelledError:
            with suppress(TimeoutError, ClusterAwayError, ClusterRefusedError):
                async with asyncio.timeout(2.0):
                    for pod in self._pods:
                        await self._cluster.delete(PODS, name_of(pod), grace_seconds=0)
                    await self._remove(0)
            raise
        except ClusterRefusedError as error:
            await self._say(f"WARN: Job {self._name} could not be deleted: {error}")

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

    async def _say(self, line: str) -> None:
        await self._log(Stream.SYSTEM, [line])

    async def _trouble(self, what: str | None) -> None:
        await self._say(f"WARN: the cluster is away: {what}" if what else "The cluster answers again.")

    async def _quiet(self, what: str | None) -> None:
        """Say nothing: one voice is enough for a cluster that is away."""
