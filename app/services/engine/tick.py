"""The tick: load what is stored of a deployment, let the core plan, note what is to be stored.

Runs wherever something changed: in a mutation, in a worker whose attempts ended, in the sweep. Whoever calls it holds
the deployment, so ticks of one deployment come one after another.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.core import admission, completion, freeze, rollout
from app.core.approval import (
    Approval,
    ApprovalPolicy,
    ApprovalStatus,
    ApprovalTimeoutAction,
    Verdict,
    before_approval,
)
from app.core.deployment import ENDED, DeploymentStatus, Rollback, RollbackStatus
from app.core.environment import Environment
from app.core.events import ApprovalDecided
from app.core.task import UNSTARTED, TaskStatus
from app.core.tick import planning
from app.core.tick.state import DeploymentSnapshot, Plan, TaskChange, TaskSnapshot
from app.ports import Job
from app.services.engine import approval_requests
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.topics import worker_topic
from app.services.runtime import Runtime
from app.store import admission as admission_store
from app.store import applications as application_store
from app.store import approvals as approval_store
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import freezes as freeze_store
from app.store import tasks as task_store
from app.store.unit_of_work import Unit, unit

WORK_JOB = "work_on"
"""The job to look for tasks to take in a deployment."""
ADMISSION_JOB = "start_waiting"
"""The job to start what waits in an environment and may start by then."""


@dataclass(frozen=True, slots=True)
class TickResult:
    """What a tick left: its plan, and the tasks as they are now, by id, in workflow order."""

    plan: Plan
    items: dict[str, TaskSnapshot]


async def tick(ledger: LockedDeployment, known: Sequence[TaskSnapshot] | None = None) -> TickResult:
    """Bring a held deployment forward as far as it goes without a worker. Sends nothing.

    `known` are its tasks as they are now, where the caller has read them.
    """
    if known is None:
        await ledger.flush()
        known = await task_store.items(ledger.deployment.id)
    items = known
    state = _state(ledger, items, await approval_requests.relevant_approvals(ledger, items))
    plan = planning.plan(state, ledger.now)
    if plan.expire:
        await _expire(ledger, state, plan.expire)
        return await tick(ledger)
    if plan.wakes:
        ledger.change_status(DeploymentStatus.RUNNING)
    statuses = {item.id: item.status for item in items}
    for changes in (plan.changes, [TaskChange(id_, TaskStatus.WAITING_CONFIRM) for id_ in plan.confirm]):
        ledger.change_tasks(statuses, changes)
        statuses |= {change.task_id: change.to for change in changes}
    asked = await approval_requests.request_approvals(ledger, plan, ledger.policy or ApprovalPolicy())
    if plan.stop:
        await request_stop(ledger, plan.stop)
    if plan.to is not None:
        await _move(ledger, plan.to, plan.reason)
    items = [item if item.status is statuses[item.id] else replace(item, status=statuses[item.id]) for item in items]
    percent = completion.percent([(item.status, item.rollout) for item in items])
    ledger.deployment = replace(ledger.deployment, progress=percent)
    moments = [moment for moment in (plan.wake_at, *(one.expires_at for one in asked)) if moment]
    return TickResult(replace(plan, wake_at=min(moments, default=None)), {item.id: item for item in items})


def _state(
    ledger: LockedDeployment, items: Sequence[TaskSnapshot], approvals: Sequence[Approval]
) -> DeploymentSnapshot:
    deployment, undo_error = ledger.deployment, None
    if deployment.status is DeploymentStatus.ROLLING_BACK and deployment.rollback:
        undo_error = deployment.rollback.error_message if deployment.rollback.status is RollbackStatus.FAILED else None
    return DeploymentSnapshot(
        status=deployment.status,
        items=items,
        auto_rollback=any(
            item.touched and rollout.step_in_force(deployment.strategy, item.rollout).auto_rollback for item in items
        ),
        undo_error=undo_error,
        resumed_at=deployment.resumed_at,
        paused=deployment.paused,
        before_approval=before_approval(deployment, ledger.policy),
        revision=deployment.revision,
        approvals=approvals,
    )


async def _expire(ledger: LockedDeployment, state: DeploymentSnapshot, ids: Sequence[str]) -> None:
    """Do to a held deployment what the policies of approvals say that nobody decided in time."""
    overdue = [one for one in state.approvals if one.id in ids]
    await approval_store.end(ids, ApprovalStatus.EXPIRED, ledger.now)
    approval_requests.publish_changes(ledger, ids)
    since = min(one.expires_at or ledger.now for one in overdue)
    reason = _nobody_until(since)
    for one in overdue:
        decided = ApprovalDecided(one.id, Verdict.REJECT, _nobody_until(one.expires_at or since))
        ledger.record(decided, automatic=True)
    roll_back = any(one.policy.on_timeout is ApprovalTimeoutAction.REJECT for one in overdue)
    await reject_deployment(ledger, reason, roll_back=roll_back, automatic=True)


def _nobody_until(moment: datetime) -> str:
    return f"nobody approved until {moment:%Y-%m-%d %H:%M:%S} UTC"


async def reject_deployment(ledger: LockedDeployment, reason: str, *, roll_back: bool, automatic: bool) -> None:
    """Let a held deployment go back or end, as people do not want it; tick it afterwards.

    Without `roll_back` it is cancelled, and what it has touched stays as it is.
    """
    await ledger.flush()
    items = await task_store.items(ledger.deployment.id)
    status = ledger.deployment.status
    to = planning.status_after_rejection(DeploymentSnapshot(status=status, items=items), roll_back=roll_back)
    if to is DeploymentStatus.ROLLING_BACK:
        ledger.change_status(to, reason)
        await begin_rollback(ledger, automatic=automatic, reason=reason)
    elif to is DeploymentStatus.CANCELLED:
        cancel_unstarted(ledger, items, reason)
    else:
        ledger.change_status(to, reason)


def cancel_unstarted(ledger: LockedDeployment, items: Sequence[TaskSnapshot], reason: str) -> None:
    """Cancel a held deployment of which nothing runs; tick it afterwards.

    Workloads that stand half way are brought back first.
    """
    changes = [TaskChange(item.id, TaskStatus.CANCELLED, reason) for item in items if item.status in UNSTARTED]
    ledger.change_tasks({item.id: item.status for item in items}, changes)
    if planning.half_moved(items):
        ledger.change_status(DeploymentStatus.RUNNING)
        ledger.change_status(DeploymentStatus.CANCELLING, reason)
    else:
        ledger.change_status(DeploymentStatus.CANCELLED, reason)


async def _move(ledger: LockedDeployment, to: DeploymentStatus, reason: str | None) -> None:
    was = ledger.deployment.status
    ledger.change_status(to, reason)
    if to in ENDED:
        await approval_requests.withdraw_all(ledger)
    if to is DeploymentStatus.ROLLING_BACK:
        await begin_rollback(ledger, automatic=True, reason=reason)
    elif was is DeploymentStatus.ROLLING_BACK and ledger.deployment.rollback:
        status = RollbackStatus.SUCCESS if to is DeploymentStatus.ROLLED_BACK else RollbackStatus.FAILED
        await set_rollback(ledger, replace(ledger.deployment.rollback, status=status, completed_at=ledger.now))


async def begin_rollback(ledger: LockedDeployment, *, automatic: bool, reason: str | None) -> None:
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


async def set_rollback(ledger: LockedDeployment, rollback: Rollback) -> None:
    """Record how the rollback of the held deployment stands."""
    await deployment_store.update_rollback(ledger.deployment.id, rollback)
    ledger.deployment = replace(ledger.deployment, rollback=rollback)


async def request_stop(
    ledger: LockedDeployment, task_ids: Sequence[str], *, kill: bool = False, reason: str | None = None
) -> None:
    """Ask the workers that hold attempts of these tasks to end them; with `kill`, without patience."""
    holders = await task_store.ask_to_stop(task_ids, reason)
    if holders and reason:
        ledger.mark_changed()
    how = " kill" if kill else ""
    ledger.unit.messages.extend((worker_topic(worker), f"{id_}{how}".encode()) for id_, worker in holders.items())


def work_job(pool: str, deployment_id: str, state: str) -> Job:
    """Return the job that makes a worker look for tasks; jobs of the same `state` are one while they are queued."""
    return Job(pool=pool, name=WORK_JOB, args=(deployment_id,), key=f"work:{pool}:{deployment_id}:{state}")


def enqueue_work(ledger: LockedDeployment, ticked: TickResult, *, taken: Collection[str] = ()) -> None:
    """After the commit, tell a worker of each pool that there is work, unless all is taken; and when to look again.

    A job of the same state of the deployment is queued once. What a worker leaves it tells of itself, so one job is
    enough to make all the workers of the pool busy, one after the other.
    """
    deployment, wake_at = ledger.deployment, ticked.plan.wake_at
    for pool in dict.fromkeys(ledger.pools.of(ticked.items[id_].type) for id_ in ticked.plan.work if id_ not in taken):
        ledger.unit.jobs.append(work_job(pool, deployment.id, str(deployment.last_event)))
    if wake_at is not None:
        delay = max(0.0, (wake_at - ledger.now).total_seconds())
        ledger.unit.jobs.extend(
            Job(
                pool=pool,
                name=WORK_JOB,
                args=(deployment.id,),
                key=f"wake:{pool}:{deployment.id}:{wake_at.timestamp()}",
                delay=delay,
            )
            for pool in ledger.pools.all
        )


async def advance(runtime: Runtime, deployment_id: str) -> None:
    """Tick a deployment and send what a worker may take."""
    async with unit(runtime) as work, lock_deployment(work, deployment_id) as ledger:
        await tick_and_enqueue(ledger)
    await admit_waiting(runtime, work)


async def tick_and_enqueue(ledger: LockedDeployment, known: Sequence[TaskSnapshot] | None = None) -> None:
    """Tick a held deployment; workers hear of what they may take after the commit. `known` is as for `tick`."""
    enqueue_work(ledger, await tick(ledger, known))


async def admit_waiting(runtime: Runtime, work: Unit) -> None:
    """After the commit of `work`: let deployments start in the environments whose queue may move."""
    for environment_id in work.queues:
        await admit(runtime, environment_id)


async def admit(runtime: Runtime, environment_id: str) -> None:
    """Start every deployment that waits in an environment and may start now: no freeze holds it, nor another one.

    While a freeze holds any, a worker is told to look again when it ends.
    """
    async with unit(runtime) as work:
        environment = await environment_store.locked(environment_id)
        if environment is None:
            return
        claims = (await admission_store.claims([environment_id]))[environment_id]
        capacity = environment.max_concurrent_deployments
        windows = (await freeze_store.of_environments([environment_id]))[environment_id] if claims.waiting else ()
        status = freeze.status(windows, work.now, runtime.calendar)
        if status.next_end and status.frozen and not all(claim.exempt for claim in claims.waiting):
            work.jobs.append(_when_thawed(environment, status.next_end, work.now))
        for deployment_id in admission.admit(claims.active, claims.waiting, capacity, frozen=status.frozen):
            async with lock_deployment(work, deployment_id) as ledger:
                deployment = ledger.deployment
                if deployment.status is DeploymentStatus.PENDING and deployment.queued_at and not deployment.paused:
                    await _start(ledger)
    await admit_waiting(runtime, work)


async def _start(ledger: LockedDeployment) -> None:
    """Start a held deployment that waited; cancel it where one of its applications was archived meanwhile."""
    deployment = ledger.deployment
    archived = () if deployment.rollback_of else await application_store.archived_among(deployment.application_ids)
    if archived:
        names = ", ".join(f"“{name}”" for name in archived)
        reason = f"{names} was archived while it waited: bring it back with unarchiveApplication, and deploy again"
        cancel_unstarted(ledger, await task_store.items(deployment.id), reason)
    else:
        ledger.change_status(DeploymentStatus.RUNNING)
    await tick_and_enqueue(ledger)


def _when_thawed(environment: Environment, end: datetime, now: datetime) -> Job:
    return Job(
        pool=environment.worker_pool,
        name=ADMISSION_JOB,
        args=(environment.id,),
        key=f"thaw:{environment.id}:{end.timestamp()}",
        delay=(end - now).total_seconds(),
    )
