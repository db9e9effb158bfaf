"""What one worker process has in hand: it runs attempts, renews their leases, and ends those that are to end."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from app.core.attempt import Ending, Outcome
from app.core.task import Activity, Task
from app.core.workflow import TaskType
from app.services.engine import worker_topic
from app.services.execution import Assignment, WorkerName, settle_attempt, take
from app.services.health_checks import check_instances
from app.services.instructions import Place, instruct, secrets_of
from app.services.log_writer import LeaseLostError, LogWriter
from app.services.rollouts import Drive, Parked, roll_out, undo
from app.services.runtime import Runtime
from app.store import tasks as task_store
from app.store import workers

logger = logging.getLogger(__name__)
T = TypeVar("T")


KILL = "kill"
"""Behind a task's id on a worker's topic: do not wait for its command to end politely."""


KILL_SECONDS = 0.2
"""How long an operator has to notice the first interruption: two at the same moment would count as one."""


class Interruption(StrEnum):
    """Why an attempt is ended from outside."""

    STOPPED = "STOPPED"
    LOST = "LOST"
    SHUTDOWN = "SHUTDOWN"


@dataclass(slots=True)
class _Attempt:
    """One attempt in hand, whether its operator still works on it, and why it was interrupted, if it was."""

    work: asyncio.Task[Outcome | Parked]
    interruption: Interruption | None = None
    operating: bool = True

    async def kill(self) -> None:
        """End the attempt without patience: an operator takes a second interruption as the order to kill."""
        self.interrupt(Interruption.STOPPED)
        await asyncio.sleep(KILL_SECONDS)
        if self.operating and not self.work.done():
            self.work.cancel()

    def interrupt(self, why: Interruption) -> None:
        """End the attempt, once."""
        if self.interruption is None:
            self.interruption = why
            self.work.cancel()


class Hands:
    """The attempts of one worker process. `keep` must run beside them."""

    def __init__(self, runtime: Runtime, worker: WorkerName) -> None:
        self._runtime = runtime
        self.worker = worker
        self._attempts: dict[str, _Attempt] = {}
        self._closing = False
        self._beating = asyncio.Lock()

    async def run_task(self, task_id: str) -> None:
        """Take a task if it may run, run it, and go on with whatever is free behind it."""
        assignment = None if self._closing else await take(self._runtime, self.worker, task_id)
        while assignment is not None:
            came = await self._perform(assignment)
            if came is None:
                return
            settling = settle_attempt(self._runtime, self.worker, assignment, came, go_on=not self._closing)
            assignment = await _to_its_end(settling)

    async def _perform(self, assignment: Assignment) -> Outcome | Parked | None:
        """Run one attempt to its end; None when it was lost, so that nothing may be written of it."""
        task = assignment.task
        work = asyncio.create_task(self._work(assignment), name=f"attempt {task.attempt} of {task.key}")
        self._attempts[task.id] = attempt = _Attempt(work)
        if self._closing:
            attempt.interrupt(Interruption.SHUTDOWN)
        try:
            await asyncio.wait([attempt.work])
        except asyncio.CancelledError:
            attempt.interrupt(Interruption.SHUTDOWN)
            await asyncio.wait([attempt.work])
        finally:
            self._attempts.pop(task.id, None)
        return _result(attempt, task)

    async def _work(self, assignment: Assignment) -> Outcome | Parked:
        setting, task = assignment.setting, assignment.task
        writer = LogWriter(self._runtime, task.id, task.attempt, self.worker.id, secrets_of(task))
        async with writer as log:
            drive = Drive(self._runtime, setting, task, self.worker.id, log)
            try:
                came = await _carry_out(drive)
                self._attempts[task.id].operating = False
            except asyncio.CancelledError:
                self._attempts[task.id].operating = False
                with suppress(LeaseLostError):
                    await log.say("WARN: the attempt was ended.")
                raise
            if isinstance(came, Outcome) and came.ending is Ending.FAILED:
                await log.say(f"ERROR: {came.message or 'failed'}")
            return came

    async def keep(self) -> None:
        """Renew the leases and say that this worker lives, until cancelled."""
        pause = self._runtime.lease_seconds / 5
        while True:
            try:
                await self._renew()
                async with self._beating:
                    if not self._closing:
                        await workers.beat(self.worker.id, self.worker.pool, self._runtime.clock.now())
            except Exception:
                logger.exception("the leases could not be renewed; trying again")
            await asyncio.sleep(pause)

    async def _renew(self) -> None:
        held = list(self._attempts)
        if not held:
            return
        until = self._runtime.clock.now() + timedelta(seconds=self._runtime.lease_seconds)
        ours = await task_store.renew(self.worker.id, held, until)
        for task_id in held:
            attempt = self._attempts.get(task_id)
            if attempt is None:
                continue
            if task_id not in ours:
                attempt.interrupt(Interruption.LOST)
            elif ours[task_id]:
                attempt.interrupt(Interruption.STOPPED)

    async def obey(self) -> None:
        """End attempts the moment that is asked for, until cancelled. What is missed here, `keep` finds."""
        async with self._runtime.bus.listen(worker_topic(self.worker.id)) as listener, asyncio.TaskGroup() as kills:
            while True:
                for message in await listener.get(3600) or ():
                    task_id, _, how = message.decode().partition(" ")
                    attempt = self._attempts.get(task_id)
                    if attempt and how == KILL:
                        kills.create_task(attempt.kill())
                    elif attempt:
                        attempt.interrupt(Interruption.STOPPED)

    async def leave(self) -> None:
        """Take nothing new; hand back what is in hand."""
        self._closing = True
        for attempt in list(self._attempts.values()):
            attempt.interrupt(Interruption.SHUTDOWN)
        async with self._beating:
            await workers.leave(self.worker.id)


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await what must not be cut off: a cancellation comes out only after it has ended."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _result(attempt: _Attempt, task: Task) -> Outcome | Parked | None:
    work, why = attempt.work, attempt.interruption
    if not work.cancelled() and (error := work.exception()) is not None:
        if isinstance(error, LeaseLostError):
            return None
        logger.error("attempt %d of %s failed unexpectedly", task.attempt, task.id, exc_info=error)
        return Outcome(Ending.FAILED, f"Boreas failed to run it: {type(error).__name__}; the worker's log has more.")
    if not work.cancelled():
        return work.result()
    match why:
        case Interruption.STOPPED:
            return Outcome(Ending.STOPPED, "it was stopped")
        case Interruption.LOST:
            return None
        case _:
            return Outcome(Ending.LOST, "its worker was stopped")


async def _carry_out(drive: Drive) -> Outcome | Parked:
    """Do what the attempt is for. Operators keep the limit of a single command; that of all else is kept here."""
    task, setting = drive.task, drive.setting
    if task.activity is Activity.RUN and task.type not in (TaskType.DEPLOY, TaskType.HEALTH_CHECK):
        operator = drive.runtime.operators[setting.environment.operator]
        command = task.command.command if task.command else None
        return await operator.execute(instruct(setting, task, command), drive.log.write)
    try:
        async with asyncio.timeout(task.timeout_seconds):
            if task.activity is Activity.UNDO:
                return await undo(drive)
            return await (roll_out(drive) if task.type is TaskType.DEPLOY else _check_health(drive))
    except TimeoutError:
        return Outcome(Ending.FAILED, f"it was not done within its time limit of {task.timeout_seconds} s")


async def _check_health(drive: Drive) -> Outcome:
    """Check every instance of the task's application; without a health check of its own there is nothing to ask."""
    places = [Place(instance, 1, 1.0) for instance in drive.instances]
    faults = await check_instances(drive.patient, places)
    if faults:
        return Outcome(Ending.FAILED, "; ".join(f"{instance}: {fault}" for instance, fault in faults.items()))
    return Outcome(Ending.SUCCEEDED)
