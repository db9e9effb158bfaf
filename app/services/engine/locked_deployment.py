"""A deployment that is held by a transaction, and what happens to it there.

Every change of a deployment or of its tasks goes through a ledger: it checks the transition tables, numbers the events,
and writes deployment, tasks, attempts and events in one go when it is closed.
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
from app.core.task import Task, TaskAttempt, TaskStatus, changed
from app.core.tick.planning import Change
from app.services.engine import orphans
from app.store import deployments as deployment_store
from app.store import event_feed
from app.store import tasks as task_store
from app.store.database import MICROSECOND
from app.store.deployments import EnvironmentRules
from app.store.tasks import AttemptEnd, Writes
from app.store.unit_of_work import Unit


@dataclass(slots=True)
class LockedDeployment:
    """The deployment as it stands now in this transaction, and what is to be written when it is closed.

    `place` has the pools and the policy of its environment, `stored` is the deployment as it was last written.
    `actor_id` is who acts, None for Boreas itself. `asked` tells that approvals of it may be pending.
    """

    unit: Unit
    deployment: Deployment
    place: EnvironmentRules
    stored: Deployment
    actor_id: str | None = None
    asked: bool = False
    events: list[Event] = field(default_factory=list)
    _events_stored: int = 0
    _writes: Writes = field(default_factory=Writes)
    _changes: dict[str, Change] = field(default_factory=dict)
    _abandoned: list[str] = field(default_factory=list)
    _stopped: bool = False
    _touched: bool = False

    @property
    def pools(self) -> Pools:
        """The pools whose workers serve its environment."""
        return self.place.pools

    @property
    def policy(self) -> ApprovalPolicy | None:
        """The approval policy of its environment."""
        return self.place.policy

    @property
    def now(self) -> datetime:
        """The moment of the transaction."""
        return self.unit.now

    def record(self, body: Body, *, by_itself: bool = False) -> None:
        """Add an event to the feed; `by_itself` nobody did it, whoever acts here."""
        number = self.deployment.last_event + 1
        self.deployment = replace(self.deployment, last_event=number)
        actor_id = None if by_itself else self.actor_id
        self.events.append(
            Event(deployment_id=self.deployment.id, number=number, at=self.now, actor_id=actor_id, body=body)
        )

    def move(self, to: DeploymentStatus, reason: str | None = None) -> None:
        """Change the deployment's status. Raises IllegalTransitionError."""
        seen = self.deployment.status
        deployments.transition(seen, to)
        resumes = to is DeploymentStatus.RUNNING and seen is not DeploymentStatus.WAITING_CONFIRM
        self.deployment = replace(
            self.deployment,
            status=to,
            started_at=self.deployment.started_at or (self.now if to is DeploymentStatus.RUNNING else None),
            resumed_at=self.now if resumes else self.deployment.resumed_at,
            completed_at=self.now if to in ENDED else None,
            error_message=_error(self.deployment, to, reason),
        )
        if to in ENDED:
            self.unit.queues.add(self.deployment.environment_id)
        self.record(DeploymentStatusChanged(seen, to, reason))
        if self.deployment.paused and to not in PAUSABLE:
            self.pause(False)

    def pause(self, paused: bool) -> None:
        """Keep tasks from starting, or let them start again."""
        self.deployment = replace(self.deployment, paused=paused)
        self.record(DeploymentPaused(paused))

    def note_task(self, task_id: str, seen: TaskStatus, to: TaskStatus, reason: str | None = None) -> None:
        """Record that a task changes its status. Raises IllegalTransitionError."""
        tasks.transition(seen, to)
        self._stopped |= to is TaskStatus.CANCELLED
        self.record(TaskStatusChanged(task_id, seen, to, reason))

    def change_tasks(self, seen: Mapping[str, TaskStatus], changes: Sequence[Change]) -> None:
        """Change tasks that no worker holds. `seen` has their present statuses by id."""
        for change in changes:
            self.note_task(change.task_id, seen[change.task_id], change.to, change.reason)
            if seen[change.task_id] in (TaskStatus.RUNNING, TaskStatus.WAITING_CONFIRM):
                self._abandoned.append(change.task_id)
            put = self._writes.tasks.get(change.task_id)
            if put is None:
                self._changes[change.task_id] = change
            else:
                self._writes.tasks[put.id] = changed(put, change.to, change.reason, self.now)

    def put(self, task: Task, *, begun: TaskAttempt | None = None, ended: AttemptEnd | None = None) -> None:
        """Store a task as it is given, and the attempt of it that begins or has ended."""
        self._changes.pop(task.id, None)
        self._writes.tasks[task.id] = task
        if begun:
            self._writes.begun.append(begun)
        if ended:
            self._writes.ended.append(ended)

    async def tasks(self, ids: Sequence[str]) -> list[Task]:
        """Return tasks of the deployment as they were, or as they were put since."""
        known = self._writes.tasks
        found = await task_store.by_ids([id_ for id_ in ids if id_ not in known])
        return [known[id_] if id_ in known else found[id_] for id_ in ids]

    async def task(self, task_id: str, path: tuple[str, ...] | None = None) -> Task:
        """Return one of the deployment's tasks. Raises Refused, naming the `path` of the input that has its id."""
        task = (await task_store.by_ids([task_id])).get(task_id)
        if task is None or task.deployment_id != self.deployment.id:
            raise not_found("task", task_id, path)
        return task

    def touch(self) -> None:
        """Have the deployment written: something of its tasks was changed past this ledger."""
        self._touched = True

    async def flush(self) -> None:
        """Write what has changed, so that what is read from the database from now on is how things stand.

        Whatever changes, the moment of the deployment's newest change is later than it was, whatever clocks say: by
        that moment, readers know what they have read before.
        """
        if self._changes:
            await task_store.apply_changes(list(self._changes.values()), self.now)
        if self._abandoned:
            await task_store.end_open_attempts(self._abandoned, self.now)
        if self.deployment != self.stored or self._writes.tasks or self._touched:
            moment = max(self.now, self.stored.updated_at + MICROSECOND)
            self.deployment = self.stored = replace(self.deployment, updated_at=moment)
            self.unit.messages.append((event_feed.CHANGES, self.deployment.id.encode()))
            await deployment_store.save(self.deployment, self.events[self._events_stored :], self._writes)
        self._changes, self._abandoned, self._writes, self._touched = {}, [], Writes(), False
        self._events_stored = len(self.events)

    async def close(self) -> None:
        """Write what has changed, and publish the events after the commit."""
        await self.flush()
        if self.events:
            self.unit.messages.append((event_feed.topic(self.deployment.id), event_feed.encode(self.events)))
        if self._stopped:
            self.unit.messages.extend((orphans.topic(pool), b"") for pool in self.pools.all)


def _error(deployment: Deployment, to: DeploymentStatus, reason: str | None) -> str | None:
    if to is DeploymentStatus.RUNNING:
        return None
    return reason or deployment.error_message


@asynccontextmanager
async def lock_deployment(
    unit: Unit, deployment_id: str, actor_id: str | None = None, field: str = "id"
) -> AsyncIterator[LockedDeployment]:
    """Hold a deployment's row until the unit's transaction ends; write what changed when the block ends well.

    Raises Refused, naming the input's `field`, when there is no such deployment.
    """
    found = await deployment_store.locked(deployment_id)
    if found is None:
        raise not_found("deployment", deployment_id, (field,))
    unit.now = max(unit.now, unit.clock.now())
    ledger = LockedDeployment(unit, found.deployment, found.rules, found.deployment, actor_id, found.asked)
    yield ledger
    await ledger.close()
    unit.record_change(deployment_id, found.deployment, ledger.deployment)
