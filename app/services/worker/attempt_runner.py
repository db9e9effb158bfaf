"""One attempt in this worker: runs it, and ends it when it is interrupted."""

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
from app.services.execution.instruction_context import InstructionContext
from app.services.execution.instructions import instruct, literal_env
from app.services.execution.log_writer import LeaseLostError, LogWriter
from app.services.execution.rollout import Parked, check_health, roll_back, roll_out
from app.services.execution.step_context import StepContext
from app.services.retry import retry_while_away
from app.services.runtime import Runtime
from app.services.worker.turn import Assignment, WorkerIdentity
from app.store import tasks as task_store

logger = logging.getLogger(__name__)

NOT_RENEWED = "its worker could not renew its lease"
KILL_MARGIN = 0.1
"""How long before the end of a lease its commands are killed, as a share of the lease: the time that killing takes."""


def kill_time(runtime: Runtime, lease_end: float) -> float:
    """Return when commands under a lease are killed: before another worker may begin the next attempt."""
    return lease_end - KILL_MARGIN * runtime.lease_seconds


class Interruption(StrEnum):
    """Why an attempt is interrupted: a person stopped it, its lease was lost, or its worker shuts down."""

    STOPPED = "STOPPED"
    LOST = "LOST"
    SHUTDOWN = "SHUTDOWN"


class AttemptRunner:
    """Runs an attempt from its creation on.

    `lease_end` is when its lease ends, on the event loop's clock. `ended` tells that it has ended and waits to be
    settled. `run` is the name of its run of the task, once that is known.
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
        """Whether it is being ended because this worker has lost its lease."""
        return self._interruption is Interruption.LOST

    async def wait(self) -> Outcome | Parked | None:
        """Wait for its end and return its result; None when its lease was lost, so that it may not be settled.

        A failure at the end of its lease counts as lost: operators end commands whose lease is not renewed.
        """
        await asyncio.wait([self._work])
        self.ended = True
        result = _result(self._work, self._interruption, self.assignment.task)
        late = asyncio.get_running_loop().time() >= kill_time(self._runtime, self.lease_end)
        if late and isinstance(result, Outcome) and result.ending is Ending.FAILED:
            return Outcome(Ending.LOST, NOT_RENEWED)
        return self._without_secrets(result)

    def _without_secrets(self, result: Outcome | Parked | None) -> Outcome | Parked | None:
        """Return the result with secrets masked: it is stored in tasks, events and the audit log."""
        if not self._masker or not isinstance(result, Outcome):
            return result
        message = result.message and self._masker.mask(result.message)
        return replace(result, message=message, result=self._masker.mask_json(result.result))

    def interrupt(self, why: Interruption) -> None:
        """End it, once. Only STOPPED ends what outlives this worker; else another worker goes on with that."""
        if self._interruption is None:
            self._interruption = why
            if why is Interruption.STOPPED:
                self._executions.stop()
            else:
                self._executions.detach()
            self._work.cancel()

    def kill(self, why: Interruption) -> None:
        """End it without a grace period, even when it is ending with one."""
        self.interrupt(why)
        self._executions.kill()

    async def _perform(self) -> Outcome | Parked:
        task = self.assignment.task
        instruction_context = await _with_run(self.assignment.context, task)
        self.run = job_runs.name(instruction_context.run)
        if error := masking_limit_error(self._env):
            return Outcome(Ending.FAILED, f"no command was run: {error}")
        writer = LogWriter(self._runtime, task, self._worker.id, self._masker)
        async with writer as log:
            context = StepContext(self._runtime, instruction_context, task, self._worker.id, log, self._executions)
            try:
                result = await _carry_out(context)
            except asyncio.CancelledError:
                with suppress(LeaseLostError):
                    await log.say("WARN: the attempt was ended.")
                raise
            if isinstance(result, Outcome) and result.ending is Ending.FAILED:
                await log.say(f"ERROR: {result.message or 'failed'}")
            if isinstance(result, Outcome) and result.ending is Ending.LOST:
                await log.say(f"WARN: the attempt was lost: {result.message or 'the reason is unknown'}")
            return result


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


async def _with_run(context: InstructionContext, task: Task) -> InstructionContext:
    """Return the context with the run's number, where runs outlive workers. Lost attempts share a run."""
    if context.environment.operator is not OperatorKind.KUBERNETES:
        return context
    run = await retry_while_away(lambda: task_store.completed_attempts_before(task.id, task.attempt))
    return replace(context, run=run)


async def _carry_out(context: StepContext) -> Outcome | Parked:
    """Carry the attempt out. Operators enforce the time limit of a single command; the others apply here."""
    task = context.task
    if task.activity is Activity.RUN and task.type not in (TaskType.DEPLOY, TaskType.HEALTH_CHECK):
        operator = context.runtime.operators[context.operator_kind]
        command = task.command.command if task.command else None
        instruction = instruct(context.instruction_context, task, command)
        return await context.executions.run(operator, instruction, context.log.sink())
    try:
        async with asyncio.timeout(task.timeout_seconds):
            if task.activity is Activity.UNDO:
                return await roll_back(context)
            return await (roll_out(context) if task.type is TaskType.DEPLOY else check_health(context))
    except TimeoutError:
        return Outcome(Ending.FAILED, f"it exceeded its time limit of {task.timeout_seconds} s")
