"""Use cases of tasks: retry, skip, cancel, promote."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from app.core import allowed_actions, rollout
from app.core.deployment import DeploymentStatus
from app.core.errors import not_found
from app.core.events import RolloutProgressed
from app.core.roles import Role
from app.core.strategy.model import Progress
from app.core.task import Task, TaskStatus
from app.core.tick.state import TaskChange
from app.services.allowed_actions import Caller, why_not_resume
from app.services.approval_waivers import why_not_waive
from app.services.deployments import (
    ReasonedAction,
    lock_queue,
    refuse_if_problem,
    refuse_wrong_state,
    require_deployer,
    restart_tasks,
)
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import request_stop
from app.services.engine.work_queue import tick_and_enqueue
from app.services.secret_masking import mask_secrets
from app.services.use_cases import Result, UseCaseContext, reason_problems, refuse_if
from app.store import deployments as deployment_store
from app.store import tasks as store


@dataclass(frozen=True, slots=True)
class Promotion:
    """A rollout whose wait is to end now; with `full`, all its remaining batches are deployed at once."""

    task_id: str
    full: bool = False


async def _visible_task(context: UseCaseContext, id_: str, field: str = "id") -> Task:
    """Return a task that the caller may see.

    Raises Refused with NOT_FOUND if it is missing or not visible.
    """
    task = (await store.by_ids([id_])).get(id_)
    deployments = await deployment_store.by_ids([task.deployment_id]) if task else {}
    deployment = deployments.get(task.deployment_id) if task else None
    if task is None or deployment is None or not context.principal.allows_on(Role.VIEWER, deployment):
        raise not_found("task", id_, (field,))
    return task


@asynccontextmanager
async def _locked(context: UseCaseContext, id_: str, field: str = "id") -> AsyncIterator[tuple[LockedDeployment, Task]]:
    """Lock the deployment of a task for a caller who is DEPLOYER on it.

    Raises Refused, naming the input's `field`.
    """
    deployment_id = (await _visible_task(context, id_, field)).deployment_id
    async with lock_deployment(context.unit, deployment_id, context.principal.actor.id) as locked:
        require_deployer(context, locked.deployment)
        before = await locked.task(id_, (field,))
        yield locked, before
        await locked.flush()
        context.record_change(id_, before, await locked.task(id_))


async def retry(context: UseCaseContext, id_: str) -> Result:
    """Start one failed task again; other failed tasks stay failed. For DEPLOYER.

    A failed deployment does not run again during a freeze.
    """
    await lock_queue((await _visible_task(context, id_)).deployment_id)
    async with _locked(context, id_) as (locked, task):
        deployment = locked.deployment
        refuse_wrong_state(task.status, allowed_actions.why_not_retry_task(deployment, task))
        if deployment.status is DeploymentStatus.FAILED:
            caller = Caller(context.runtime, context.principal)
            refuse_if_problem((await why_not_resume(caller, [deployment]))[deployment.id])
        tasks = (await store.of_deployments([deployment.id]))[deployment.id]
        await restart_tasks(locked, tasks, [task])
    return Result((id_,))


async def skip(context: UseCaseContext, order: ReasonedAction) -> Result:
    """Skip a task; the tasks behind it go on as if it had succeeded. For DEPLOYER.

    A task that needs approval is skipped only by callers who may waive the approval.
    """
    refuse_if(reason_problems(order.reason))
    async with _locked(context, order.id) as (locked, task):
        refuse_wrong_state(task.status, allowed_actions.why_not_skip_task(locked.deployment, task))
        if task.require_confirm:
            refuse_if_problem(await why_not_waive(locked, context.principal))
        reason = await mask_secrets(task.deployment_id, order.reason)
        locked.change_tasks({task.id: task.status}, [TaskChange(task.id, TaskStatus.SKIPPED, reason)])
        await tick_and_enqueue(locked)
    return Result((order.id,))


async def cancel(context: UseCaseContext, order: ReasonedAction) -> Result:
    """Cancel a task, which counts as its failure. A running task ends first; with `force` it is killed.

    For DEPLOYER. Cancelling a task that is being rolled back ends the rollback of that task.
    """
    refuse_if(reason_problems(order.reason))
    async with _locked(context, order.id) as (locked, task):
        refuse_wrong_state(task.status, allowed_actions.why_not_cancel_task(locked.deployment, task))
        reason = await mask_secrets(task.deployment_id, order.reason)
        if task.worker is not None:
            await request_stop(locked, [task.id], kill=order.force, reason=reason)
        else:
            locked.change_tasks({task.id: task.status}, [TaskChange(task.id, TaskStatus.CANCELLED, reason)])
        await tick_and_enqueue(locked)
    return Result((order.id,))


async def promote(context: UseCaseContext, promotion: Promotion) -> Result:
    """End the wait of a rollout that watches a batch; with `full`, deploy all remaining batches.

    For DEPLOYER.
    """
    async with _locked(context, promotion.task_id, "taskId") as (locked, task):
        why_not = allowed_actions.why_not_promote(locked.deployment, task, locked.now)
        refuse_wrong_state(task.status, why_not, "taskId")
        progress = rollout.promote(task.rollout or Progress(), locked.now, full=promotion.full)
        locked.put_task(replace(task, rollout=progress, resume_at=locked.now))
        locked.record(RolloutProgressed(task.id, progress))
        await tick_and_enqueue(locked)
    return Result((task.deployment_id,))
