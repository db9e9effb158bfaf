"""A deployment that is held by a transaction, and what happens to it there.

Every change of a deployment or of its tasks goes through a ledger: it checks the transition tables, numbers the events,
and writes deployment and events in one go when it is closed.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.core import deployment as deployments
from app.core import task as tasks
from app.core.deployment import ENDED, Deployment, DeploymentStatus
from app.core.errors import not_found
from app.core.events import Body, DeploymentStatusChanged, Event, TaskStatusChanged
from app.core.schedule import Change
from app.core.task import Task, TaskStatus
from app.store import deployments as deployment_store
from app.store import feed
from app.store import tasks as task_store
from app.store.unit import Unit


@dataclass(slots=True)
class Ledger:
    """The deployment as it stands now in this transaction. `actor_id` is who acts, None for Boreas itself."""

    unit: Unit
    deployment: Deployment
    actor_id: str | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The moment of the transaction."""
        return self.unit.now

    def record(self, body: Body) -> None:
        """Add an event to the feed."""
        number = self.deployment.last_event + 1
        self.deployment = replace(self.deployment, last_event=number)
        self.events.append(
            Event(deployment_id=self.deployment.id, number=number, at=self.now, actor_id=self.actor_id, body=body)
        )

    def move(self, to: DeploymentStatus, reason: str | None = None) -> None:
        """Change the deployment's status. Raises IllegalTransitionError."""
        seen = self.deployment.status
        deployments.transition(seen, to)
        self.deployment = replace(
            self.deployment,
            status=to,
            started_at=self.deployment.started_at or (self.now if to is DeploymentStatus.RUNNING else None),
            resumed_at=self.now if to is DeploymentStatus.RUNNING else self.deployment.resumed_at,
            completed_at=self.now if to in ENDED else None,
            error_message=_error(self.deployment, to, reason),
        )
        if to in ENDED:
            self.unit.queues.add(self.deployment.environment_id)
        self.record(DeploymentStatusChanged(seen, to, reason))

    def note_task(self, task_id: str, seen: TaskStatus, to: TaskStatus, reason: str | None = None) -> None:
        """Record that a task changes its status. Raises IllegalTransitionError."""
        tasks.transition(seen, to)
        self.record(TaskStatusChanged(task_id, seen, to, reason))

    async def change_tasks(self, seen: Mapping[str, TaskStatus], changes: Sequence[Change]) -> None:
        """Store changes of tasks that no worker holds. `seen` has their present statuses by id."""
        if not changes:
            return
        for change in changes:
            self.note_task(change.task_id, seen[change.task_id], change.to, change.reason)
        await task_store.change(changes, self.now)
        abandoned = [change.task_id for change in changes if seen[change.task_id] is TaskStatus.RUNNING]
        if abandoned:
            await task_store.end_open_attempts(abandoned, self.now)

    async def task(self, task_id: str) -> Task:
        """Return one of the deployment's tasks as it is now. Raises Refused."""
        task = (await task_store.by_ids([task_id])).get(task_id)
        if task is None or task.deployment_id != self.deployment.id:
            raise not_found("task", task_id)
        return task


def _error(deployment: Deployment, to: DeploymentStatus, reason: str | None) -> str | None:
    if to is DeploymentStatus.RUNNING:
        return None
    if to in (DeploymentStatus.FAILED, DeploymentStatus.ROLLING_BACK):
        return reason or deployment.error_message
    return deployment.error_message


@asynccontextmanager
async def hold(unit: Unit, deployment_id: str, actor_id: str | None = None) -> AsyncIterator[Ledger]:
    """Hold a deployment's row until the unit's transaction ends; write what changed when the block ends well.

    Raises Refused when there is no such deployment.
    """
    found = await deployment_store.locked(deployment_id)
    if found is None:
        raise not_found("deployment", deployment_id, ("id",))
    unit.now = max(unit.now, unit.clock.now())
    ledger = Ledger(unit, found, actor_id)
    yield ledger
    if ledger.deployment != found:
        ledger.deployment = replace(ledger.deployment, updated_at=unit.now)
        await deployment_store.save(ledger.deployment, ledger.events)
    if ledger.events:
        unit.messages.append((feed.topic(deployment_id), feed.encode(ledger.events)))
