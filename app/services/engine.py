"""The tick: load what is stored of a deployment, let the core plan, store what it planned, send the work.

Runs wherever something changed: in a mutation, in a worker that finished a task, in the sweep. Whoever calls it holds
the deployment, so ticks of one deployment come one after another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.core import admission, progress, rollout, schedule
from app.core.deployment import Deployment, DeploymentStatus, Rollback, RollbackStatus
from app.core.schedule import Item, Plan, State
from app.ports import Job
from app.services.ledger import Ledger, hold
from app.services.runtime import Runtime
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store.unit import Unit, unit

RESEND_SECONDS = 15
"""How long a job counts as sent: a lost one is sent again by the first sweep after that."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick left: its plan, and the tasks as they are now."""

    plan: Plan
    items: Sequence[Item]


async def tick(ledger: Ledger) -> Ticked:
    """Bring a held deployment forward as far as it goes without a worker. Sends nothing."""
    items = await task_store.items(ledger.deployment.id)
    plan = schedule.plan(_state(ledger.deployment, items), ledger.now)
    seen = {item.id: item.status for item in items}
    await ledger.change_tasks(seen, plan.changes)
    if plan.stop:
        holders = await task_store.ask_to_stop(plan.stop)
        ledger.unit.messages.extend((worker_topic(worker), task_id.encode()) for task_id, worker in holders.items())
    if plan.to is not None:
        await _move(ledger, plan.to, plan.reason)
    after = {change.task_id: change.to for change in plan.changes}
    items = [replace(item, status=after[item.id]) if item.id in after else item for item in items]
    percent = progress.percent([(item.status, item.rollout) for item in items])
    ledger.deployment = replace(ledger.deployment, progress=percent)
    return Ticked(plan, items)


def _state(deployment: Deployment, items: Sequence[Item]) -> State:
    undo_error = None
    if deployment.status is DeploymentStatus.ROLLING_BACK and deployment.rollback:
        undo_error = deployment.rollback.error_message if deployment.rollback.status is RollbackStatus.FAILED else None
    return State(
        status=deployment.status,
        items=items,
        auto_rollback=any(
            item.touched and rollout.step_in_force(deployment.strategy, item.rollout).auto_rollback for item in items
        ),
        undo_error=undo_error,
        resumed_at=deployment.resumed_at,
    )


async def _move(ledger: Ledger, to: DeploymentStatus, reason: str | None) -> None:
    was = ledger.deployment.status
    ledger.move(to, reason)
    if to is DeploymentStatus.ROLLING_BACK:
        await begin_rollback(ledger, automatic=True, reason=reason)
    elif was is DeploymentStatus.ROLLING_BACK and ledger.deployment.rollback:
        status = RollbackStatus.SUCCESS if to is DeploymentStatus.ROLLED_BACK else RollbackStatus.FAILED
        await set_rollback(ledger, replace(ledger.deployment.rollback, status=status, completed_at=ledger.now))


async def begin_rollback(ledger: Ledger, *, automatic: bool, reason: str | None) -> None:
    """Record that a rollback of the held deployment begins."""
    rollback = Rollback(
        status=RollbackStatus.RUNNING,
        automatic=automatic,
        reason=reason or "",
        requested_by=None if automatic else ledger.actor_id,
        started_at=ledger.now,
    )
    await deployment_store.begin_rollback(ledger.deployment.id, rollback)
    ledger.deployment = replace(ledger.deployment, rollback=rollback)


async def set_rollback(ledger: Ledger, rollback: Rollback) -> None:
    """Record how the rollback of the held deployment stands."""
    await deployment_store.update_rollback(ledger.deployment.id, rollback)
    ledger.deployment = replace(ledger.deployment, rollback=rollback)


def worker_topic(worker_id: str) -> str:
    """Return the topic that tells a worker which attempts to end, by their tasks' ids."""
    return f"worker:{worker_id}"


def send_work(ledger: Ledger, pool: str, ticked: Ticked) -> None:
    """Send every task that may be taken to the workers of `pool`, and a wake-up for the next timer."""
    _send(ledger, pool, ticked, ticked.plan.work)


def send_new_work(ledger: Ledger, pool: str, ticked: Ticked, *, again: str | None = None, but: str | None) -> None:
    """Send the tasks that this tick set free, and `again`, which is free once more, except one.

    Those that were free before were sent before.
    """
    plan = ticked.plan
    freed = {change.task_id for change in plan.changes} | {again}
    _send(ledger, pool, ticked, [id_ for id_ in plan.work if id_ != but and (id_ in freed or id_ not in plan.start)])


def _send(ledger: Ledger, pool: str, ticked: Ticked, task_ids: Sequence[str]) -> None:
    wanted = set(task_ids)
    ledger.unit.jobs.extend(_task_job(pool, item, ledger.now) for item in ticked.items if item.id in wanted)
    wake_at = ticked.plan.wake_at
    if wake_at is not None:
        id_ = ledger.deployment.id
        delay = max(0.0, (wake_at - ledger.now).total_seconds())
        key = f"advance:{id_}:{wake_at.timestamp()}"
        ledger.unit.jobs.append(Job(pool=pool, name="advance_deployment", args=(id_,), key=key, delay=delay))


def _task_job(pool: str, item: Item, now: datetime) -> Job:
    """Return the job that makes a worker take a task.

    Sent twice within a while, it is queued once. What comes after an attempt, or a wait in it, has a key of its own:
    the job that brought the former may still run, having gone on with other tasks.
    """
    parts = ("task", item.id, item.attempt, item.resume_at, int(now.timestamp()) // RESEND_SECONDS)
    return Job(pool=pool, name="run_task", args=(item.id,), key=":".join(map(str, parts)))


async def advance(runtime: Runtime, deployment_id: str) -> None:
    """Tick a deployment and send what a worker may take."""
    async with unit(runtime) as work, hold(work, deployment_id) as ledger:
        await tick_and_send(ledger)
    await admit_waiting(runtime, work)


async def tick_and_send(ledger: Ledger) -> None:
    """Tick a held deployment; what a worker may take is sent after the commit."""
    ticked = await tick(ledger)
    if ticked.plan.work or ticked.plan.wake_at:
        environment = (await environment_store.by_ids([ledger.deployment.environment_id]))[
            ledger.deployment.environment_id
        ]
        send_work(ledger, environment.worker_pool, ticked)


async def admit_waiting(runtime: Runtime, work: Unit) -> None:
    """After the commit of `work`: let deployments start in the environments whose queue may move."""
    for environment_id in work.queues:
        await admit(runtime, environment_id)


async def admit(runtime: Runtime, environment_id: str) -> None:
    """Start every deployment that waits in an environment and may start now."""
    async with unit(runtime) as work:
        environment = await environment_store.locked(environment_id)
        if environment is None:
            return
        claims = (await deployment_store.claims([environment_id]))[environment_id]
        capacity = environment.max_concurrent_deployments
        for deployment_id in admission.admit(claims.active, claims.waiting, capacity):
            async with hold(work, deployment_id) as ledger:
                if ledger.deployment.status is DeploymentStatus.PENDING and ledger.deployment.queued_at:
                    ledger.move(DeploymentStatus.RUNNING)
                    await tick_and_send(ledger)
    await admit_waiting(runtime, work)
