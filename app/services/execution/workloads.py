"""Rollouts of a workload as a whole: each decision becomes a shape that the operator applies."""

import asyncio
from dataclasses import dataclass, field, replace

from app.core import rollout
from app.core.attempt import Ending, Outcome
from app.core.moved_workload import MovedWorkload, is_half_moved
from app.core.strategy.model import Observed, Progress, Shape
from app.core.strategy.rollback import RollbackStep
from app.ports import RolloutOperator, Workload
from app.services.execution.health_checks import check_instances
from app.services.execution.instructions import RolloutPosition
from app.services.execution.log_writer import LeaseLostError
from app.services.execution.metric_checks import MetricsChecked, check_metrics
from app.services.execution.rollout_executor import RolloutSize
from app.services.execution.step_context import StepContext
from app.services.retry import retry_while_away
from app.store import tasks as task_store

POLL_SECONDS = 5.0
"""How often a watched workload is observed; the operator reports everything since the last time."""


@dataclass(slots=True)
class WorkloadRollout:
    """A rollout of an application's workload. Its instances are ordinal names of the replicas.

    A worker that takes a rollout over applies the current shape first: where the workload already has it, that changes
    nothing, and else it repairs or reports the difference.
    """

    context: StepContext
    operator: RolloutOperator
    workload: Workload
    _size: int = 0
    _shape: Shape | None = field(default=None)
    _progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        """Store the operator's record of the workload with the progress of the rollout."""
        store = self.workload.store
        self._progress = self.context.task.rollout or Progress()
        store.moved, store.write = self._progress.moved, self._save_record

    @property
    def moved(self) -> MovedWorkload | None:
        """The record of what the rollout changed, as it is stored."""
        return self.workload.store.moved

    @property
    def poll_seconds(self) -> float:
        """How often a watched workload is observed."""
        return POLL_SECONDS

    async def _save_record(self, moved: MovedWorkload | None) -> None:
        task, progress = self.context.task, replace(self._progress, moved=moved)

        async def save() -> None:
            if not await task_store.save_rollout(task.id, task.attempt, self.context.worker, progress):
                raise LeaseLostError

        await retry_while_away(save)
        self._progress = progress

    @property
    def _name(self) -> str:
        return self.workload.target.workload

    async def measure(self) -> RolloutSize:
        """Return the desired replicas; a workload without replicas counts as one instance, to be updated."""
        if self.moved is None:
            self.workload.store.unfinished = await self._half_moved_before()
        self._size = await self.operator.size(self.workload)
        names = tuple(f"{self._name}-{ordinal}" for ordinal in range(max(1, self._size)))
        return RolloutSize(names, split=self.workload.target.http_route is not None)

    async def _half_moved_before(self) -> MovedWorkload | None:
        """Return the record of the previous rollout of the workload, where that left it half-moved."""
        task = self.context.task
        before = await retry_while_away(
            lambda: task_store.last_rollout(
                self.context.environment.id, self.workload.application_id, task.deployment_id
            )
        )
        return before.moved if before and is_half_moved(before.moved) else None

    async def incompatibility(self) -> str | None:
        """Return why the strategy cannot work for the workload; None where it can."""
        return await self.operator.incompatibility(self.workload, self.context.strategy, self._size)

    async def observe(self, progress: Progress, observed: Observed) -> Observed:
        """Observe the workload while its batch is watched."""
        self._progress = progress
        shape = rollout.shape(self.context.strategy, progress, self._size)
        outcome = await self.operator.observe(self.workload, shape, self.context.log.sink())
        if outcome.ending is Ending.SUCCEEDED:
            return observed
        return replace(observed, fault=outcome.message or "failed")

    async def update(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Apply the shape of the current batch."""
        shape = rollout.shape(self.context.strategy, progress, self._size)
        await self.context.log.say(
            f"Batch {progress.batch} of {progress.batches}: bringing {self.context.version.name}"
            f" to {shape.updated} of {shape.total} replicas of {self._name}."
        )
        fault = await self._apply(progress, shape)
        updated = observed.updated if fault else observed.updated.union(instances)
        return replace(observed, updated=updated, fault=fault)

    async def check(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Check the application's health, once for all replicas, and its metrics."""
        shape = rollout.shape(self.context.strategy, progress, self._size)
        fault = await self._apply(progress, shape)
        metrics = observed.metrics
        if fault is None:
            service = await self.operator.resolve_service(self.workload, shape)
            batch = max(progress.batch, 1)
            position = RolloutPosition(self._name, batch, progress.weight, progress.color, service=service)
            fault, metrics = await self._check_health(position)
        healthy = observed.healthy if fault else observed.healthy.union(instances)
        return replace(observed, healthy=healthy, fault=fault, metrics=metrics)

    async def check_serving(self, color: str | None) -> str | None:
        """Check the application's health and its metrics."""
        position = RolloutPosition(self._name, 1, 1.0, color, service=self.workload.target.service)
        return (await self._check_health(position)).fault

    async def _check_health(self, position: RolloutPosition) -> MetricsChecked:
        faults, metrics = await asyncio.gather(
            check_instances(self.context, [position]), check_metrics(self.context, position.color)
        )
        return metrics._replace(fault="; ".join(filter(None, [*faults.values(), metrics.fault])) or None)

    async def switch(self, progress: Progress, observed: Observed) -> Observed:
        """Switch all traffic to the new set."""
        await self.context.log.say("Switching all traffic to the new set.")
        fault = await self._apply(progress, rollout.shape(self.context.strategy, progress, self._size))
        return replace(observed, switched=fault is None, fault=fault)

    async def retire(self, progress: Progress, observed: Observed) -> Observed:
        """Let the new set replace the old one, which is more than to end the old one: it can fail."""
        await self.context.log.say("Retiring the old set.")
        shape = rollout.shape(self.context.strategy, progress, self._size, finished=True)
        fault = await self._apply(progress, shape)
        return replace(observed, retired=fault is None, fault=fault)

    async def finish(self, progress: Progress) -> str | None:
        """Apply the final shape."""
        if progress.retired:
            return None
        return await self._apply(progress, rollout.shape(self.context.strategy, progress, self._size, finished=True))

    async def _apply(self, progress: Progress, shape: Shape) -> str | None:
        """Apply a shape, unless it is the one that was applied last. Return the fault, if any."""
        self._progress = progress
        if shape == self._shape:
            return None
        outcome = await self.operator.apply(self.workload, shape, self.context.log.sink())
        if outcome.ending is not Ending.SUCCEEDED:
            return outcome.message or "failed"
        self._shape = shape
        return None

    def success_message(self, progress: Progress) -> str:
        """Return how many replicas run the new version; without replicas its health is unknown."""
        version = self.context.version.name
        if self._size == 0:
            return f"{self._name} has 0 replicas: none runs {version}, so its health is not proven."
        return f"All {progress.total} instances run {version} and are healthy."

    def why_no_rollback(self) -> str | None:
        """Return None: the operator knows what it created, and can remove it."""
        return None

    async def roll_back_step(self, step: RollbackStep) -> Outcome:
        """Restore the previous version, all at once whatever the step says."""
        self._progress = step.progress
        size = self._size or await self.operator.size(self.workload)
        previous = self.context.previous
        target = previous.name if previous else "nothing (no version ran before)"
        await self.context.log.say(f"Going back to {target}.")
        shape = rollout.shape(self.context.strategy, step.progress, size)
        return await self.operator.roll_back(self.workload, shape, self.context.log.sink())


def workload_of(context: StepContext) -> Workload | str:
    """Return the workload of a deploy task, or why it has none."""
    definition, connection = context.definition, context.environment.kubernetes
    if definition is None or definition.kubernetes is None:
        return "its application has no Kubernetes target"
    if connection is None:
        return "its environment has no connection to a cluster"
    if definition.image is None:
        return f"{context.version.name} has no image of {definition.name}"
    id_ = definition.application_id
    artifacts = context.previous.artifacts if context.previous else ()
    return Workload(
        connection=connection,
        target=definition.kubernetes,
        deployment_id=context.task.deployment_id,
        task_id=context.task.id,
        application=definition.name,
        application_id=id_,
        version=context.version.name,
        image=definition.image,
        previous_image=next((artifact.image for artifact in artifacts if artifact.application_id == id_), None),
    )
