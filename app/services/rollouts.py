"""Driving a deploy task through its strategy, and back.

The core decides; here each decision is stored before it is acted on. Between batches nobody holds the task: `Parked`
says until when, and any worker may go on from what was stored.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.core import rollout
from app.core.attempt import Ending, Outcome
from app.core.environment import OperatorKind
from app.core.events import RolloutProgressed
from app.core.logs import Stream
from app.core.strategy import Ask, Check, Done, Fail, Observed, Progress, Update, Wait
from app.core.task import Task
from app.ports import LogSink
from app.services.health_checks import Patient, check_instances
from app.services.instructions import Place, Setting, instruct
from app.services.ledger import hold
from app.services.log_writer import LeaseLostError, LogWriter
from app.services.patience import patiently
from app.services.runtime import Runtime
from app.store import tasks as task_store
from app.store.unit import unit


@dataclass(frozen=True, slots=True)
class Parked:
    """The task goes on at `until`, or (None) when people have approved; until then no worker holds it."""

    progress: Progress
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Drive:
    """Everything that driving one attempt takes."""

    runtime: Runtime
    setting: Setting
    task: Task
    worker: str
    log: LogWriter

    @property
    def patient(self) -> Patient:
        """Whose health is asked for."""
        return Patient(self.runtime, self.setting, self.task, self.log.write)

    @property
    def instances(self) -> tuple[str, ...]:
        """The instances of the task's application."""
        definition = self.setting.definition(self.task)
        return definition.shell.instances if definition and definition.shell else ()


async def roll_out(drive: Drive) -> Outcome | Parked:
    """Go on with a deploy task from where it stands until it is done, has failed, or has to wait."""
    progress = drive.task.rollout or Progress()
    observed = Observed()
    while True:
        decision = rollout.decide(
            drive.setting.deployment.strategy, drive.instances, progress, observed, drive.runtime.clock.now()
        )
        if decision.progress != progress and not isinstance(decision, Wait | Ask):
            await _store(drive, decision.progress)
        progress = decision.progress
        match decision:
            case Update(_, instances):
                observed = await _update(drive, progress, instances, observed)
            case Check(_, instances):
                observed = await _check(drive, progress, instances, observed)
            case Wait(_, until):
                await drive.log.say(
                    f"Watching batch {progress.batch} of {progress.batches} until {until:%H:%M:%S} UTC."
                )
                return Parked(progress, until)
            case Ask():
                await drive.log.say("The next step waits for people to approve it.")
                return Parked(progress, None)
            case Fail(_, reason):
                return Outcome(Ending.FAILED, reason)
            case Done():
                await drive.log.say(f"All {progress.total} instances run {drive.setting.version.name} and are healthy.")
                return Outcome(Ending.SUCCEEDED, result={"instances": list(drive.instances)})


async def _store(drive: Drive, progress: Progress) -> None:
    """Store where the rollout stands, with its event, before anything is done. Raises LeaseLostError."""
    await patiently(lambda: _store_once(drive, progress))


async def _store_once(drive: Drive, progress: Progress) -> None:
    async with unit(drive.runtime) as work, hold(work, drive.task.deployment_id) as ledger:
        if (await ledger.task(drive.task.id)).rollout == progress:
            return
        if not await task_store.save_rollout(drive.task.id, drive.task.attempt, drive.worker, progress):
            raise LeaseLostError
        ledger.record(RolloutProgressed(drive.task.id, progress))


def _places(progress: Progress, instances: Sequence[str]) -> list[Place]:
    ratio = len(progress.touched) / progress.total if progress.total else 1.0
    return [Place(instance, max(progress.batch, 1), ratio) for instance in instances]


async def _update(drive: Drive, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
    version = drive.setting.version.name
    await drive.log.say(f"Batch {progress.batch} of {progress.batches}: bringing {version} to {', '.join(instances)}.")
    definition = drive.setting.definition(drive.task)
    command = definition.shell.command if definition and definition.shell else None
    outcomes = await asyncio.gather(
        *(_execute(drive, command, place, prefix=len(instances) > 1) for place in _places(progress, instances))
    )
    failed = {
        instance: outcome.message or "failed"
        for instance, outcome in zip(instances, outcomes, strict=True)
        if outcome.ending is not Ending.SUCCEEDED
    }
    return replace(observed, updated=observed.updated | (set(instances) - set(failed)), failed=failed)


async def _execute(
    drive: Drive, command: tuple[str, ...] | None, place: Place, *, prefix: bool, back: bool = False
) -> Outcome:
    back_to = drive.setting.previous.get(drive.task.application_id or "") if back else None
    instruction = instruct(drive.setting, drive.task, command, place, back_to)
    operator = drive.runtime.operators[drive.setting.environment.operator]
    return await operator.execute(
        instruction, _prefixed(drive.log.write, place.instance) if prefix else drive.log.write
    )


def _prefixed(log: LogSink, instance: str) -> LogSink:
    """Return a sink that says which of several instances a line is of."""

    async def write(stream: Stream, lines: Sequence[str]) -> None:
        await log(stream, [f"[{instance}] {line}" for line in lines])

    return write


async def _check(drive: Drive, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
    faults = await check_instances(drive.patient, _places(progress, instances))
    return replace(observed, healthy=observed.healthy | (set(instances) - set(faults)), failed=faults)


async def undo(drive: Drive) -> Outcome:
    """Take every touched instance of a deploy task back, the newest batch first, as many at a time as were brought."""
    definition = drive.setting.definition(drive.task)
    progress = drive.task.rollout or Progress()
    previous = drive.setting.previous.get(drive.task.application_id or "")
    shell = definition.shell if definition else None
    rollback_command = shell.rollback_command if shell else None
    command = rollback_command or (shell.command if shell and previous else None)
    if command is None and drive.setting.environment.operator is not OperatorKind.SIMULATED:
        message = "left as it is: it has no rollback command, and no version ran before"
        await drive.log.say(f"WARN: {drive.task.key} is {message}.")
        return Outcome(Ending.LEFT, message)
    target = previous.name if previous else "nothing (no version ran before)"
    await drive.log.say(f"Going back to {target} on {', '.join(progress.touched)}.")
    left = list(reversed(progress.touched))
    step = rollout.step_in_force(drive.setting.deployment.strategy, progress)
    size = step.batch_size or len(left)
    while left:
        batch, left = left[:size], left[size:]
        outcomes = await asyncio.gather(
            *(
                _execute(drive, command, place, prefix=len(progress.touched) > 1, back=rollback_command is None)
                for place in _places(progress, batch)
            )
        )
        wrong = [
            f"{instance}: {outcome.message}"
            for instance, outcome in zip(batch, outcomes, strict=True)
            if outcome.ending is not Ending.SUCCEEDED
        ]
        if wrong:
            return Outcome(Ending.FAILED, "; ".join(wrong))
    return Outcome(Ending.SUCCEEDED)
