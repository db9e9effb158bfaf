"""Use cases of deployments: create, start, pause, cancel, retry, roll back."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from app.core import allowed_actions
from app.core.approval import VALIDITY
from app.core.deployment import Deployment, DeploymentApplication, DeploymentStatus, RollbackStatus
from app.core.environment import Environment
from app.core.errors import Problem, Refused, WrongState, not_found
from app.core.events import DeploymentStatusChanged
from app.core.ids import IdKind
from app.core.masking import Masker
from app.core.roles import Role
from app.core.task import FAILURES, UNSTARTED, Task, TaskStatus, new_task, reset_task
from app.core.tick import planning
from app.core.tick.planning import unblocking_ids
from app.core.workflow import WorkflowTask
from app.services.allowed_actions import Caller, rollback_requests, why_not_retry, why_not_roll_back, why_not_start
from app.services.drafts import DeploymentRequest, Draft, draft
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import begin_rollback, cancel_unstarted, request_stop, set_rollback
from app.services.engine.work_queue import tick_and_enqueue
from app.services.secret_masking import mask_secrets
from app.services.use_cases import Result, UseCaseContext, forbidden, reason_problems, refuse_if
from app.store import deployments as store
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store import workflows as workflow_store

_S = DeploymentStatus


@dataclass(frozen=True, slots=True)
class ReasonedAction:
    """An action on a deployment or task, with the caller's reason.

    With `force`, commands are killed at once.
    """

    id: str
    reason: str
    force: bool = False


async def create(context: UseCaseContext, request: DeploymentRequest) -> Result:
    """Create a deployment in each environment, and queue those that start automatically.

    For DEPLOYER on all of the environments and applications; overriding a freeze is for ADMIN.
    """
    drafted = await draft(request)
    application_ids = [application.id for application in drafted.applications]
    role = Role.DEPLOYER if request.freeze_override_reason is None else Role.ADMIN
    for environment in drafted.environments:
        context.require(role, environment_id=environment.id, application_ids=application_ids)
    if drafted.faults:
        raise Refused(*drafted.faults)
    return Result(tuple([await _create_in(context, drafted, environment) for environment in drafted.environments]))


async def _create_in(context: UseCaseContext, drafted: Draft, environment: Environment) -> str:
    """Create the drafted deployment in one environment and return its id."""
    now, request = context.unit.now, drafted.request
    deployment = Deployment(
        id=context.unit.new_id(IdKind.DEPLOYMENT),
        version_id=drafted.version.id,
        environment_id=environment.id,
        applications=tuple(
            DeploymentApplication(application_id=application.id) for application in drafted.applications
        ),
        status=_S.PENDING,
        progress=0,
        strategy=request.strategy,
        must_in_order=request.must_in_order,
        created_by=context.principal.actor.id,
        created_at=now,
        updated_at=now,
        queued_at=now if request.auto_start else None,
        manual_approval=request.manual_approval,
        rollback_of=request.rollback_of,
        source=request.source,
        freeze_override_reason=_masked_override_reason(drafted),
        template_version_id=request.template.version_id if request.template else None,
    )
    await store.insert(deployment, {definition.application_id: definition for definition in drafted.definitions})
    await task_store.insert(_tasks(context, deployment.id, drafted.tasks))
    context.record_change(deployment.id, None, deployment)
    await workflow_store.insert_first(deployment)
    async with _locked(context, deployment.id) as locked:
        locked.record(DeploymentStatusChanged(None, _S.PENDING))
    if request.auto_start:
        context.unit.queues.add(environment.id)
    return deployment.id


def _masked_override_reason(drafted: Draft) -> str | None:
    """Return the reason to override a freeze, with the secrets of the drafted tasks masked."""
    reason = drafted.request.freeze_override_reason
    return reason and Masker.of(*(task.command.env for task in drafted.tasks if task.command)).mask(reason)


def _tasks(context: UseCaseContext, deployment_id: str, tasks: Sequence[WorkflowTask]) -> list[Task]:
    ids = {task.key: context.unit.new_id(IdKind.TASK) for task in tasks}
    return [new_task(task, deployment_id, order, ids) for order, task in enumerate(tasks)]


def _locked(context: UseCaseContext, deployment_id: str) -> AbstractAsyncContextManager[LockedDeployment]:
    return lock_deployment(context.unit, deployment_id, context.principal.actor.id)


def require_deployer(context: UseCaseContext, deployment: Deployment, field: str = "id") -> None:
    """Refuse unless the caller is DEPLOYER on a deployment.

    Raises Refused with NOT_FOUND if they may not see it.
    """
    if not context.principal.allows_on(Role.VIEWER, deployment):
        raise not_found("deployment", deployment.id, (field,))
    if not context.principal.allows_on(Role.DEPLOYER, deployment):
        raise forbidden(Role.DEPLOYER)


def refuse_wrong_state(status: str, why: str | None, field: str = "id") -> None:
    """Refuse with WRONG_STATE if there is a reason, naming the input's `field`. Raises Refused."""
    if why is not None:
        raise Refused(WrongState(message=why, status=status, path=(field,)))


def refuse_if_problem(problem: Problem | None) -> None:
    """Refuse with a problem, if there is one. Raises Refused."""
    if problem is not None:
        raise Refused(problem)


async def start(context: UseCaseContext, id_: str) -> Result:
    """Queue a deployment that was created without starting. For DEPLOYER."""
    async with _locked(context, id_) as locked:
        require_deployer(context, locked.deployment)
        refuse_if_problem((await why_not_start([locked.deployment]))[id_])
        locked.deployment = replace(locked.deployment, queued_at=context.unit.now)
        context.unit.queues.add(locked.deployment.environment_id)
    return Result((id_,))


async def pause(context: UseCaseContext, id_: str) -> Result:
    """Pause a deployment: no task starts, running tasks go on, and others pass it in the queue.

    For DEPLOYER.
    """
    async with _locked(context, id_) as locked:
        require_deployer(context, locked.deployment)
        refuse_wrong_state(locked.deployment.status, allowed_actions.why_not_pause(locked.deployment))
        locked.set_paused(True)
        context.unit.queues.add(locked.deployment.environment_id)
    return Result((id_,))


async def resume(context: UseCaseContext, id_: str) -> Result:
    """Resume a paused deployment. For DEPLOYER."""
    async with _locked(context, id_) as locked:
        require_deployer(context, locked.deployment)
        refuse_wrong_state(locked.deployment.status, allowed_actions.why_not_resume(locked.deployment))
        locked.set_paused(False)
        context.unit.queues.add(locked.deployment.environment_id)
        await tick_and_enqueue(locked)
    return Result((id_,))


async def cancel(context: UseCaseContext, order: ReasonedAction) -> Result:
    """Cancel a deployment: at once if no task runs, else as soon as the running tasks have ended.

    For DEPLOYER. Cancelling again changes nothing, except that `force` kills the running tasks. A deployment that rolls
    back stops half-way: its rollback fails, and so does the deployment.
    """
    refuse_if(reason_problems(order.reason))
    async with _locked(context, order.id) as locked:
        require_deployer(context, locked.deployment)
        status = locked.deployment.status
        refuse_wrong_state(status, allowed_actions.why_not_cancel(locked.deployment))
        reason = await mask_secrets(order.id, order.reason)
        if status is _S.RUNNING:
            locked.change_status(_S.CANCELLING, reason)
            await tick_and_enqueue(locked)
        elif status is _S.ROLLING_BACK:
            await _cancel_rollback(locked, reason)
        elif status in (_S.PENDING, _S.WAITING_CONFIRM):
            cancel_unstarted(locked, await task_store.snapshots(order.id), reason)
            await tick_and_enqueue(locked)
        if order.force:
            if locked.deployment.status is _S.CANCELLING:
                await _abandon_half_way(locked)
            await request_stop(locked, [item.id for item in await task_store.snapshots(order.id)], kill=True)
    return Result((order.id,))


async def _abandon_half_way(locked: LockedDeployment) -> None:
    """Stop waiting for half-deployed workloads that no worker is bringing back."""
    await locked.flush()
    items = planning.half_moved(await task_store.snapshots(locked.deployment.id))
    for task in await locked.tasks([item.id for item in items if not item.is_leased]):
        locked.put_task(replace(task, touched=False))
    await locked.flush()
    await tick_and_enqueue(locked)


async def _cancel_rollback(locked: LockedDeployment, reason: str) -> None:
    rollback = locked.deployment.rollback
    if rollback is not None:
        message = "; ".join(filter(None, [rollback.error_message, f"the rollback was cancelled: {reason}"]))
        await set_rollback(locked, replace(rollback, status=RollbackStatus.FAILED, error_message=message))
    await request_stop(locked, [item.id for item in await task_store.snapshots(locked.deployment.id)])
    await tick_and_enqueue(locked)


async def retry(context: UseCaseContext, id_: str) -> Result:
    """Retry a failed deployment: tasks that failed or never ran start again; not during a freeze.

    For DEPLOYER.
    """
    await lock_queue(id_)
    async with _locked(context, id_) as locked:
        require_deployer(context, locked.deployment)
        caller = Caller(context.runtime, context.principal)
        refuse_if_problem((await why_not_retry(caller, [locked.deployment]))[id_])
        tasks = (await task_store.of_deployments([id_]))[id_]
        failed = [task for task in tasks if task.status in FAILURES or task.status is TaskStatus.ROLLED_BACK]
        await restart_tasks(locked, tasks, failed)
    return Result((id_,))


def _remove_old_confirmations(locked: LockedDeployment, tasks: Iterable[Task]) -> None:
    """Remove expired confirmations of tasks that have not started, so that approval is requested again."""
    for task in tasks:
        if task.status in UNSTARTED and (unconfirmed := _without_old_confirmation(task, locked.now)) != task:
            locked.put_task(unconfirmed)


def _without_old_confirmation(task: Task, now: datetime) -> Task:
    """Return a task without its confirmation, if that has expired."""
    valid = task.confirmed_at is None or task.confirmed_at + VALIDITY > now
    return task if valid else replace(task, confirmed_by=None, confirmed_at=None)


async def lock_queue(deployment_id: str) -> None:
    """Lock the queue of a deployment's environment, so that no other deployment starts there.

    Call it before the deployment is locked: admission locks both in that order.
    """
    deployment = (await store.by_ids([deployment_id])).get(deployment_id)
    if deployment is not None:
        await environment_store.locked(deployment.environment_id)


async def restart_tasks(locked: LockedDeployment, tasks: Sequence[Task], failed: Sequence[Task]) -> None:
    """Start the `failed` ones of a deployment's tasks again; a failed deployment runs again."""
    settled_ids = unblocking_ids(tasks)
    for task in failed:
        to = TaskStatus.PENDING if settled_ids.issuperset(task.block_by) else TaskStatus.BLOCKED
        locked.record_task_status(task.id, task.status, to, "retried")
        locked.put_task(_without_old_confirmation(replace(reset_task(task), status=to), locked.now))
    if locked.deployment.status is _S.FAILED:
        _remove_old_confirmations(locked, [task for task in tasks if task not in failed])
        locked.change_status(_S.RUNNING, "retried")
        locked.deployment = replace(locked.deployment, attempt=locked.deployment.attempt + 1)
    await tick_and_enqueue(locked)


async def roll_back(context: UseCaseContext, order: ReasonedAction) -> Result:
    """Roll a deployment back. For DEPLOYER.

    A running or failed deployment rolls back itself, also during a freeze. For a successful one, a new deployment of
    the version before is created and its id returned; `force` overrides freezes, which is for ADMIN.
    """
    refuse_if(reason_problems(order.reason))
    await lock_queue(order.id)
    caller = Caller(context.runtime, context.principal)
    async with _locked(context, order.id) as locked:
        require_deployer(context, locked.deployment)
        deployment = locked.deployment
        reason = await mask_secrets(order.id, order.reason)
        if deployment.status is not _S.SUCCESS:
            refuse_if_problem((await why_not_roll_back(caller, [deployment]))[order.id])
            locked.change_status(_S.ROLLING_BACK, reason)
            await begin_rollback(locked, automatic=False, reason=reason)
            await tick_and_enqueue(locked)
            return Result((order.id,))
    request = (await rollback_requests(caller, [deployment]))[order.id]
    if isinstance(request, Problem):
        raise Refused(request)
    return await create(context, replace(request, freeze_override_reason=reason if order.force else None))
