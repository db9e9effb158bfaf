"""Rollouts for operators that are told instance by instance: the deploy command is run for each of them.

Rolling and canary bring the new version to instances in place. Blue and green are two sets of the same instances: each
command sees which set it is about and what is to be done with it, and the old set has the version before.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.attempt import Ending, Outcome
from app.core.environment import OperatorKind
from app.core.strategy.model import Observed, Progress, StrategyKind
from app.core.strategy.rollback import RollbackStep, RollbackStepKind
from app.services.execution.health_checks import check_instances
from app.services.execution.instructions import Action, RolloutPosition, instruct
from app.services.execution.metric_checks import check_metrics
from app.services.execution.step_context import RolloutSize, StepContext

_WAY_BACK = {
    RollbackStepKind.INSTANCES: Action.BRING,
    RollbackStepKind.REVIVE: Action.BRING,
    RollbackStepKind.SWITCH: Action.SWITCH,
    RollbackStepKind.RETIRE: Action.RETIRE,
}


@dataclass(frozen=True, slots=True)
class Instances:
    """The instances of a deploy task's application, one command each."""

    drive: StepContext

    @property
    def moved(self) -> None:
        """None: instances tell themselves what they run."""
        return None

    @property
    def look_seconds(self) -> None:
        """None: instances are looked at when the time of watching is over."""
        return None

    async def unfit(self) -> None:
        """Return None: every strategy is what the commands make of it."""
        return

    async def watch(self, progress: Progress, observed: Observed) -> Observed:
        """Do nothing: their health is asked for at the end."""
        del progress
        return observed

    async def extent(self) -> RolloutSize:
        """Return the instances as they are defined; a workload that is only simulated counts as one."""
        definition = self.drive.definition
        if definition and definition.kubernetes:
            return RolloutSize((definition.kubernetes.workload,))
        return RolloutSize(definition.shell.instances if definition and definition.shell else ())

    async def update(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Run the deploy command for each instance, side by side."""
        if not instances:
            return observed
        drive = self.drive
        version, names = drive.setting.version.name, ", ".join(instances)
        where = f" as the {progress.color} set" if drive.strategy.kind is StrategyKind.BLUE_GREEN else ""
        await drive.log.say(f"Batch {progress.batch} of {progress.batches}: bringing {version} to {names}{where}.")
        failed = await self._forward(progress, instances, Action.BRING, progress.color)
        return replace(observed, updated=observed.updated | (set(instances) - set(failed)), failed=failed)

    async def check(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Ask each instance, and the application's metrics."""
        places = [replace(place, action=None) for place in self._places(progress, instances, progress.color)]
        faults, checked = await asyncio.gather(
            check_instances(self.drive.patient, places), check_metrics(self.drive.patient, progress.color)
        )
        healthy = observed.healthy | (set(instances) - set(faults))
        return replace(observed, healthy=healthy, failed=faults, fault=checked.fault, metrics=checked.results)

    async def check_serving(self, color: str | None) -> str | None:
        """Ask each instance of the set that serves, and the application's metrics."""
        extent = await self.extent()
        everything = Progress(batch=1, total=len(extent.instances), healthy=extent.instances, color=color)
        seen = await self.check(replace(everything, switched=True), extent.instances, Observed())
        return seen.faults(extent.instances)

    async def switch(self, progress: Progress, observed: Observed) -> Observed:
        """Run the deploy command for each instance, with the order to switch."""
        await self.drive.log.say(f"Switching all traffic to the {progress.color} set.")
        failed = await self._forward(progress, progress.touched, Action.SWITCH, progress.color)
        return replace(observed, switched=not failed, failed=failed)

    async def retire(self, progress: Progress, observed: Observed) -> Observed:
        """Run the deploy command for each instance of the old set, with the order to end it.

        What can not be ended is told and left: the new version serves, and taking it back would help nobody.
        """
        if self.drive.previous:
            await self.drive.log.say(f"Retiring the {progress.old_color or 'old'} set.")
            failed = await self._forward(progress, progress.touched, Action.RETIRE, progress.old_color or "")
            for instance, fault in failed.items():
                await self.drive.log.say(f"WARN: {instance} of the old set could not be retired: {fault}")
        return replace(observed, retired=True)

    async def finish(self, progress: Progress) -> str | None:
        """Do nothing: what was brought is the result."""
        return None

    def said_done(self, progress: Progress) -> str:
        """Say that all of them run the new version."""
        return f"All {progress.total} instances run {self.drive.setting.version.name} and are healthy."

    def cannot_undo(self) -> str | None:
        """Return why neither command can take anything back."""
        if self.drive.setting.environment.operator is OperatorKind.SIMULATED or self._command_back() is not None:
            return None
        if self.drive.strategy.kind is StrategyKind.BLUE_GREEN:
            return None
        return "it has no rollback command, and no version ran before"

    def _command_back(self) -> tuple[str, ...] | None:
        shell = self.drive.definition.shell if self.drive.definition else None
        if shell is None:
            return None
        return shell.rollback_command or (shell.command if self.drive.previous else None)

    async def take_back(self, step: RollbackStep) -> Outcome:
        """Run the rollback command, else the deploy command with the version before, for each instance of the step."""
        drive, progress = self.drive, step.progress
        if step.kind in (RollbackStepKind.REVIVE, RollbackStepKind.SWITCH) and drive.previous is None:
            await drive.log.say("WARN: no version ran before, so there is no other set to go back to.")
            return Outcome(Ending.SUCCEEDED)
        await drive.log.say(self._told(step))
        shell = drive.definition.shell if drive.definition else None
        command = self._command_back() or (shell.command if shell else None)
        is_deploy = not (shell and shell.rollback_command)
        color = progress.color
        if step.kind in (RollbackStepKind.REVIVE, RollbackStepKind.SWITCH):
            color = progress.old_color or ""
        places = self._places(progress, step.instances, color, _WAY_BACK[step.kind])
        failed = await self._run(command, places, back=is_deploy)
        return (
            Outcome(Ending.FAILED, "; ".join(f"{name}: {fault}" for name, fault in failed.items()))
            if failed
            else (Outcome(Ending.SUCCEEDED))
        )

    def _told(self, step: RollbackStep) -> str:
        progress = step.progress
        previous = self.drive.previous
        match step.kind:
            case RollbackStepKind.REVIVE:
                return f"Bringing the {progress.old_color or 'old'} set up again."
            case RollbackStepKind.SWITCH:
                return f"Switching all traffic back to the {progress.old_color or 'old'} set."
            case RollbackStepKind.RETIRE:
                return f"Retiring the {progress.color} set."
            case RollbackStepKind.INSTANCES:
                target = previous.name if previous else "nothing (no version ran before)"
                return f"Going back to {target} on {', '.join(step.instances)}."

    async def _forward(
        self, progress: Progress, instances: Sequence[str], action: Action, color: str | None
    ) -> dict[str, str]:
        shell = self.drive.definition.shell if self.drive.definition else None
        return await self._run(shell.command if shell else None, self._places(progress, instances, color, action))

    def _places(
        self, progress: Progress, instances: Sequence[str], color: str | None, action: Action = Action.BRING
    ) -> list[RolloutPosition]:
        ratio = len(progress.touched) / progress.total if progress.total else 1.0
        if self.drive.strategy.kind is StrategyKind.BLUE_GREEN:
            ratio = 1.0 if progress.switched else 0.0
        batch = max(progress.batch, 1)
        return [RolloutPosition(instance, batch, ratio, color=color, action=action) for instance in instances]

    async def _run(
        self, command: tuple[str, ...] | None, places: Sequence[RolloutPosition], *, back: bool = False
    ) -> dict[str, str]:
        """Run a command at places side by side. Return what went wrong, by instance."""
        outcomes = await asyncio.gather(
            *(self._execute(command, place, prefix=len(places) > 1, back=back) for place in places)
        )
        return {
            place.instance: outcome.message or "failed"
            for place, outcome in zip(places, outcomes, strict=True)
            if outcome.ending is not Ending.SUCCEEDED
        }

    async def _execute(
        self, command: tuple[str, ...] | None, place: RolloutPosition, *, prefix: bool, back: bool
    ) -> Outcome:
        drive = self.drive
        instruction = instruct(drive.setting, drive.task, command, place, drive.previous if back else None)
        operator = drive.runtime.operators[drive.setting.environment.operator]
        sink = drive.log.sink(f"[{place.instance}] " if prefix else "")
        return await drive.executions.run(operator, instruction, sink)
