"""Rollouts for operators that move a workload as a whole: each decision becomes a shape that it is given."""

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
from app.services.execution.metric_checks import Checked, check_metrics
from app.services.execution.step_context import RolloutSize, StepContext
from app.services.retry import retry_while_away
from app.store import tasks as task_store

LOOK_SECONDS = 5.0
"""How often a workload that is watched is looked at: what happened in between is seen then."""


@dataclass(slots=True)
class WholeWorkload:
    """The workload of a deploy task's application. Its instances are ordinal names of its replicas.

    Whoever takes a rollout over asks for the shape in hand again before anything else: that changes nothing where it is
    so already, and finds out when it is not.
    """

    drive: StepContext
    operator: RolloutOperator
    workload: Workload
    _size: int = 0
    _shape: Shape | None = field(default=None)
    _progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        """Let what the operator keeps be stored with where the rollout stands."""
        store = self.workload.store
        self._progress = self.drive.task.rollout or Progress()
        store.moved, store.write = self._progress.moved, self._save

    @property
    def moved(self) -> MovedWorkload | None:
        """What the rollout has made of the workload, as it is stored."""
        return self.workload.store.moved

    @property
    def look_seconds(self) -> float:
        """Seconds between two observations of the workload while it is watched."""
        return LOOK_SECONDS

    async def _save(self, moved: MovedWorkload | None) -> None:
        task, progress = self.drive.task, replace(self._progress, moved=moved)

        async def save() -> None:
            if not await task_store.save_rollout(task.id, task.attempt, self.drive.worker, progress):
                raise LeaseLostError

        await retry_while_away(save)
        self._progress = progress

    @property
    def _name(self) -> str:
        return self.workload.target.workload

    async def extent(self) -> RolloutSize:
        """Ask how many replicas there are to be; one that has none has a replica in name, to be brought."""
        if self.moved is None:
            self.workload.store.unfinished = await self._left()
        self._size = await self.operator.size(self.workload)
        names = tuple(f"{self._name}-{ordinal}" for ordinal in range(max(1, self._size)))
        return RolloutSize(names, split=self.workload.target.http_route is not None)

    async def _left(self) -> MovedWorkload | None:
        """Return what the rollout before this one left of the workload, where it was left half way."""
        task, environment = self.drive.task, self.drive.setting.environment
        before = await retry_while_away(
            lambda: task_store.last_rollout(environment.id, self.workload.application_id, task.deployment_id)
        )
        return before.moved if before and is_half_moved(before.moved) else None

    async def unfit(self) -> str | None:
        """Ask whether the strategy can work for the workload."""
        return await self.operator.incompatibility(self.workload, self.drive.strategy, self._size)

    async def watch(self, progress: Progress, observed: Observed) -> Observed:
        """Look at what is watched."""
        self._progress = progress
        shape = rollout.shape(self.drive.strategy, progress, self._size)
        outcome = await self.operator.observe(self.workload, shape, self.drive.log.sink())
        if outcome.ending is Ending.SUCCEEDED:
            return observed
        return replace(observed, fault=outcome.message or "failed")

    async def update(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Give the workload the shape of the batch in hand."""
        shape = rollout.shape(self.drive.strategy, progress, self._size)
        await self.drive.log.say(
            f"Batch {progress.batch} of {progress.batches}: bringing {self.drive.setting.version.name}"
            f" to {shape.updated} of {shape.total} replicas of {self._name}."
        )
        fault = await self._bring(progress, shape)
        updated = observed.updated if fault else observed.updated.union(instances)
        return replace(observed, updated=updated, fault=fault)

    async def check(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Ask the application for its health, once for all replicas, and its metrics."""
        shape = rollout.shape(self.drive.strategy, progress, self._size)
        fault = await self._bring(progress, shape)
        metrics = observed.metrics
        if fault is None:
            service = await self._service(shape)
            batch = max(progress.batch, 1)
            fault, metrics = await self._ask(
                RolloutPosition(self._name, batch, progress.weight, progress.color, service=service)
            )
        healthy = observed.healthy if fault else observed.healthy.union(instances)
        return replace(observed, healthy=healthy, fault=fault, metrics=metrics)

    async def _service(self, shape: Shape) -> str | None:
        """Return by which Service what carries the new version is asked."""
        return await self.operator.resolve_service(self.workload, shape)

    async def check_serving(self, color: str | None) -> str | None:
        """Ask the application for its health and its metrics."""
        checked = await self._ask(RolloutPosition(self._name, 1, 1.0, color, service=self.workload.target.service))
        return checked.fault

    async def _ask(self, place: RolloutPosition) -> Checked:
        faults, checked = await asyncio.gather(
            check_instances(self.drive.patient, [place]), check_metrics(self.drive.patient, place.color)
        )
        return checked._replace(fault="; ".join(filter(None, [*faults.values(), checked.fault])) or None)

    async def switch(self, progress: Progress, observed: Observed) -> Observed:
        """Give all traffic to the new set."""
        await self.drive.log.say("Switching all traffic to the new set.")
        fault = await self._bring(progress, rollout.shape(self.drive.strategy, progress, self._size))
        return replace(observed, switched=fault is None, fault=fault)

    async def retire(self, progress: Progress, observed: Observed) -> Observed:
        """Let the new set take the place of the old one, which is more than to end that: it can fail."""
        await self.drive.log.say("Retiring the old set.")
        fault = await self._bring(progress, rollout.shape(self.drive.strategy, progress, self._size, finished=True))
        return replace(observed, retired=fault is None, fault=fault)

    async def finish(self, progress: Progress) -> str | None:
        """Give the workload the shape that it keeps."""
        if progress.retired:
            return None
        return await self._bring(progress, rollout.shape(self.drive.strategy, progress, self._size, finished=True))

    async def _bring(self, progress: Progress, shape: Shape) -> str | None:
        """Give the workload a shape that it was not given by us yet. Return what went wrong."""
        self._progress = progress
        if shape == self._shape:
            return None
        outcome = await self.operator.apply(self.workload, shape, self.drive.log.sink())
        if outcome.ending is not Ending.SUCCEEDED:
            return outcome.message or "failed"
        self._shape = shape
        return None

    def said_done(self, progress: Progress) -> str:
        """Say how many replicas run the new version: of none it is not known whether it is healthy."""
        version = self.drive.setting.version.name
        if self._size == 0:
            return f"{self._name} has 0 replicas: none runs {version}, and those that it is given will run it unproven."
        return f"All {progress.total} instances run {version} and are healthy."

    def cannot_undo(self) -> str | None:
        """Return None: the operator knows what it made, and can remove that."""
        return None

    async def take_back(self, step: RollbackStep) -> Outcome:
        """Bring the version before back, all at once whatever the step says."""
        self._progress = step.progress
        size = self._size or await self.operator.size(self.workload)
        previous = self.drive.previous
        await self.drive.log.say(f"Going back to {previous.name if previous else 'nothing (no version ran before)'}.")
        shape = rollout.shape(self.drive.strategy, step.progress, size)
        return await self.operator.roll_back(self.workload, shape, self.drive.log.sink())


def workload_of(drive: StepContext) -> Workload | str:
    """Return what a deploy task moves, or why there is nothing to move."""
    definition, connection = drive.definition, drive.setting.environment.kubernetes
    if definition is None or definition.kubernetes is None:
        return "its application has no Kubernetes target"
    if connection is None:
        return "its environment has no connection to a cluster"
    if definition.image is None:
        return f"{drive.setting.version.name} has no image of {definition.name}"
    id_ = definition.application_id
    before = drive.previous.artifacts if drive.previous else ()
    return Workload(
        connection=connection,
        target=definition.kubernetes,
        deployment_id=drive.task.deployment_id,
        task_id=drive.task.id,
        application=definition.name,
        application_id=id_,
        version=drive.setting.version.name,
        image=definition.image,
        previous_image=next((artifact.image for artifact in before if artifact.application_id == id_), None),
    )
