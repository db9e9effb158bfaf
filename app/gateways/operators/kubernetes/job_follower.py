"""A Job from its creation to its end: its state, its pods, their events and the log of its container."""

import asyncio
import math
from collections.abc import Awaitable, Sequence
from contextlib import aclosing, suppress
from typing import Any

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import manifests, pods
from app.core.kubernetes.manifests import Object, is_owned_by, uid_of
from app.gateways.operators.kubernetes.cluster import JOBS, PODS, Cluster
from app.gateways.operators.kubernetes.condition_timers import ConditionTimers
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.job_creation import JobCreation
from app.gateways.operators.kubernetes.job_events import JobEvents, as_line
from app.gateways.operators.kubernetes.job_log import JobLog, follow
from app.gateways.operators.kubernetes.list_watch import ignore_outage, list_and_watch, retry_while_away
from app.ports import Instruction

LOG_REST_SECONDS = 30.0
"""How long to wait for the rest of a log when its Job has ended."""
LOST_LOG_REST_SECONDS = 2.0
"""The same for a Job that was ended without its pod: a dead node sends no log."""
QUIET_SECONDS = 5.0
"""How long a Job may take to start before its log says what it waits for, where no fault is known."""
FAILING_SECONDS = 30.0
"""How long to wait for the end of a pod whose Job has failed: the pod of a dead node never ends."""


class JobFollower:
    """Follows one Job object to its end. `pods` and `fault` are what is known last. To be used once."""

    def __init__(
        self, cluster: Cluster, instruction: Instruction, creation: JobCreation, log: JobLog, fault_seconds: float
    ) -> None:
        self._cluster = cluster
        self._instruction = instruction
        self._creation = creation
        self._log = log
        self._fault_seconds = fault_seconds
        self.job: Object = {}
        self.pods: list[Object] = []
        self.fault: pods.Fault | None = None
        self._creation_fault: pods.Fault | None = None
        self._has_ended = False
        self._changed = asyncio.Event()

    async def follow(self, job: Object) -> Outcome | None:
        """Return how a Job ended, once its log was passed on; None where it is to be created in another form.

        Raises ClusterRefusedError, and what the log raises.
        """
        self.job = job
        events = JobEvents(self._cluster, self._on_events)
        events.add(job)
        log = follow(self._cluster, lambda: self.pods, self._log.write)
        tasks = [asyncio.create_task(work) for work in (self._watch_job(), self._watch_pods(events), log, events.run())]
        log_task = tasks[2]
        try:
            outcome: Outcome | None = await self._await_beside(tasks, self._wait_for_end())
            if outcome is None:
                return None
            self._has_ended = True
            if outcome.ending is Ending.FAILED and not pods.is_done(self.job):
                await self._creation.delete(None)
            if self._has_log:
                await self._await_beside(tasks, asyncio.wait([log_task], timeout=self._log_rest_seconds()))
                if log_task.done():
                    log_task.result()
                else:
                    await self._log.line("WARN: the rest of the log cannot be read.")
            return outcome
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _log_rest_seconds(self) -> float:
        return LOG_REST_SECONDS if pods.is_done(self.job) else LOST_LOG_REST_SECONDS

    @staticmethod
    async def _await_beside(tasks: list[asyncio.Task[None]], awaitable: Awaitable[Any]) -> Any:
        """Await something while the tasks go on. Raises the error of a task that fails meanwhile."""
        waiting = asyncio.ensure_future(awaitable)
        try:
            while not waiting.done():
                running = [task for task in tasks if not task.done()]
                await asyncio.wait([waiting, *running], return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
            return waiting.result()
        finally:
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([waiting])

    @property
    def _selector(self) -> str:
        return f"{manifests.RUN_LABEL}={self._creation.name}"

    async def _watch_job(self) -> None:
        name, uid = self._creation.name, uid_of(self.job)
        jobs = list_and_watch(self._cluster, JOBS, self._selector, self._log.report_outage)
        async with aclosing(jobs) as snapshots:
            async for jobs_by_name in snapshots:
                job = jobs_by_name.get(name)
                if job is not None and uid_of(job) == uid:
                    self.job = job
                elif not (self._has_ended or pods.is_done(self.job)):
                    raise ClusterRefusedError(404, f"Job {name} was deleted by somebody")
                self._changed.set()

    async def _watch_pods(self, events: JobEvents) -> None:
        uid = uid_of(self.job)
        async with aclosing(list_and_watch(self._cluster, PODS, self._selector, ignore_outage)) as snapshots:
            async for pods_by_name in snapshots:
                own = [pod for pod in pods_by_name.values() if is_owned_by(pod, uid)]
                if own or not pods.is_done(self.job):
                    self.pods = own or self.pods
                for pod in own:
                    events.add(pod)
                self._changed.set()

    async def _on_events(self, events: Sequence[Object]) -> None:
        """Log the events of the Job or of one of its pods, and keep why a pod could not be created."""
        for event in events:
            if event.get("reason") != pods.FAILED_CREATE:
                await self._log.once(as_line(event), str(event.get("message") or ""))
        if failures := [event for event in events if event.get("reason") == pods.FAILED_CREATE]:
            self._creation_fault = pods.missing_pod_fault(failures)
            self._changed.set()

    async def _refresh_pods(self) -> None:
        """Read the pods of a Job that has ended: their watch may lag behind that of the Job."""
        listing = await retry_while_away(lambda: self._cluster.list(PODS, self._selector), ignore_outage)
        self.pods = [pod for pod in listing.items if is_owned_by(pod, uid_of(self.job))] or self.pods

    async def _wait_for_end(self) -> Outcome | None:
        """Wait until the Job has ended or cannot go on, and log meanwhile what holds it up.

        None: it is to be created in another form.
        """
        timers = ConditionTimers()
        while True:
            self._changed.clear()
            if pods.is_done(self.job):
                await self._refresh_pods()
                return self._outcome()
            if await self._has_failed_for_long(timers):
                return self._outcome()
            if timers.is_failing:
                await self._wait_for_change(self._fault_seconds / 4)
                continue
            is_running = any("running" in pods.main_state(pod) for pod in self.pods)
            if timers.running(is_running) >= (self._instruction.answer_seconds or math.inf):
                return Outcome(Ending.FAILED, f"no answer within {self._instruction.answer_seconds:.10g} s")
            fault = self._current_fault(timers)
            if fault:
                await self._log.once(f"WARN: waiting: {fault.message}")
                if self._creation.try_remedy(fault, self.job):
                    await self._log.line("The Job is created again in another form.")
                    return None
            if self._keep_fault(fault, timers) and fault:
                return Outcome(Ending.FAILED, self._creation.advice(fault))
            needs_no_timer = is_running and not (fault or self._instruction.answer_seconds)
            await self._wait_for_change(None if needs_no_timer else self._fault_seconds / 4)

    def _keep_fault(self, fault: pods.Fault | None, timers: ConditionTimers) -> bool:
        """Keep the current fault, if any, and return whether it has lasted too long for the Job to go on."""
        seconds = timers.blocked(bool(fault and self.fault))
        if fault or self._has_log:
            self.fault = fault
        return fault is not None and (fault.hopeless or (not fault.passing and seconds >= self._fault_seconds))

    async def _wait_for_change(self, seconds: float | None) -> None:
        """Return when something has changed, or after `seconds`, at most one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else min(1.0, seconds)):
                await self._changed.wait()

    @property
    def _has_log(self) -> bool:
        return any(pods.has_log(pod) for pod in self.pods)

    def _outcome(self) -> Outcome:
        return pods.outcome(self.job, self.pods, self.fault, self._instruction.timeout_seconds)

    async def _has_failed_for_long(self, timers: ConditionTimers) -> bool:
        """Return whether the Job has failed and its pod does not end. Log that after a while."""
        failure = pods.pending_failure(self.job, self.pods)
        seconds = timers.failing(failure is not None)
        if failure and seconds >= QUIET_SECONDS:
            await self._log.once(f"WARN: {failure}")
        return seconds >= FAILING_SECONDS

    def _current_fault(self, timers: ConditionTimers) -> pods.Fault | None:
        """Return what holds the Job up now."""
        fault = next((fault for pod in self.pods if (fault := pods.fault(pod))), None)
        if fault or self._has_log:
            return fault
        if self._creation_fault and not self.pods:
            return self._creation_fault
        if timers.age < QUIET_SECONDS:
            return None
        return pods.Fault(pods.startup_delay(self.job, pods.newest(self.pods)), passing=True)
