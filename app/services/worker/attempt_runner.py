"""One attempt in a worker's hands: doing what it is for, and ending it from outside."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum

from app.core.attempt import Ending, Outcome
from app.core.environment import OperatorKind
from app.core.kubernetes import job_runs
from app.core.masking import Masker, masking_limit_error
from app.core.task import Activity, Task
from app.core.workflow import TaskType
from app.ports import LeaseExpiredError
from app.services.execution.executions import Executions
from app.services.execution.instructions import InstructionContext, instruct, literal_env
from app.services.execution.log_writer import LeaseLostError, LogWriter
from app.services.execution.rollout import Parked, check_health, roll_back, roll_out
from app.services.execution.step_context import StepContext
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.services.worker.turn import Assignment, WorkerIdentity
from app.store import tasks as task_store

logger = logging.getLogger(__name__)

NOT_RENEWED = "its worker could not renew its lease"
EARLY = 0.1
"""How much before the end of a lease what runs under it is killed, as a share of the lease: time to die in."""


def last_moment(runtime: Runtime, lease_end: float) -> float:
    """Return until when what runs under a lease may run: another worker may begin the next attempt when it ends."""
    return lease_end - EARLY * runtime.lease_seconds


class Interruption(StrEnum):
    """Why an attempt is ended from outside."""

    STOPPED = "STOPPED"
    LOST = "LOST"
    SHUTDOWN = "SHUTDOWN"


class AttemptRunner:
    """An attempt that runs from the moment it is made.

    `lease_end` is when its lease ends, on the event loop's clock. `ended` tells that it runs no more, and only waits to
    be settled. `run` is which run of its task it is, once that is known.
    """

    def __init__(self, runtime: Runtime, worker: WorkerIdentity, assignment: Assignment, lease_end: float) -> None:
        self.assignment = assignment
        self.lease_end = lease_end
        self.ended = False
        self.run: str | None = None
        self._runtime = runtime
        self._worker = worker
        self._interruption: Interruption | None = None
        self._executions = Executions()
        task = assignment.task
        self._env = literal_env(task.command.env) if task.command else {}
        self._masker = Masker.of(self._env)
        self._work = asyncio.create_task(self._perform(), name=f"attempt {task.attempt} of {task.key}")

    @property
    def lost(self) -> bool:
        """Whether it is being ended because it is not this worker's any more."""
        return self._interruption is Interruption.LOST

    async def wait(self) -> Outcome | Parked | None:
        """Wait for its end and return what came of it; None when it was lost, so that nothing may be written of it.

        What fails once its lease is about to end counts as lost: operators end what nobody vouches for.
        """
        await asyncio.wait([self._work])
        self.ended = True
        came = _result(self._work, self._interruption, self.assignment.task)
        late = asyncio.get_running_loop().time() >= last_moment(self._runtime, self.lease_end)
        if late and isinstance(came, Outcome) and came.ending is Ending.FAILED:
            return Outcome(Ending.LOST, NOT_RENEWED)
        return self._without_secrets(came)

    def _without_secrets(self, came: Outcome | Parked | None) -> Outcome | Parked | None:
        """Return what came of it as it may be shown: to tasks, events and the audit log it goes from here."""
        if not self._masker or not isinstance(came, Outcome):
            return came
        message = came.message and self._masker.mask(came.message)
        return replace(came, message=message, result=self._masker.mask_json(came.result))

    def interrupt(self, why: Interruption) -> None:
        """End it, once: only what a person stopped is to end wherever it runs, else another worker goes on with it."""
        if self._interruption is None:
            self._interruption = why
            if why is Interruption.STOPPED:
                self._executions.stop()
            else:
                self._executions.detach()
            self._work.cancel()

    def kill(self, why: Interruption) -> None:
        """End it without a grace, also while it is being ended with one."""
        self.interrupt(why)
        self._executions.kill()

    async def _perform(self) -> Outcome | Parked:
        task = self.assignment.task
        setting = await _with_run(self.assignment.context, task)
        self.run = job_runs.name(setting.run)
        if flaw := masking_limit_error(self._env):
            return Outcome(Ending.FAILED, f"nothing was run: {flaw}")
        writer = LogWriter(self._runtime, task, self._worker.id, self._masker)
        async with writer as log:
            drive = StepContext(self._runtime, setting, task, self._worker.id, log, self._executions)
            try:
                came = await _carry_out(drive)
            except asyncio.CancelledError:
                with suppress(LeaseLostError):
                    await log.say("WARN: the attempt was ended.")
                raise
            if isinstance(came, Outcome) and came.ending is Ending.FAILED:
                await log.say(f"ERROR: {came.message or 'failed'}")
            if isinstance(came, Outcome) and came.ending is Ending.LOST:
                await log.say(f"WARN: the attempt was lost: {came.message or 'nobody knows why'}")
            return came


def _result(work: asyncio.Task[Outcome | Parked], why: Interruption | None, task: Task) -> Outcome | Parked | None:
    if not work.cancelled() and (error := work.exception()) is not None:
        if isinstance(error, LeaseLostError):
            return None
        if isinstance(error, LeaseExpiredError):
            return Outcome(Ending.LOST, NOT_RENEWED)
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
            return Outcome(Ending.RETURNED, "its worker was stopped, and handed it back")


async def _with_run(setting: InstructionContext, task: Task) -> InstructionContext:
    """Return the setting with the number of the run, where runs outlive workers: attempts that were lost share one."""
    if setting.environment.operator is not OperatorKind.KUBERNETES:
        return setting
    return replace(
        setting, run=await retry_while_away(lambda: task_store.completed_attempts_before(task.id, task.attempt))
    )


async def _carry_out(drive: StepContext) -> Outcome | Parked:
    """Do what the attempt is for. Operators keep the limit of a single command; that of all else is kept here."""
    task, setting = drive.task, drive.setting
    if task.activity is Activity.RUN and task.type not in (TaskType.DEPLOY, TaskType.HEALTH_CHECK):
        operator = drive.runtime.operators[setting.environment.operator]
        command = task.command.command if task.command else None
        return await drive.executions.run(operator, instruct(setting, task, command), drive.log.sink())
    try:
        async with asyncio.timeout(task.timeout_seconds):
            if task.activity is Activity.UNDO:
                return await roll_back(drive)
            return await (roll_out(drive) if task.type is TaskType.DEPLOY else check_health(drive))
    except TimeoutError:
        return Outcome(Ending.FAILED, f"it was not done within its time limit of {task.timeout_seconds} s")
