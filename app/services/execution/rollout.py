"""Rollouts of deploy tasks by their strategy, and their rollbacks.

The core decides. Each decision is stored here before an executor carries it out. Between batches no worker holds the
task: `Parked` says until when, and any worker may go on from what was stored.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.core import rollout
from app.core.attempt import Ending, Outcome
from app.core.environment import OperatorKind
from app.core.events import RolloutProgressed
from app.core.strategy.model import Ask, Check, Done, Fail, Observed, Phase, Progress, Retire, Switch, Update, Wait
from app.core.strategy.rollback import RollbackStep, next_rollback_step
from app.services.engine.locked_deployment import lock_deployment
from app.services.execution.instances import InstanceRollout
from app.services.execution.log_writer import LeaseLostError
from app.services.execution.rollout_executor import RolloutExecutor, RolloutSize
from app.services.execution.step_context import StepContext
from app.services.execution.workloads import WorkloadRollout, workload_of
from app.services.retry import retry_while_away
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store.unit_of_work import unit


@dataclass(frozen=True, slots=True)
class Parked:
    """The task resumes at `until`, or after people have approved (None). No worker holds it before."""

    progress: Progress
    until: datetime | None


def executor_of(context: StepContext) -> RolloutExecutor | str:
    """Return the executor of a task's rollout, or why there is none."""
    operator = context.runtime.rollouts.get(context.operator_kind)
    if operator is None:
        if context.operator_kind is OperatorKind.KUBERNETES:
            return "its worker cannot roll out workloads"
        return InstanceRollout(context)
    workload = workload_of(context)
    return workload if isinstance(workload, str) else WorkloadRollout(context, operator, workload)


async def roll_out(context: StepContext) -> Outcome | Parked:
    """Continue a deploy task from its stored progress until it is done, fails, or has to wait."""
    executor = executor_of(context)
    if isinstance(executor, str):
        return Outcome(Ending.FAILED, executor)
    size = await executor.measure()
    stored = context.task.rollout or Progress()
    progress = rollout.begin(context.strategy, stored, serving=context.serving_color, split=size.split)
    if not progress.touched and (reason := await executor.incompatibility()) is not None:
        return Outcome(Ending.FAILED, reason)
    observed = Observed()
    if progress.phase is Phase.WATCHING:
        observed = await executor.observe(progress, observed)
    return await _follow_decisions(context, executor, size, progress, observed)


async def _follow_decisions(
    context: StepContext, executor: RolloutExecutor, size: RolloutSize, progress: Progress, observed: Observed
) -> Outcome | Parked:
    while True:
        before = replace(progress, moved=executor.moved)
        decision = rollout.decide(context.strategy, size.instances, before, observed, context.runtime.clock.now())
        progress = decision.progress
        if progress.batch != before.batch:
            progress = replace(progress, metrics=())
        if progress != before and not isinstance(decision, Wait | Ask):
            await _store(context, progress)
        if (progress.batch, progress.phase) != (before.batch, before.phase):
            observed = Observed()
        match decision:
            case Update(_, instances):
                observed = await executor.update(progress, instances, observed)
            case Check(_, instances):
                observed = await executor.check(progress, instances, observed)
                if observed.metrics:
                    progress = replace(progress, metrics=observed.metrics)
                    await _store(context, progress)
            case Switch():
                observed = await executor.switch(progress, observed)
            case Retire():
                observed = await executor.retire(progress, observed)
            case Wait() | Ask():
                return await _park(context, decision, executor.poll_seconds)
            case Fail(_, reason):
                return Outcome(Ending.FAILED, reason)
            case Done():
                return await _finish(context, executor, progress)


async def _park(context: StepContext, decision: Wait | Ask, poll_seconds: float | None) -> Parked:
    progress = decision.progress
    if isinstance(decision, Ask):
        await context.log.say(f"Step {(progress.asked or 0) + 1} waits for approval.")
        return Parked(progress, None)
    before = context.task.rollout
    if before is None or before.phase is not Phase.WATCHING or before.batch != progress.batch:
        watched = "the set that serves now" if progress.switched else f"batch {progress.batch} of {progress.batches}"
        await context.log.say(f"Watching {watched} until {decision.until:%H:%M:%S} UTC.")
    until = decision.until
    if poll_seconds is not None:
        until = min(until, context.runtime.clock.now() + timedelta(seconds=poll_seconds))
    return Parked(progress, until)


async def _finish(context: StepContext, executor: RolloutExecutor, progress: Progress) -> Outcome:
    fault = await executor.finish(progress)
    if fault is not None:
        return Outcome(Ending.FAILED, fault)
    await context.log.say(executor.success_message(progress))
    return Outcome(Ending.SUCCEEDED, result={"instances": list(progress.healthy)})


async def _store(context: StepContext, progress: Progress) -> None:
    """Store the progress with its event, before it is acted on. Raises LeaseLostError."""
    await retry_while_away(lambda: _store_once(context, progress))


async def _store_once(context: StepContext, progress: Progress) -> None:
    task = context.task
    async with unit(context.runtime) as work, lock_deployment(work, task.deployment_id) as locked:
        before = (await locked.task(task.id)).rollout or Progress()
        if before == progress:
            return
        if not await task_store.save_rollout(task.id, task.attempt, context.worker, progress):
            raise LeaseLostError
        if progress.color != progress.old_color and before.traffic != progress.traffic:
            serving = progress.color if progress.traffic else progress.old_color
            await environment_store.set_color(context.environment.id, task.application_id or "", serving)
        locked.record(RolloutProgressed(task.id, progress))


async def check_health(context: StepContext) -> Outcome:
    """Check every instance of the task's application; one without a health check always succeeds."""
    executor = executor_of(context)
    if isinstance(executor, str):
        return Outcome(Ending.FAILED, executor)
    fault = await executor.check_serving(context.serving_color)
    return Outcome(Ending.SUCCEEDED if fault is None else Ending.FAILED, fault)


async def roll_back(context: StepContext) -> Outcome:
    """Undo every possible effect of a deploy task, step by step, from where an earlier rollback stopped."""
    executor = executor_of(context)
    if isinstance(executor, str):
        return Outcome(Ending.FAILED, executor)
    progress = context.task.rollout or Progress()
    reason = executor.why_no_rollback()
    if reason is not None:
        note = f"left as it is: {reason}"
        await context.log.say(f"WARN: {context.task.key} is {note}.")
        return Outcome(Ending.LEFT, note)
    while (step := next_rollback_step(context.strategy, progress)) is not None:
        progress = replace(step.progress, moved=executor.moved)
        await _store(context, progress)
        outcome = await executor.roll_back_step(step)
        if outcome.ending is not Ending.SUCCEEDED:
            return outcome
        progress = _progress_after(step, executor)
        await _store(context, progress)
    return Outcome(Ending.SUCCEEDED)


def _progress_after(step: RollbackStep, executor: RolloutExecutor) -> Progress:
    """Return the progress after a step of a rollback; a workload is rolled back as a whole."""
    if isinstance(executor, InstanceRollout):
        return step.after
    after = replace(step.after, moved=executor.moved, phase=Phase.UNDOING)
    traffic = None if after.traffic is None else 0.0
    return replace(after, healthy=(), current=(), switched=False, retired=False, traffic=traffic)
