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
from app.core.ids import Kind
from app.core.masking import Masker
from app.core.roles import Role
from app.core.task import FAILURES, UNSTARTED, Task, TaskStatus, afresh, unbegun
from app.core.tick import planning
from app.core.tick.planning import settled
from app.core.workflow import WorkflowTask
from app.services.allowed_actions import Asker, ways_back, why_not_retry, why_not_roll_back, why_not_start
from app.services.drafts import DeploymentRequest, Draft, draft
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import ask_to_stop, begin_rollback, cancel_waiting, set_rollback, tick_and_send
from app.services.secret_masking import hidden
from app.services.use_cases import Result, UseCaseContext, reason_problems, refuse_if
from app.store import deployments as store
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store import workflows as workflow_store

_S = DeploymentStatus


@dataclass(frozen=True, slots=True)
class Reasoned:
    """Something to do to a deployment or task, and why. `force` does not wait for what would end politely."""

    id: str
    reason: str
    force: bool = False


async def create(case: UseCaseContext, request: DeploymentRequest) -> Result:
    """Create a deployment in each environment, and queue them where they shall start. For DEPLOYER on all of it.

    Overriding freezes is for ADMIN.
    """
    made = await draft(request)
    for environment in made.environments:
        role = Role.DEPLOYER if request.freeze_override_reason is None else Role.ADMIN
        case.require(role, environment_id=environment.id, application_ids=[a.id for a in made.applications])
    if made.faults:
        raise Refused(*made.faults)
    return Result(tuple([await _create_in(case, made, environment) for environment in made.environments]))


async def _create_in(case: UseCaseContext, made: Draft, environment: Environment) -> str:
    now = case.work.now
    deployment = Deployment(
        id=case.work.new_id(Kind.DEPLOYMENT),
        version_id=made.version.id,
        environment_id=environment.id,
        applications=tuple(DeploymentApplication(application_id=application.id) for application in made.applications),
        status=_S.PENDING,
        progress=0,
        strategy=made.request.strategy,
        must_in_order=made.request.must_in_order,
        created_by=case.principal.actor.id,
        created_at=now,
        updated_at=now,
        queued_at=now if made.request.auto_start else None,
        manual_approval=made.request.manual_approval,
        rollback_of=made.request.rollback_of,
        source=made.request.source,
        freeze_override_reason=_without_secrets(made),
        template_version_id=made.request.template.version_id if made.request.template else None,
    )
    await store.insert(deployment, {definition.application_id: definition for definition in made.definitions})
    await task_store.insert(_tasks(case, deployment.id, made.tasks))
    case.changed(deployment.id, None, deployment)
    await workflow_store.begin(deployment)
    async with lock_deployment(case.work, deployment.id, case.principal.actor.id) as ledger:
        ledger.record(DeploymentStatusChanged(None, _S.PENDING))
    if made.request.auto_start:
        case.work.queues.add(environment.id)
    return deployment.id


def _without_secrets(made: Draft) -> str | None:
    reason = made.request.freeze_override_reason
    return reason and Masker.of(*(task.command.env for task in made.tasks if task.command)).mask(reason)


def _tasks(case: UseCaseContext, deployment_id: str, tasks: Sequence[WorkflowTask]) -> list[Task]:
    ids = {task.key: case.work.new_id(Kind.TASK) for task in tasks}
    return [unbegun(task, deployment_id, order, ids) for order, task in enumerate(tasks)]


def _held(case: UseCaseContext, deployment_id: str) -> AbstractAsyncContextManager[LockedDeployment]:
    return lock_deployment(case.work, deployment_id, case.principal.actor.id)


def require_deployer(case: UseCaseContext, deployment: Deployment, field: str = "id") -> None:
    """Refuse unless the caller may steer the deployment; as unknown where they may not even see it. Raises Refused."""
    place = {"environment_id": deployment.environment_id, "application_ids": deployment.application_ids}
    if not case.principal.allows(Role.VIEWER, **place):  # type: ignore[arg-type]
        raise not_found("deployment", deployment.id, (field,))
    case.require(Role.DEPLOYER, **place)  # type: ignore[arg-type]


def refuse_state(status: str, why: str | None, field: str = "id") -> None:
    """Refuse with WRONG_STATE when there is a reason, naming the input's `field`. Raises Refused."""
    if why is not None:
        raise Refused(WrongState(message=why, status=status, path=(field,)))


def refuse_problem(problem: Problem | None) -> None:
    """Refuse with a problem, if there is one. Raises Refused."""
    if problem is not None:
        raise Refused(problem)


async def start(case: UseCaseContext, id_: str) -> Result:
    """Queue a deployment that was made without starting. For DEPLOYER."""
    async with _held(case, id_) as ledger:
        require_deployer(case, ledger.deployment)
        refuse_problem((await why_not_start([ledger.deployment]))[id_])
        ledger.deployment = replace(ledger.deployment, queued_at=case.work.now)
        case.work.queues.add(ledger.deployment.environment_id)
    return Result((id_,))


async def pause(case: UseCaseContext, id_: str) -> Result:
    """Keep tasks of a deployment from starting; those that run go on. While it waits, others pass it. For DEPLOYER."""
    async with _held(case, id_) as ledger:
        require_deployer(case, ledger.deployment)
        refuse_state(ledger.deployment.status, allowed_actions.why_not_pause(ledger.deployment))
        ledger.pause(True)
        case.work.queues.add(ledger.deployment.environment_id)
    return Result((id_,))


async def go_on(case: UseCaseContext, id_: str) -> Result:
    """Let a paused deployment go on. For DEPLOYER."""
    async with _held(case, id_) as ledger:
        require_deployer(case, ledger.deployment)
        refuse_state(ledger.deployment.status, allowed_actions.why_not_resume(ledger.deployment))
        ledger.pause(False)
        case.work.queues.add(ledger.deployment.environment_id)
        await tick_and_send(ledger)
    return Result((id_,))


async def cancel(case: UseCaseContext, order: Reasoned) -> Result:
    """Cancel a deployment: at once where nothing runs, else as soon as what runs has ended. For DEPLOYER.

    Cancelling one that is being cancelled changes nothing, unless `force` is given: then what runs is killed. One that
    is rolling back stops half way: its rollback, and with it the deployment, has failed.
    """
    refuse_if(reason_problems(order.reason))
    async with _held(case, order.id) as ledger:
        require_deployer(case, ledger.deployment)
        seen = ledger.deployment.status
        refuse_state(seen, allowed_actions.why_not_cancel(ledger.deployment))
        reason = await hidden(order.id, order.reason)
        if seen is _S.RUNNING:
            ledger.move(_S.CANCELLING, reason)
            await tick_and_send(ledger)
        elif seen is _S.ROLLING_BACK:
            await _cancel_rollback(ledger, reason)
        elif seen in (_S.PENDING, _S.WAITING_CONFIRM):
            cancel_waiting(ledger, await task_store.items(order.id), reason)
            await tick_and_send(ledger)
        if order.force:
            if ledger.deployment.status is _S.CANCELLING:
                await _leave_half_way(ledger)
            await ask_to_stop(ledger, [item.id for item in await task_store.items(order.id)], kill=True)
    return Result((order.id,))


async def _leave_half_way(ledger: LockedDeployment) -> None:
    """Leave workloads as they are that nobody brings back at the moment: there may be no worker to do it."""
    await ledger.flush()
    half = [item.id for item in planning.half_way(await task_store.items(ledger.deployment.id)) if not item.held]
    for task in await ledger.tasks(half):
        ledger.put(replace(task, touched=False))
    await ledger.flush()
    await tick_and_send(ledger)


async def _cancel_rollback(ledger: LockedDeployment, reason: str) -> None:
    rollback = ledger.deployment.rollback
    if rollback is not None:
        said = "; ".join(filter(None, [rollback.error_message, f"the rollback was cancelled: {reason}"]))
        await set_rollback(ledger, replace(rollback, status=RollbackStatus.FAILED, error_message=said))
    await ask_to_stop(ledger, [item.id for item in await task_store.items(ledger.deployment.id)])
    await tick_and_send(ledger)


async def retry(case: UseCaseContext, id_: str) -> Result:
    """Go on with a failed deployment: tasks that failed or never ran start again; not in a freeze. For DEPLOYER."""
    await hold_queue(id_)
    async with _held(case, id_) as ledger:
        require_deployer(case, ledger.deployment)
        refuse_problem((await why_not_retry(Asker(case.runtime, case.principal), [ledger.deployment]))[id_])
        tasks = (await task_store.of_deployments([id_]))[id_]
        again = [task for task in tasks if task.status in FAILURES or task.status is TaskStatus.ROLLED_BACK]
        await resume(ledger, tasks, again)
    return Result((id_,))


def _forget_old_confirmations(ledger: LockedDeployment, tasks: Iterable[Task]) -> None:
    """Let people be asked again for tasks that have not begun, and were confirmed too long ago."""
    for task in tasks:
        if task.status in UNSTARTED and (asks := _unconfirmed(task, ledger.now)) != task:
            ledger.put(asks)


def _unconfirmed(task: Task, now: datetime) -> Task:
    """Return a task without its confirmation, where that is not valid any more."""
    valid = task.confirmed_at is None or task.confirmed_at + VALIDITY > now
    return task if valid else replace(task, confirmed_by=None, confirmed_at=None)


async def hold_queue(deployment_id: str) -> None:
    """Hold the queue of a deployment's environment: nothing else starts there until this transaction ends.

    It comes before the deployment itself is held, as whoever starts one holds both in that order.
    """
    known = (await store.by_ids([deployment_id])).get(deployment_id)
    if known is not None:
        await environment_store.locked(known.environment_id)


async def resume(ledger: LockedDeployment, tasks: Sequence[Task], again: Sequence[Task]) -> None:
    """Let a deployment go on from the tasks `again`, which failed; it runs again where it had failed itself."""
    free = settled(tasks)
    for task in again:
        to = TaskStatus.PENDING if free.issuperset(task.block_by) else TaskStatus.BLOCKED
        ledger.note_task(task.id, task.status, to, "retried")
        ledger.put(_unconfirmed(replace(afresh(task), status=to), ledger.now))
    if ledger.deployment.status is _S.FAILED:
        _forget_old_confirmations(ledger, [task for task in tasks if task not in again])
        ledger.move(_S.RUNNING, "retried")
        ledger.deployment = replace(ledger.deployment, attempt=ledger.deployment.attempt + 1)
    await tick_and_send(ledger)


async def roll_back(case: UseCaseContext, order: Reasoned) -> Result:
    """Take a deployment's applications back. For DEPLOYER.

    One that runs or has failed rolls back itself, also during a freeze. For a successful one a new deployment of the
    version before is made, and its id returned; with `force` it overrides freezes, which is for ADMIN.
    """
    refuse_if(reason_problems(order.reason))
    await hold_queue(order.id)
    asker = Asker(case.runtime, case.principal)
    async with _held(case, order.id) as ledger:
        require_deployer(case, ledger.deployment)
        deployment = ledger.deployment
        reason = await hidden(order.id, order.reason)
        if deployment.status is not _S.SUCCESS:
            refuse_problem((await why_not_roll_back(asker, [deployment]))[order.id])
            ledger.move(_S.ROLLING_BACK, reason)
            await begin_rollback(ledger, automatic=False, reason=reason)
            await tick_and_send(ledger)
            return Result((order.id,))
    way = (await ways_back(asker, [deployment]))[order.id]
    if isinstance(way, Problem):
        raise Refused(way)
    return await create(case, replace(way, freeze_override_reason=reason if order.force else None))
