"""One command as a Job: created once however often it is asked for, followed to its end, and deleted when stopped."""

import asyncio
from contextlib import suppress

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import pods
from app.core.kubernetes.manifests import Object, name_of
from app.gateways.operators.execution import EndRequest
from app.gateways.operators.kubernetes.cluster import PODS, Cluster
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.job_creation import JobCreation, NoRoomError
from app.gateways.operators.kubernetes.job_follower import JobFollower
from app.gateways.operators.kubernetes.job_log import JobLog
from app.ports import Instruction, LogSink

SLACK_SECONDS = 30.0
"""How long to wait for a Job beyond its time limit: the cluster may end it late, or this worker has to."""
STOP_SECONDS = 30.0
"""How long to try to delete a Job that is stopped, where its cluster is away."""
KILL_SECONDS = 2.0
"""How long a cluster may take to delete a Job and its pods without a grace."""
_room = wait_exponential(multiplier=0.2, max=5.0)
"""Between two tries to create a Job for which a quota has no room."""


class JobRun:
    """One run of a task's command. To be used once."""

    def __init__(
        self, cluster: Cluster, instruction: Instruction, sink: LogSink, creation: JobCreation, fault_seconds: float
    ) -> None:
        assert instruction.origin is not None
        self._cluster = cluster
        self._instruction = instruction
        self._retain = instruction.origin.retain
        self._log = JobLog(sink)
        self._creation = creation
        self._fault_seconds = fault_seconds
        self._follower = self._new_follower()

    def _new_follower(self) -> JobFollower:
        return JobFollower(self._cluster, self._instruction, self._creation, self._log, self._fault_seconds)

    async def run(self, request: EndRequest) -> Outcome:
        """Run the Job to its end; when cancelled, delete it, unless it is detached. Raises what the log raises."""
        if refusal := self._creation.refusal:
            return Outcome(Ending.FAILED, refusal)
        limit = self._instruction.timeout_seconds + SLACK_SECONDS
        try:
            async with asyncio.timeout(limit) as timer:
                while (outcome := await self._create_and_follow()) is None:
                    await self._creation.delete_for_recreation(self._follower.job, self._log.report_outage)
                if outcome.ending is Ending.LOST:
                    await self._delete_lost()
                elif not self._retain:
                    await self._creation.delete(0)
                return outcome
        except ClusterRefusedError as error:
            return Outcome(Ending.FAILED, str(error))
        except TimeoutError:
            if not timer.expired():
                raise
            await self._creation.delete(0)
            return self._timed_out()
        except asyncio.CancelledError:
            if not request.is_detached:
                await self._stop(request)
            raise

    async def _create_and_follow(self) -> Outcome | None:
        """Create or adopt the Job and follow it to its end; None where it is to be created in another form."""
        try:
            job = await self._create()
        except NoRoomError:
            return self._timed_out()
        self._follower = self._new_follower()
        if self._creation.is_adopted:
            await self._log.line(f"Continuing with the existing Job {self._creation.name}.")
        else:
            await self._log.line(f"Job {self._creation.name} runs {self._instruction.image}.")
        return await self._follower.follow(job)

    async def _create(self) -> Object:
        """Create or adopt the Job, as soon as quotas have room. Raises NoRoomError at the task's time limit."""
        creation = self._creation

        async def report(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            self._follower.fault = pods.Fault(f"no quota has room for its Job: {error}", passing=True)
            await self._log.once(f"WARN: waiting: {self._follower.fault.message}")

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(NoRoomError),
            wait=lambda state: max(0.0, min(_room(state), creation.seconds_left)),
            stop=lambda _: creation.seconds_left <= 0,
            after=report,
            reraise=True,
        )
        job: Object = await retrying(creation.create_or_adopt, self._log.report_outage)
        return job

    def _timed_out(self) -> Outcome:
        fault = f"; {self._follower.fault.message}" if self._follower.fault else ""
        limit = f"{self._instruction.timeout_seconds:.10g}"
        return Outcome(Ending.FAILED, f"the time limit of {limit} seconds was reached{fault}")

    async def _delete_lost(self) -> None:
        """Delete a Job that the cluster ended, so that the next attempt creates another and does not adopt it."""
        with suppress(TimeoutError, ClusterRefusedError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._creation.delete_for_recreation(self._follower.job, self._log.report_outage)

    async def _stop(self, request: EndRequest) -> None:
        """Delete the Job and wait until its pods are gone; without a grace when killed, or cancelled again."""
        is_over = False
        try:
            is_over = await request.unless_killed(self._delete())
        finally:
            if not is_over:
                await self._kill()

    async def _delete(self) -> None:
        name = self._creation.name
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._creation.delete_with_pods()
        except TimeoutError:
            await self._log.line(
                f"WARN: Job {name} was not deleted within {STOP_SECONDS:g} s; it ends at its time limit at the latest."
            )
        except ClusterRefusedError as error:
            await self._log.line(f"WARN: Job {name} could not be deleted: {error}")

    async def _kill(self) -> None:
        with suppress(TimeoutError, ClusterAwayError, ClusterRefusedError):
            async with asyncio.timeout(KILL_SECONDS):
                for pod in self._follower.pods:
                    await self._cluster.delete(PODS, name_of(pod), grace_seconds=0)
                await self._creation.delete(0)
