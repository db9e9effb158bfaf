"""Rollouts instance by instance: the deploy command runs once for each of them.

Rolling and canary update instances in place. Blue and green are two sets of the same instances: each command sees its
set and its action, and the old set has the previous version.
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
from app.services.execution.rollout_executor import RolloutSize
from app.services.execution.step_context import StepContext

_ROLLBACK_ACTIONS = {
    RollbackStepKind.INSTANCES: Action.BRING,
    RollbackStepKind.REVIVE: Action.BRING,
    RollbackStepKind.SWITCH: Action.SWITCH,
    RollbackStepKind.RETIRE: Action.RETIRE,
}


@dataclass(frozen=True, slots=True)
class InstanceRollout:
    """A rollout of an application by one command for each of its instances."""

    context: StepContext

    @property
    def moved(self) -> None:
        """None: each instance itself shows which version it runs."""
        return None

    @property
    def poll_seconds(self) -> None:
        """None: instances are checked once, when the time of watching is over."""
        return None

    async def incompatibility(self) -> None:
        """Return None: the commands implement every strategy."""
        return

    async def observe(self, progress: Progress, observed: Observed) -> Observed:
        """Return what was observed before: health is checked at the end."""
        del progress
        return observed

    async def measure(self) -> RolloutSize:
        """Return the defined instances; a simulated workload counts as one."""
        definition = self.context.definition
        if definition and definition.kubernetes:
            return RolloutSize((definition.kubernetes.workload,))
        return RolloutSize(definition.shell.instances if definition and definition.shell else ())

    async def update(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Run the deploy command for each instance, concurrently."""
        if not instances:
            return observed
        context = self.context
        version, names = context.version.name, ", ".join(instances)
        where = f" as the {progress.color} set" if context.strategy.kind is StrategyKind.BLUE_GREEN else ""
        await context.log.say(f"Batch {progress.batch} of {progress.batches}: bringing {version} to {names}{where}.")
        failed = await self._run_deploy_command(progress, instances, Action.BRING, progress.color)
        return replace(observed, updated=observed.updated | (set(instances) - set(failed)), failed=failed)

    async def check(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Check the health of each instance, and the application's metrics."""
        positions = [
            replace(position, action=None) for position in self._positions(progress, instances, progress.color)
        ]
        faults, metrics = await asyncio.gather(
            check_instances(self.context, positions), check_metrics(self.context, progress.color)
        )
        healthy = observed.healthy | (set(instances) - set(faults))
        return replace(observed, healthy=healthy, failed=faults, fault=metrics.fault, metrics=metrics.results)

    async def check_serving(self, color: str | None) -> str | None:
        """Check the health of each instance of the set that serves, and the application's metrics."""
        size = await self.measure()
        whole = Progress(batch=1, total=len(size.instances), healthy=size.instances, color=color)
        observed = await self.check(replace(whole, switched=True), size.instances, Observed())
        return observed.faults(size.instances)

    async def switch(self, progress: Progress, observed: Observed) -> Observed:
        """Run the deploy command for each instance, with the action to switch."""
        await self.context.log.say(f"Switching all traffic to the {progress.color} set.")
        failed = await self._run_deploy_command(progress, progress.touched, Action.SWITCH, progress.color)
        return replace(observed, switched=not failed, failed=failed)

    async def retire(self, progress: Progress, observed: Observed) -> Observed:
        """Run the deploy command for each instance of the old set, with the action to end it.

        A failure is only logged: the new version serves, so a rollback would not help.
        """
        if self.context.previous:
            await self.context.log.say(f"Retiring the {progress.old_color or 'old'} set.")
            color = progress.old_color or ""
            failed = await self._run_deploy_command(progress, progress.touched, Action.RETIRE, color)
            for instance, fault in failed.items():
                await self.context.log.say(f"WARN: {instance} of the old set could not be retired: {fault}")
        return replace(observed, retired=True)

    async def finish(self, progress: Progress) -> str | None:
        """Return None: there is nothing to remove."""
        return None

    def success_message(self, progress: Progress) -> str:
        """Return that all instances run the new version."""
        return f"All {progress.total} instances run {self.context.version.name} and are healthy."

    def why_no_rollback(self) -> str | None:
        """Return why no command can roll back."""
        if self.context.operator_kind is OperatorKind.SIMULATED or self._rollback_command() is not None:
            return None
        if self.context.strategy.kind is StrategyKind.BLUE_GREEN:
            return None
        return "it has no rollback command, and no version ran before"

    def _rollback_command(self) -> tuple[str, ...] | None:
        shell = self.context.definition.shell if self.context.definition else None
        if shell is None:
            return None
        return shell.rollback_command or (shell.command if self.context.previous else None)

    async def roll_back_step(self, step: RollbackStep) -> Outcome:
        """Run the rollback command, or the deploy command with the previous version, for each instance."""
        context, progress = self.context, step.progress
        is_old_set = step.kind in (RollbackStepKind.REVIVE, RollbackStepKind.SWITCH)
        if is_old_set and context.previous is None:
            await context.log.say("WARN: no version ran before, so there is no other set to go back to.")
            return Outcome(Ending.SUCCEEDED)
        await context.log.say(self._describe(step))
        shell = context.definition.shell if context.definition else None
        command = self._rollback_command() or (shell.command if shell else None)
        uses_deploy_command = not (shell and shell.rollback_command)
        color = (progress.old_color or "") if is_old_set else progress.color
        positions = self._positions(progress, step.instances, color, _ROLLBACK_ACTIONS[step.kind])
        failed = await self._run(command, positions, back=uses_deploy_command)
        if failed:
            return Outcome(Ending.FAILED, "; ".join(f"{name}: {fault}" for name, fault in failed.items()))
        return Outcome(Ending.SUCCEEDED)

    def _describe(self, step: RollbackStep) -> str:
        progress = step.progress
        previous = self.context.previous
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

    async def _run_deploy_command(
        self, progress: Progress, instances: Sequence[str], action: Action, color: str | None
    ) -> dict[str, str]:
        shell = self.context.definition.shell if self.context.definition else None
        return await self._run(shell.command if shell else None, self._positions(progress, instances, color, action))

    def _positions(
        self, progress: Progress, instances: Sequence[str], color: str | None, action: Action = Action.BRING
    ) -> list[RolloutPosition]:
        ratio = len(progress.touched) / progress.total if progress.total else 1.0
        if self.context.strategy.kind is StrategyKind.BLUE_GREEN:
            ratio = 1.0 if progress.switched else 0.0
        batch = max(progress.batch, 1)
        return [RolloutPosition(instance, batch, ratio, color=color, action=action) for instance in instances]

    async def _run(
        self, command: tuple[str, ...] | None, positions: Sequence[RolloutPosition], *, back: bool = False
    ) -> dict[str, str]:
        """Run a command at positions concurrently. Return the faults, by instance."""
        outcomes = await asyncio.gather(
            *(self._execute(command, position, prefix=len(positions) > 1, back=back) for position in positions)
        )
        return {
            position.instance: outcome.message or "failed"
            for position, outcome in zip(positions, outcomes, strict=True)
            if outcome.ending is not Ending.SUCCEEDED
        }

    async def _execute(
        self, command: tuple[str, ...] | None, position: RolloutPosition, *, prefix: bool, back: bool
    ) -> Outcome:
        context = self.context
        back_to = context.previous if back else None
        instruction = instruct(context.instruction_context, context.task, command, position, back_to)
        operator = context.runtime.operators[context.operator_kind]
        sink = context.log.sink(f"[{position.instance}] " if prefix else "")
        return await context.executions.run(operator, instruction, sink)
