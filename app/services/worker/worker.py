"""What one worker process has in hand: it takes tasks as it has room, runs their attempts and renews their leases.

A job names a deployment in which there may be something to take: a hungry one. For each deployment the worker takes
one turn at a time (`execution.take_turn`); attempts that end meanwhile wait for the next. Slots go to the hungry
deployments in fair shares, so one with many tasks does not keep the others waiting.
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
from app.services.worker.attempt_runner import AttemptRunner, Interruption, last_moment
from app.services.worker.cluster_cleanup import clear_up
from app.services.worker.lease_thread import LeaseRenewalThread
from app.services.worker.turn import Finished, Turn, WorkerIdentity, claim_and_settle
from app.store import sweep as sweep_store
from app.store import tasks as task_store
from app.store import workers
from app.store.database import UNAVAILABLE

logger = logging.getLogger(__name__)

KILL = "kill"
"""Behind a task's id on a worker's topic: do not wait for its command to end politely."""
AGAIN_SECONDS = 0.5
"""How long after a turn that found the database away the next one is tried."""
HAND_BACK_SECONDS = 30.0
"""How long handing back may take at most, with commands that end slowly or a database that is away."""
CHORE_SECONDS = 2.0
"""How long a worker that leaves waits for what it clears up: another one does it else."""
LOOK_SECONDS = 1.0
"""How often a worker with room looks by itself for what it could take. Jobs make it sooner; this is the longest that a
job delays a task which Redis lost, or which a worker took that has no room for it."""


class Worker:
    """The attempts of one worker process. `renew_leases`, `listen_for_stops` and `poll` must run beside them."""

    def __init__(self, runtime: Runtime, identity: WorkerIdentity, slots: int = 32) -> None:
        self.identity = identity
        self._runtime = runtime
        self._slots = slots
        self._attempts: dict[str, AttemptRunner] = {}
        self._done: dict[str, list[Finished]] = {}
        self._hungry: dict[str, None] = {}
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._rooms: Counter[str] = Counter()
        self._forgotten: set[str] = set()
        self._chores: set[asyncio.Task[None]] = set()
        self._closing = False
        self._dispatching = False
        self._beating = asyncio.Lock()
        self._calm = asyncio.Event()
        self._calm.set()
        self._deputy = LeaseRenewalThread(runtime, identity.id, lambda: list(self._attempts), self._extend)

    @property
    def has_room(self) -> bool:
        """Whether it could begin another attempt."""
        return not self._closing and self._busy().total() < self._slots

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand."""
        return self._calm.is_set()

    def offer(self, deployment_id: str) -> None:
        """Take note that there may be something to take in a deployment."""
        self._hungry[deployment_id] = None
        self._dispatch_soon()

    def _busy(self) -> Counter[str]:
        """Return the slots in use by deployment: attempts that run, and room given to turns under way."""
        running = Counter(
            attempt.assignment.task.deployment_id for attempt in self._attempts.values() if not attempt.ended
        )
        return running + self._rooms

    def _dispatch_soon(self) -> None:
        """Dispatch once all that is happening at this moment has happened: what ends together is settled together."""
        self._calm.clear()
        if not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Begin a turn in every deployment where something is to be settled, or may be taken."""
        self._dispatching = False
        waiting = [id_ for id_ in dict.fromkeys([*self._done, *self._hungry]) if id_ not in self._turns]
        busy = self._busy()
        free = 0 if self._closing else max(0, self._slots - busy.total())
        for deployment_id, room in fair_share.shares(free, busy, waiting).items():
            if room or deployment_id in self._done:
                self._hungry.pop(deployment_id, None)
                self._rooms[deployment_id] = room
                turn = self._turn(deployment_id, self._done.pop(deployment_id, []), room)
                self._turns[deployment_id] = asyncio.create_task(turn, name=f"turn in {deployment_id}")
        if not self._turns and not self._attempts:
            self._calm.set()

    async def _turn(self, deployment_id: str, done: Sequence[Finished], room: int) -> None:
        lease_end, in_hand = self._lease_end(), self._attempts.keys() | self._forgotten
        try:
            turn = await claim_and_settle(self._runtime, self.identity, deployment_id, done, room=room, in_hand=in_hand)
        except UNAVAILABLE as error:
            logger.warning("the database is away, trying again: %s", error)
            self._done[deployment_id] = [*done, *self._done.get(deployment_id, [])]
            self._hungry[deployment_id] = None
            await asyncio.sleep(AGAIN_SECONDS)
        except Refused:
            logger.warning("there is no deployment %s any more", deployment_id)
            self._settled(done)
        except Exception:
            logger.exception("a turn in %s failed; its attempts end with their leases", deployment_id)
            self._settled(done)
            self._forgotten.update(each.assignment.task.id for each in done)
        else:
            self._settled(done)
            self._clear_up(turn.settled)
            self._begin(turn, lease_end)
            self._hold()
            if turn.more:
                self._hungry[deployment_id] = None
        finally:
            del self._turns[deployment_id]
            del self._rooms[deployment_id]
            self._dispatch_soon()

    def _hold(self) -> None:
        """Tell the operators how long what runs may run on, now that the database has answered: all of it as long as
        the lease that ends first.
        """
        ends = [attempt.lease_end for attempt in self._attempts.values() if not (attempt.ended or attempt.lost)]
        until = last_moment(self._runtime, min(ends, default=self._lease_end()))
        for operator in self._runtime.operators.values():
            operator.renew_lease(until - asyncio.get_running_loop().time())

    def _extend(self, ids: Collection[str], lease_end: float) -> None:
        """Take note that leases were renewed while the event loop was held up. This is called from another thread.

        All that runs may run on as long as the lease that ends first, be it one that is another worker's by now.
        """
        attempts = [attempt for attempt in list(self._attempts.values()) if not (attempt.ended or attempt.lost)]
        for attempt in attempts:
            if attempt.assignment.task.id in ids:
                attempt.lease_end = max(attempt.lease_end, lease_end)
        until = last_moment(self._runtime, min((attempt.lease_end for attempt in attempts), default=lease_end))
        for operator in self._runtime.operators.values():
            operator.renew_lease_from_thread(until - time.monotonic())

    def _lease_end(self) -> float:
        return asyncio.get_running_loop().time() + self._runtime.lease_seconds

    def _settled(self, done: Sequence[Finished]) -> None:
        for each in done:
            self._attempts.pop(each.assignment.task.id, None)

    def _clear_up(self, settled: Sequence[Finished]) -> None:
        """Remove what the attempts left that are settled now. Where that does not happen, the next look finds it."""
        if any(each.assignment.context.environment.operator in self._runtime.runs for each in settled):
            chore = asyncio.create_task(clear_up(self._runtime, settled), name="clearing up")
            self._chores.add(chore)
            chore.add_done_callback(self._chores.discard)

    def _begin(self, turn: Turn, lease_end: float) -> None:
        for assignment in turn.taken:
            attempt = AttemptRunner(self._runtime, self.identity, assignment, lease_end)
            self._attempts[assignment.task.id] = attempt
            self._forgotten.discard(assignment.task.id)
            asyncio.create_task(self._run_to_end(attempt), name=f"end of {assignment.task.key}")  # noqa: RUF006
            if self._closing:
                attempt.interrupt(Interruption.SHUTDOWN)

    async def _run_to_end(self, attempt: AttemptRunner) -> None:
        came = await attempt.wait()
        task = attempt.assignment.task
        if came is None:
            self._attempts.pop(task.id, None)
            self._forgotten.add(task.id)
        else:
            self._done.setdefault(task.deployment_id, []).append(Finished(attempt.assignment, came, attempt.run))
        self._dispatch_soon()

    async def renew_leases(self) -> None:
        """Renew the leases and say that this worker lives, until cancelled.

        An attempt whose lease can not be renewed in time is ended: another worker may take it over. While this itself
        is held up, a deputy renews them.
        """
        with self._deputy.standing_by():
            await self._renew_until_cancelled()

    async def _renew_until_cancelled(self) -> None:
        pause = self._runtime.lease_seconds / 5
        while True:
            self._deputy.hear(renewed=False)
            try:
                async with asyncio.timeout(2 * pause):
                    await self._renew()
                    self._deputy.hear(renewed=True)
                    async with self._beating:
                        if not self._closing:
                            await workers.heartbeat(self.identity.id, self.identity.pool, self._runtime.clock.now())
            except UNAVAILABLE as error:
                logger.warning("the leases could not be renewed, trying again: %s", error or type(error).__name__)
            except Exception:
                logger.exception("the leases could not be renewed; trying again")
            late = asyncio.get_running_loop().time() + pause
            for attempt in self._attempts.values():
                if attempt.lease_end < late:
                    attempt.interrupt(Interruption.LOST)
            await asyncio.sleep(pause)

    async def _renew(self) -> None:
        held = dict(self._attempts)
        lease_end = self._lease_end()
        until = self._runtime.clock.now() + timedelta(seconds=self._runtime.lease_seconds)
        ours = await task_store.renew_leases(self.identity.id, list(held), until)
        for task_id, attempt in held.items():
            if task_id not in ours:
                attempt.kill(Interruption.LOST)
                continue
            attempt.lease_end = max(attempt.lease_end, lease_end)
            if ours[task_id]:
                attempt.interrupt(Interruption.STOPPED)
        self._hold()
        await self._remember()

    async def _remember(self) -> None:
        """Keep in mind what was given up for as long as it stands as this worker's, and might seem to be begun anew."""
        if given_up := frozenset(self._forgotten):
            ours = await task_store.held_by_worker(self.identity.id, list(given_up))
            self._forgotten -= given_up - ours

    async def listen_for_stops(self) -> None:
        """End attempts the moment that is asked for, until cancelled. What is missed here, `renew_leases` finds."""
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
        """Look for deployments with something to take, again and again, until cancelled: Redis may have lost a job."""
        while True:
            try:
                if self.has_room:
                    for deployment_id in await sweep_store.deployments_with_work(
                        self.identity.pool, self._runtime.clock.now()
                    ):
                        self.offer(deployment_id)
            except UNAVAILABLE as error:
                logger.warning("the database is away, looking again later: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def drain(self, patience_seconds: float = 0.0, hurry: asyncio.Event | None = None) -> None:
        """Take nothing new; let what runs end, and hand back what has not ended in time, or when told to `hurry`."""
        self._closing = True
        if self._hungry:
            await self._runtime.queue.send(
                [work_job(self.identity.pool, id_, self.identity.id) for id_ in self._hungry]
            )
            self._hungry.clear()
        self._dispatch_soon()
        if not await self._calmed(patience_seconds, hurry or asyncio.Event()):
            for attempt in self._attempts.values():
                attempt.interrupt(Interruption.SHUTDOWN)
            if not await self._calmed(HAND_BACK_SECONDS, asyncio.Event()):
                logger.warning("not everything could be handed back; it is taken over when its lease ends")
        if self._chores:
            await asyncio.wait(self._chores, timeout=CHORE_SECONDS)
        async with self._beating:
            try:
                await workers.remove(self.identity.id)
            except UNAVAILABLE as error:
                logger.warning("nobody could be told that this worker leaves: %s", error or type(error).__name__)

    async def _calmed(self, seconds: float, hurry: asyncio.Event) -> bool:
        """Wait until nothing is in hand; False where that takes too long."""
        waits = [asyncio.create_task(event.wait()) for event in (self._calm, hurry)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self._calm.is_set()
