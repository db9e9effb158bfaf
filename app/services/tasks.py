"""Use cases of tasks: retry, skip, cancel, promote."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from app.core import allowed_actions, rollout
from app.core.deployment import DeploymentStatus
from app.core.errors import not_found
from app.core.events import RolloutProgressed
from app.core.roles import Role
from app.core.strategy.model import Progress
from app.core.task import Task, TaskStatus
from app.core.tick.planning import Change
from app.services.allowed_actions import Asker, why_not_resume
from app.services.approval_waivers import why_not_waive
from app.services.deployments import (
    Reasoned,
    hold_queue,
    refuse_problem,
    refuse_state,
    require_deployer,
    resume,
)
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import ask_to_stop, tick_and_send
from app.services.secret_masking import hidden
from app.services.use_cases import Result, UseCaseContext, reason_problems, refuse_if
from app.store import deployments as deployment_store
from app.store import tasks as store


@dataclass(frozen=True, slots=True)
class Promotion:
    """A rollout that need not wait any longer; `full`: nor for anything else."""

    task_id: str
    full: bool = False


async def _seen(case: UseCaseContext, id_: str, field: str = "id") -> Task:
    """Return a task that the caller may see. Raises Refused: in the same words whether it is unseen or not there."""
    task = (await store.by_ids([id_])).get(id_)
    deployments = await deployment_store.by_ids([task.deployment_id]) if task else {}
    place = deployments.get(task.deployment_id) if task else None
    if (
        task is None
        or place is None
        or not case.principal.allows(
            Role.VIEWER, environment_id=place.environment_id, application_ids=place.application_ids
        )
    ):
        raise not_found("task", id_, (field,))
    return task


@asynccontextmanager
async def _held(case: UseCaseContext, id_: str, field: str = "id") -> AsyncIterator[tuple[LockedDeployment, Task]]:
    """Hold the deployment of a task, for a caller who may steer it. Raises Refused, naming the input's `field`."""
    known = await _seen(case, id_, field)
    async with lock_deployment(case.work, known.deployment_id, case.principal.actor.id) as ledger:
        require_deployer(case, ledger.deployment)
        before = await ledger.task(id_, (field,))
        yield ledger, before
        await ledger.flush()
        case.changed(id_, before, await ledger.task(id_))


async def retry(case: UseCaseContext, id_: str) -> Result:
    """Start one failed task again; other failed ones stay as they are. For DEPLOYER.

    A deployment that has failed does not start again in a freeze.
    """
    known = await _seen(case, id_)
    await hold_queue(known.deployment_id)
    async with _held(case, id_) as (ledger, task):
        deployment = ledger.deployment
        refuse_state(task.status, allowed_actions.why_not_retry_task(deployment, task))
        if deployment.status is DeploymentStatus.FAILED:
            refuse_problem((await why_not_resume(Asker(case.runtime, case.principal), [deployment]))[deployment.id])
        await resume(ledger, await _all(ledger), [task])
    return Result((id_,))


async def _all(ledger: LockedDeployment) -> Sequence[Task]:
    return (await store.of_deployments([ledger.deployment.id]))[ledger.deployment.id]


async def skip(case: UseCaseContext, order: Reasoned) -> Result:
    """Leave a task out; what waits for it goes on as if it had succeeded. For DEPLOYER.

    A task that asks for approval takes somebody who may approve it.
    """
    refuse_if(reason_problems(order.reason))
    async with _held(case, order.id) as (ledger, task):
        refuse_state(task.status, allowed_actions.why_not_skip_task(ledger.deployment, task))
        if task.require_confirm:
            refuse_problem(await why_not_waive(ledger, case.principal))
        reason = await hidden(task.deployment_id, order.reason)
        ledger.change_tasks({task.id: task.status}, [Change(task.id, TaskStatus.SKIPPED, reason)])
        await tick_and_send(ledger)
    return Result((order.id,))


async def cancel(case: UseCaseContext, order: Reasoned) -> Result:
    """End a task, which counts as its failure: at once where it does not run, else as soon as it has ended.

    With `force` what runs is killed. Cancelling a task that is being undone ends that. For DEPLOYER.
    """
    refuse_if(reason_problems(order.reason))
    async with _held(case, order.id) as (ledger, task):
        refuse_state(task.status, allowed_actions.why_not_cancel_task(ledger.deployment, task))
        reason = await hidden(task.deployment_id, order.reason)
        if task.worker is not None:
            await ask_to_stop(ledger, [task.id], kill=order.force, reason=reason)
        else:
            ledger.change_tasks({task.id: task.status}, [Change(task.id, TaskStatus.CANCELLED, reason)])
        await tick_and_send(ledger)
    return Result((order.id,))


async def promote(case: UseCaseContext, promotion: Promotion) -> Result:
    """End the wait of a rollout that watches a batch; with `full`, bring all that is left at once. For DEPLOYER."""
    async with _held(case, promotion.task_id, "taskId") as (ledger, task):
        why_not = allowed_actions.why_not_promote(ledger.deployment, task, ledger.now)
        refuse_state(task.status, why_not, "taskId")
        progress = rollout.promote(task.rollout or Progress(), ledger.now, full=promotion.full)
        ledger.put(replace(task, rollout=progress, resume_at=ledger.now))
        ledger.record(RolloutProgressed(task.id, progress))
        await tick_and_send(ledger)
    return Result((task.deployment_id,))
