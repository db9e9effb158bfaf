"""One worker process: claims tasks while it has slots, runs their attempts, and renews their leases.

A job offers a deployment that may have work for this worker. The worker takes one turn at a time in each deployment
(`turn.claim_and_settle`); attempts that end meanwhile are settled in the next one. Slots are shared fairly, so a
deployment with many tasks does not keep the others waiting.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta

from app.core import fair_share
from app.core.errors import Refused
from app.services.engine.topics import worker_topic
from app.services.engine.work_queue import work_job
from app.services.runtime import Runtime
from app.services.worker.attempt_runner import AttemptRunner, Interruption, kill_time
from app.services.worker.cluster_cleanup import remove_finished_runs
from app.services.worker.lease_thread import LeaseRenewalThread
from app.services.worker.turn import Finished, Turn, WorkerIdentity, claim_and_settle
from app.store import sweep as sweep_store
from app.store import tasks as task_store
from app.store import workers
from app.store.database import UNAVAILABLE

logger = logging.getLogger(__name__)

KILL = "kill"
"""Follows a task's id in a stop message: end its attempt without a grace period."""
RETRY_SECONDS = 0.5
"""Pause after a turn that failed because the database was unavailable."""
HAND_BACK_SECONDS = 30.0
"""How long handing attempts back may take at most, with commands that end slowly or without the database."""
CLEANUP_SECONDS = 2.0
"""How long a draining worker waits for its removal of finished runs; another worker does the rest."""
POLL_SECONDS = 1.0
"""How often a worker with free slots polls for work. Jobs are faster; this bounds the delay of a task whose job was
lost in Redis, or went to a worker without free slots."""


class Worker:
    """The attempts of one worker process.

    `renew_leases`, `listen_for_stops` and `poll` must run beside them.
    """

    def __init__(self, runtime: Runtime, identity: WorkerIdentity, slots: int = 32) -> None:
        self.identity = identity
        self._runtime = runtime
        self._slots = slots
        self._attempts: dict[str, AttemptRunner] = {}
        self._finished: dict[str, list[Finished]] = {}
        self._offered: dict[str, None] = {}
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._turn_slots: Counter[str] = Counter()
        self._abandoned: set[str] = set()
        self._cleanups: set[asyncio.Task[None]] = set()
        self._draining = False
        self._dispatching = False
        self._heartbeat_lock = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self._lease_thread = LeaseRenewalThread(runtime, identity.id, lambda: list(self._attempts), self._extend)

    @property
    def has_room(self) -> bool:
        """Whether it has a free slot and is not draining."""
        return not self._draining and self._slots_in_use().total() < self._slots

    @property
    def idle(self) -> bool:
        """Whether it has no attempt and no turn."""
        return self._idle.is_set()

    def offer(self, deployment_id: str) -> None:
        """Offer a deployment that may have work for this worker."""
        self._offered[deployment_id] = None
        self._dispatch_soon()

    def _slots_in_use(self) -> Counter[str]:
        """Return the slots in use by deployment: of running attempts, and reserved for turns."""
        running = Counter(
            attempt.assignment.task.deployment_id for attempt in self._attempts.values() if not attempt.ended
        )
        return running + self._turn_slots

    def _dispatch_soon(self) -> None:
        """Dispatch in the next iteration of the loop: attempts that end together are settled together."""
        self._idle.clear()
        if not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Begin a turn in every deployment with attempts to settle, or with work for free slots."""
        self._dispatching = False
        waiting = [id_ for id_ in dict.fromkeys([*self._finished, *self._offered]) if id_ not in self._turns]
        in_use = self._slots_in_use()
        free = 0 if self._draining else max(0, self._slots - in_use.total())
        for deployment_id, room in fair_share.shares(free, in_use, waiting).items():
            if room or deployment_id in self._finished:
                self._offered.pop(deployment_id, None)
                self._turn_slots[deployment_id] = room
                turn = self._turn(deployment_id, self._finished.pop(deployment_id, []), room)
                self._turns[deployment_id] = asyncio.create_task(turn, name=f"turn in {deployment_id}")
        if not self._turns and not self._attempts:
            self._idle.set()

    async def _turn(self, deployment_id: str, finished: Sequence[Finished], room: int) -> None:
        lease_end, held = self._lease_end(), self._attempts.keys() | self._abandoned
        try:
            turn = await claim_and_settle(
                self._runtime, self.identity, deployment_id, finished, room=room, held_tasks=held
            )
        except UNAVAILABLE as error:
            logger.warning("the database is unavailable, trying again: %s", error)
            self._finished[deployment_id] = [*finished, *self._finished.get(deployment_id, [])]
            self._offered[deployment_id] = None
            await asyncio.sleep(RETRY_SECONDS)
        except Refused:
            logger.warning("deployment %s no longer exists", deployment_id)
            self._forget_attempts(finished)
        except Exception:
            logger.exception("a turn in %s failed; its attempts end with their leases", deployment_id)
            self._forget_attempts(finished)
            self._abandoned.update(attempt.assignment.task.id for attempt in finished)
        else:
            self._forget_attempts(finished)
            self._clean_up(turn.settled)
            self._begin(turn, lease_end)
            self._extend_operators()
            if turn.more:
                self._offered[deployment_id] = None
        finally:
            del self._turns[deployment_id]
            del self._turn_slots[deployment_id]
            self._dispatch_soon()

    def _extend_operators(self) -> None:
        """Tell the operators how long commands may run: until the first lease ends."""
        lease_ends = [attempt.lease_end for attempt in self._attempts.values() if not (attempt.ended or attempt.lost)]
        until = kill_time(self._runtime, min(lease_ends, default=self._lease_end()))
        for operator in self._runtime.operators.values():
            operator.renew_lease(until - asyncio.get_running_loop().time())

    def _extend(self, ids: Collection[str], lease_end: float) -> None:
        """Record leases that another thread renewed while the event loop was held up. Called from that thread.

        Commands may run as long as the lease that ends first, also where another worker has that by now.
        """
        attempts = [attempt for attempt in list(self._attempts.values()) if not (attempt.ended or attempt.lost)]
        for attempt in attempts:
            if attempt.assignment.task.id in ids:
                attempt.lease_end = max(attempt.lease_end, lease_end)
        until = kill_time(self._runtime, min((attempt.lease_end for attempt in attempts), default=lease_end))
        for operator in self._runtime.operators.values():
            operator.renew_lease_from_thread(until - time.monotonic())

    def _lease_end(self) -> float:
        return asyncio.get_running_loop().time() + self._runtime.lease_seconds

    def _forget_attempts(self, finished: Sequence[Finished]) -> None:
        for attempt in finished:
            self._attempts.pop(attempt.assignment.task.id, None)

    def _clean_up(self, settled: Sequence[Finished]) -> None:
        """Remove the runs of settled attempts. The removal of orphans finds those that remain."""
        if any(finished.assignment.context.environment.operator in self._runtime.runs for finished in settled):
            cleanup = asyncio.create_task(remove_finished_runs(self._runtime, settled), name="remove finished runs")
            self._cleanups.add(cleanup)
            cleanup.add_done_callback(self._cleanups.discard)

    def _begin(self, turn: Turn, lease_end: float) -> None:
        for assignment in turn.claimed:
            attempt = AttemptRunner(self._runtime, self.identity, assignment, lease_end)
            self._attempts[assignment.task.id] = attempt
            self._abandoned.discard(assignment.task.id)
            asyncio.create_task(self._run_to_end(attempt), name=f"end of {assignment.task.key}")  # noqa: RUF006
            if self._draining:
                attempt.interrupt(Interruption.SHUTDOWN)

    async def _run_to_end(self, attempt: AttemptRunner) -> None:
        result = await attempt.wait()
        task = attempt.assignment.task
        if result is None:
            self._attempts.pop(task.id, None)
            self._abandoned.add(task.id)
        else:
            finished = Finished(attempt.assignment, result, attempt.run)
            self._finished.setdefault(task.deployment_id, []).append(finished)
        self._dispatch_soon()

    async def renew_leases(self) -> None:
        """Renew the leases and send heartbeats, until cancelled.

        An attempt whose lease cannot be renewed in time is ended: another worker may take it over. A thread renews the
        leases while the event loop is held up.
        """
        with self._lease_thread.running():
            await self._renew_until_cancelled()

    async def _renew_until_cancelled(self) -> None:
        interval = self._runtime.lease_seconds / 5
        while True:
            self._lease_thread.report_alive(renewed=False)
            try:
                async with asyncio.timeout(2 * interval):
                    await self._renew()
                    self._lease_thread.report_alive(renewed=True)
                    async with self._heartbeat_lock:
                        if not self._draining:
                            await workers.heartbeat(self.identity.id, self.identity.pool, self._runtime.clock.now())
            except UNAVAILABLE as error:
                logger.warning("the leases could not be renewed, trying again: %s", error or type(error).__name__)
            except Exception:
                logger.exception("the leases could not be renewed; trying again")
            next_renewal = asyncio.get_running_loop().time() + interval
            for attempt in self._attempts.values():
                if attempt.lease_end < next_renewal:
                    attempt.interrupt(Interruption.LOST)
            await asyncio.sleep(interval)

    async def _renew(self) -> None:
        attempts = dict(self._attempts)
        lease_end = self._lease_end()
        until = self._runtime.clock.now() + timedelta(seconds=self._runtime.lease_seconds)
        renewed = await task_store.renew_leases(self.identity.id, list(attempts), until)
        for task_id, attempt in attempts.items():
            if task_id not in renewed:
                attempt.kill(Interruption.LOST)
                continue
            attempt.lease_end = max(attempt.lease_end, lease_end)
            if renewed[task_id]:
                attempt.interrupt(Interruption.STOPPED)
        self._extend_operators()
        await self._update_abandoned()

    async def _update_abandoned(self) -> None:
        """Remember abandoned tasks until another worker owns them, so that a turn does not restart them."""
        if abandoned := frozenset(self._abandoned):
            held = await task_store.held_by_worker(self.identity.id, list(abandoned))
            self._abandoned -= abandoned - held

    async def listen_for_stops(self) -> None:
        """End attempts as soon as a stop is requested. `renew_leases` finds requests that were missed."""
        async with self._runtime.bus.listen(worker_topic(self.identity.id)) as listener:
            while True:
                for message in await listener.get(3600) or ():
                    task_id, _, how = message.decode().partition(" ")
                    attempt = self._attempts.get(task_id)
                    if attempt and how == KILL:
                        attempt.kill(Interruption.STOPPED)
                    elif attempt:
                        attempt.interrupt(Interruption.STOPPED)

    async def poll(self) -> None:
        """Poll the database for deployments with work, until cancelled: Redis may have lost a job."""
        while True:
            try:
                if self.has_room:
                    now = self._runtime.clock.now()
                    for deployment_id in await sweep_store.deployments_with_work(self.identity.pool, now):
                        self.offer(deployment_id)
            except UNAVAILABLE as error:
                logger.warning("the database is unavailable, polling again later: %s", error)
            await asyncio.sleep(POLL_SECONDS)

    async def drain(self, grace_seconds: float = 0.0, hurry: asyncio.Event | None = None) -> None:
        """Claim no more tasks, let attempts end, and hand the rest back after the grace period or on `hurry`."""
        self._draining = True
        if self._offered:
            jobs = [work_job(self.identity.pool, id_, self.identity.id) for id_ in self._offered]
            await self._runtime.queue.send(jobs)
            self._offered.clear()
        self._dispatch_soon()
        if not await self._wait_until_idle(grace_seconds, hurry or asyncio.Event()):
            for attempt in self._attempts.values():
                attempt.interrupt(Interruption.SHUTDOWN)
            if not await self._wait_until_idle(HAND_BACK_SECONDS, asyncio.Event()):
                logger.warning(
                    "not every attempt could be handed back; the others are taken over when their leases end"
                )
        if self._cleanups:
            await asyncio.wait(self._cleanups, timeout=CLEANUP_SECONDS)
        async with self._heartbeat_lock:
            try:
                await workers.remove(self.identity.id)
            except UNAVAILABLE as error:
                logger.warning("the worker could not sign off: %s", error or type(error).__name__)

    async def _wait_until_idle(self, seconds: float, hurry: asyncio.Event) -> bool:
        """Wait until the worker is idle; False after that time, or on `hurry`."""
        waits = [asyncio.create_task(event.wait()) for event in (self._idle, hurry)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self._idle.is_set()
