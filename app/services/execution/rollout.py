"""Driving a deploy task through its strategy, and back.

The core decides; here each decision is stored before it is acted on, by whoever the operator takes to carry it out.
Between batches nobody holds the task: `Parked` says until when, and any worker may go on from what was stored.
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
from app.services.execution.instances import Instances
from app.services.execution.log_writer import LeaseLostError
from app.services.execution.step_context import RolloutExecutor, RolloutSize, StepContext
from app.services.execution.workloads import WholeWorkload, workload_of
from app.services.retry import retry_while_away
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store.unit_of_work import unit


@dataclass(frozen=True, slots=True)
class Parked:
    """The task goes on at `until`, or (None) when people have approved; until then no worker holds it."""

    progress: Progress
    until: datetime | None


def executor_of(drive: StepContext) -> RolloutExecutor | str:
    """Return who carries out what the strategy decides, or why nobody can."""
    kind = drive.setting.environment.operator
    operator = drive.runtime.rollouts.get(kind)
    if operator is None:
        return "its worker can not move workloads" if kind is OperatorKind.KUBERNETES else Instances(drive)
    workload = workload_of(drive)
    return workload if isinstance(workload, str) else WholeWorkload(drive, operator, workload)


async def roll_out(drive: StepContext) -> Outcome | Parked:
    """Go on with a deploy task from where it stands until it is done, has failed, or has to wait."""
    carrier = executor_of(drive)
    if isinstance(carrier, str):
        return Outcome(Ending.FAILED, carrier)
    extent = await carrier.extent()
    serving = drive.setting.colors.get(drive.task.application_id or "")
    progress = rollout.begin(drive.strategy, drive.task.rollout or Progress(), serving=serving, split=extent.split)
    if not progress.touched and (why := await carrier.unfit()) is not None:
        return Outcome(Ending.FAILED, why)
    observed = Observed()
    if progress.phase is Phase.WATCHING:
        observed = await carrier.watch(progress, observed)
    return await _decided(drive, carrier, extent, progress, observed)


async def _decided(
    drive: StepContext, carrier: RolloutExecutor, extent: RolloutSize, progress: Progress, observed: Observed
) -> Outcome | Parked:
    while True:
        progress = replace(progress, moved=carrier.moved)
        decision = rollout.decide(drive.strategy, extent.instances, progress, observed, drive.runtime.clock.now())
        step = decision.progress
        if step.batch != progress.batch:
            step = replace(step, metrics=())
        if step != progress and not isinstance(decision, Wait | Ask):
            await _store(drive, step)
        if (step.batch, step.phase) != (progress.batch, progress.phase):
            observed = Observed()
        progress = step
        match decision:
            case Update(_, instances):
                observed = await carrier.update(progress, instances, observed)
            case Check(_, instances):
                observed = await carrier.check(progress, instances, observed)
                if observed.metrics:
                    progress = replace(progress, metrics=observed.metrics)
                    await _store(drive, progress)
            case Switch():
                observed = await carrier.switch(progress, observed)
            case Retire():
                observed = await carrier.retire(progress, observed)
            case Wait() | Ask():
                return await _park(drive, decision, carrier.look_seconds)
            case Fail(_, reason):
                return Outcome(Ending.FAILED, reason)
            case Done():
                return await _done(drive, carrier, progress)


async def _park(drive: StepContext, decision: Wait | Ask, look_seconds: float | None) -> Parked:
    progress = decision.progress
    if isinstance(decision, Ask):
        await drive.log.say(f"Step {(progress.asked or 0) + 1} waits for people to approve it.")
        return Parked(progress, None)
    before = drive.task.rollout
    if before is None or before.phase is not Phase.WATCHING or before.batch != progress.batch:
        what = "the set that serves now" if progress.switched else f"batch {progress.batch} of {progress.batches}"
        await drive.log.say(f"Watching {what} until {decision.until:%H:%M:%S} UTC.")
    soon = decision.until
    if look_seconds is not None:
        soon = min(soon, drive.runtime.clock.now() + timedelta(seconds=look_seconds))
    return Parked(progress, soon)


async def _done(drive: StepContext, carrier: RolloutExecutor, progress: Progress) -> Outcome:
    fault = await carrier.finish(progress)
    if fault is not None:
        return Outcome(Ending.FAILED, fault)
    await drive.log.say(carrier.said_done(progress))
    return Outcome(Ending.SUCCEEDED, result={"instances": list(progress.healthy)})


async def _store(drive: StepContext, progress: Progress) -> None:
    """Store where the rollout stands, with its event, before anything is done. Raises LeaseLostError."""
    await retry_while_away(lambda: _store_once(drive, progress))


async def _store_once(drive: StepContext, progress: Progress) -> None:
    async with unit(drive.runtime) as work, lock_deployment(work, drive.task.deployment_id) as ledger:
        before = (await ledger.task(drive.task.id)).rollout or Progress()
        if before == progress:
            return
        if not await task_store.save_rollout(drive.task.id, drive.task.attempt, drive.worker, progress):
            raise LeaseLostError
        if progress.color != progress.old_color and before.traffic != progress.traffic:
            serving = progress.color if progress.traffic else progress.old_color
            place = (drive.setting.environment.id, drive.task.application_id or "")
            await environment_store.set_color(*place, serving)
        ledger.record(RolloutProgressed(drive.task.id, progress))


async def check_health(drive: StepContext) -> Outcome:
    """Check every instance of the task's application; without a health check of its own there is nothing to ask."""
    carrier = executor_of(drive)
    if isinstance(carrier, str):
        return Outcome(Ending.FAILED, carrier)
    fault = await carrier.check_serving(drive.setting.colors.get(drive.task.application_id or ""))
    return Outcome(Ending.SUCCEEDED if fault is None else Ending.FAILED, fault)


async def roll_back(drive: StepContext) -> Outcome:
    """Take back whatever of a deploy task may have been done, step by step, from where an earlier undo stopped."""
    carrier = executor_of(drive)
    if isinstance(carrier, str):
        return Outcome(Ending.FAILED, carrier)
    progress = drive.task.rollout or Progress()
    why_not = carrier.cannot_undo()
    if why_not is not None:
        note = f"left as it is: {why_not}"
        await drive.log.say(f"WARN: {drive.task.key} is {note}.")
        return Outcome(Ending.LEFT, note)
    while (step := next_rollback_step(drive.strategy, progress)) is not None:
        progress = replace(step.progress, moved=carrier.moved)
        await _store(drive, progress)
        outcome = await carrier.take_back(step)
        if outcome.ending is not Ending.SUCCEEDED:
            return outcome
        progress = _after(step, carrier)
        await _store(drive, progress)
    return Outcome(Ending.SUCCEEDED)


def _after(step: RollbackStep, carrier: RolloutExecutor) -> Progress:
    """Return where a rollout stands after a step back; a workload goes back as a whole."""
    if isinstance(carrier, Instances):
        return step.after
    after = replace(step.after, moved=carrier.moved)
    gone = replace(after, healthy=(), current=(), switched=False, retired=False)
    return replace(gone, traffic=None if gone.traffic is None else 0.0, phase=Phase.UNDOING)
