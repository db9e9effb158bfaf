"""A deployment whose row a transaction has locked, and the changes that are made to it there.

Every change of a deployment or of its tasks goes through a LockedDeployment. It checks the transition tables, numbers
the events, and writes deployment, tasks, attempts and events in one statement when it is closed.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.core import deployment as deployments
from app.core import task as tasks
from app.core.approval import ApprovalPolicy
from app.core.deployment import ENDED, PAUSABLE, Deployment, DeploymentStatus
from app.core.environment import Pools
from app.core.errors import not_found
from app.core.events import Body, DeploymentPaused, DeploymentStatusChanged, Event, TaskStatusChanged
from app.core.task import Task, TaskAttempt, TaskStatus, with_status
from app.core.tick.state import TaskChange
from app.services.engine.topics import orphan_topic
from app.store import deployments as deployment_store
from app.store import event_feed
from app.store import tasks as task_store
from app.store.database import MICROSECOND
from app.store.deployments import EnvironmentRules
from app.store.tasks import AttemptEnd, Writes
from app.store.unit_of_work import Unit


@dataclass(slots=True)
class LockedDeployment:
    """The deployment as it is in this transaction, with the changes that are not written yet.

    `rules` has the pools and the policy of its environment, `stored` is the deployment as last written.
    `actor_id` is who acts, None for Boreas itself. `has_requests` tells that approvals of it may be pending.
    """

    unit: Unit
    deployment: Deployment
    rules: EnvironmentRules
    stored: Deployment
    actor_id: str | None = None
    has_requests: bool = False
    events: list[Event] = field(default_factory=list)
    _events_stored: int = 0
    _writes: Writes = field(default_factory=Writes)
    _changes: dict[str, TaskChange] = field(default_factory=dict)
    _abandoned: list[str] = field(default_factory=list)
    _has_cancelled_tasks: bool = False
    _marked: bool = False

    @property
    def pools(self) -> Pools:
        """The pools whose workers serve its environment."""
        return self.rules.pools

    @property
    def policy(self) -> ApprovalPolicy | None:
        """The approval policy of its environment."""
        return self.rules.policy

    @property
    def now(self) -> datetime:
        """The moment of the transaction."""
        return self.unit.now

    def record(self, body: Body, *, automatic: bool = False) -> None:
        """Add an event to the feed. An `automatic` one has no actor."""
        number = self.deployment.last_event + 1
        self.deployment = replace(self.deployment, last_event=number)
        actor_id = None if automatic else self.actor_id
        self.events.append(
            Event(deployment_id=self.deployment.id, number=number, at=self.now, actor_id=actor_id, body=body)
        )

    def change_status(self, to: DeploymentStatus, reason: str | None = None) -> None:
        """Change the deployment's status. Raises IllegalTransitionError."""
        current = self.deployment.status
        deployments.transition(current, to)
        resumes = to is DeploymentStatus.RUNNING and current is not DeploymentStatus.WAITING_CONFIRM
        self.deployment = replace(
            self.deployment,
            status=to,
            started_at=self.deployment.started_at or (self.now if to is DeploymentStatus.RUNNING else None),
            resumed_at=self.now if resumes else self.deployment.resumed_at,
            completed_at=self.now if to in ENDED else None,
            error_message=_error_message(self.deployment, to, reason),
        )
        if to in ENDED:
            self.unit.queues.add(self.deployment.environment_id)
        self.record(DeploymentStatusChanged(current, to, reason))
        if self.deployment.paused and to not in PAUSABLE:
            self.set_paused(False)

    def set_paused(self, paused: bool) -> None:
        """Pause the deployment, so that no task starts, or let it go on."""
        self.deployment = replace(self.deployment, paused=paused)
        self.record(DeploymentPaused(paused))

    def record_task_status(self, task_id: str, current: TaskStatus, to: TaskStatus, reason: str | None = None) -> None:
        """Record that a task changes its status. Raises IllegalTransitionError."""
        tasks.transition(current, to)
        self._has_cancelled_tasks |= to is TaskStatus.CANCELLED
        self.record(TaskStatusChanged(task_id, current, to, reason))

    def change_tasks(self, statuses: Mapping[str, TaskStatus], changes: Sequence[TaskChange]) -> None:
        """Change tasks that no worker holds. `statuses` has their present statuses by id."""
        for change in changes:
            current = statuses[change.task_id]
            self.record_task_status(change.task_id, current, change.to, change.reason)
            if current in (TaskStatus.RUNNING, TaskStatus.WAITING_CONFIRM):
                self._abandoned.append(change.task_id)
            task = self._writes.tasks.get(change.task_id)
            if task is None:
                self._changes[change.task_id] = change
            else:
                self._writes.tasks[task.id] = with_status(task, change.to, change.reason, self.now)

    def put_task(self, task: Task, *, begun: TaskAttempt | None = None, ended: AttemptEnd | None = None) -> None:
        """Store a task, with the attempt of it that begins and the one that has ended."""
        self._changes.pop(task.id, None)
        self._writes.tasks[task.id] = task
        if begun:
            self._writes.begun.append(begun)
        if ended:
            self._writes.ended.append(ended)

    async def tasks(self, ids: Sequence[str]) -> list[Task]:
        """Return tasks of the deployment, with what was put in this transaction."""
        unwritten = self._writes.tasks
        stored = await task_store.by_ids([id_ for id_ in ids if id_ not in unwritten])
        return [unwritten[id_] if id_ in unwritten else stored[id_] for id_ in ids]

    async def task(self, task_id: str, path: tuple[str, ...] | None = None) -> Task:
        """Return a stored task of the deployment. Raises Refused, naming the `path` of the input with its id."""
        task = (await task_store.by_ids([task_id])).get(task_id)
        if task is None or task.deployment_id != self.deployment.id:
            raise not_found("task", task_id, path)
        return task

    def mark_changed(self) -> None:
        """Have the deployment written: its tasks were changed by other statements."""
        self._marked = True

    async def flush(self) -> None:
        """Write all changes, so that reads of the database see them.

        The deployment's `updated_at` always grows, even when clocks go back: readers compare it with the version they
        have read.
        """
        if self._changes:
            await task_store.apply_changes(list(self._changes.values()), self.now)
        if self._abandoned:
            await task_store.end_open_attempts(self._abandoned, self.now)
        if self.deployment != self.stored or self._writes.tasks or self._marked:
            moment = max(self.now, self.stored.updated_at + MICROSECOND)
            self.deployment = self.stored = replace(self.deployment, updated_at=moment)
            self.unit.messages.append((event_feed.CHANGES, self.deployment.id.encode()))
            await deployment_store.save(self.deployment, self.events[self._events_stored :], self._writes)
        self._changes, self._abandoned, self._writes, self._marked = {}, [], Writes(), False
        self._events_stored = len(self.events)

    async def close(self) -> None:
        """Write all changes, and publish the events after the commit."""
        await self.flush()
        if self.events:
            self.unit.messages.append((event_feed.topic(self.deployment.id), event_feed.encode(self.events)))
        if self._has_cancelled_tasks:
            self.unit.messages.extend((orphan_topic(pool), b"") for pool in self.pools.all)


def _error_message(deployment: Deployment, to: DeploymentStatus, reason: str | None) -> str | None:
    if to is DeploymentStatus.RUNNING:
        return None
    return reason or deployment.error_message


@asynccontextmanager
async def lock_deployment(
    unit: Unit, deployment_id: str, actor_id: str | None = None, field: str = "id"
) -> AsyncIterator[LockedDeployment]:
    """Lock a deployment's row for the unit's transaction; write its changes when the block ends well.

    Raises Refused, naming the input's `field`, when the deployment does not exist.
    """
    row = await deployment_store.locked(deployment_id)
    if row is None:
        raise not_found("deployment", deployment_id, (field,))
    unit.now = max(unit.now, unit.clock.now())
    locked = LockedDeployment(unit, row.deployment, row.rules, row.deployment, actor_id, row.has_pending_approvals)
    yield locked
    await locked.close()
    unit.record_change(deployment_id, row.deployment, locked.deployment)
