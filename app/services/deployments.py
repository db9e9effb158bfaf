"""Use cases of deployments: create, start, pause, cancel, retry, roll back."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from app.core import admission, steering
from app.core.deployment import Deployment, DeploymentApplication, DeploymentStatus, RollbackStatus
from app.core.environment import Environment, Release
from app.core.errors import Locked, Refused, Role, WrongState, not_found
from app.core.events import DeploymentStatusChanged
from app.core.ids import Kind
from app.core.masking import Masker
from app.core.schedule import settled
from app.core.task import FAILURES, Task, TaskStatus, afresh, unbegun
from app.core.workflow import WorkflowTask
from app.services.cases import Case, reason_problems, refuse_if
from app.services.drafts import DeploymentRequest, Draft, draft
from app.services.engine import ask_to_stop, begin_rollback, cancel_waiting, set_rollback, tick_and_send
from app.services.freezes import refuse_frozen
from app.services.ledger import Ledger, hold
from app.services.secrecy import hidden
from app.store import admission as admission_store
from app.store import deployments as store
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store import versions as version_store
from app.store import workflows as workflow_store

_S = DeploymentStatus


@dataclass(frozen=True, slots=True)
class Reasoned:
    """Something to do to a deployment or task, and why. `force` does not wait for what would end politely."""

    id: str
    reason: str
    force: bool = False


async def create(case: Case, request: DeploymentRequest) -> tuple[str, ...]:
    """Create a deployment in each environment, and queue them where they shall start. For DEPLOYER on all of it.

    Overriding freezes is for ADMIN.
    """
    made = await draft(request)
    for environment in made.environments:
        role = Role.DEPLOYER if request.freeze_override_reason is None else Role.ADMIN
        case.require(role, environment_id=environment.id, application_ids=[a.id for a in made.applications])
    if made.faults:
        raise Refused(*made.faults)
    return tuple([await _create_in(case, made, environment) for environment in made.environments])


async def _create_in(case: Case, made: Draft, environment: Environment) -> str:
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
        freeze_override_reason=_without_secrets(made),
        template_version_id=made.request.template.version_id if made.request.template else None,
    )
    await store.insert(deployment, made.definitions)
    await task_store.insert(_tasks(case, deployment.id, made.tasks))
    case.changed(deployment.id, None, deployment)
    await workflow_store.begin(deployment)
    async with hold(case.work, deployment.id, case.principal.actor.id) as ledger:
        ledger.record(DeploymentStatusChanged(None, _S.PENDING))
    if made.request.auto_start:
        case.work.queues.add(environment.id)
    return deployment.id


def _without_secrets(made: Draft) -> str | None:
    reason = made.request.freeze_override_reason
    return reason and Masker.of(*(task.command.env for task in made.tasks if task.command)).mask(reason)


def _tasks(case: Case, deployment_id: str, tasks: Sequence[WorkflowTask]) -> list[Task]:
    ids = {task.key: case.work.new_id(Kind.TASK) for task in tasks}
    return [unbegun(task, deployment_id, order, ids) for order, task in enumerate(tasks)]


def _held(case: Case, deployment_id: str) -> AbstractAsyncContextManager[Ledger]:
    return hold(case.work, deployment_id, case.principal.actor.id)


def require_deployer(case: Case, deployment: Deployment, field: str = "id") -> None:
    """Refuse unless the caller may steer the deployment; as unknown where they may not even see it. Raises Refused."""
    place = {"environment_id": deployment.environment_id, "application_ids": deployment.application_ids}
    if not case.principal.allows(Role.VIEWER, **place):  # type: ignore[arg-type]
        raise not_found("deployment", deployment.id, (field,))
    case.require(Role.DEPLOYER, **place)  # type: ignore[arg-type]


def refuse_state(status: str, why: str | None, field: str = "id") -> None:
    """Refuse with WRONG_STATE when there is a reason, naming the input's `field`. Raises Refused."""
    if why is not None:
        raise Refused(WrongState(message=why, status=status, path=(field,)))


def _wrong(deployment: Deployment, message: str) -> Refused:
    return Refused(WrongState(message=message, status=deployment.status, path=("id",)))


async def start(case: Case, id_: str) -> tuple[str, ...]:
    """Queue a deployment that was made without starting. For DEPLOYER."""
    async with _held(case, id_) as ledger:
        require_deployer(case, ledger.deployment)
        refuse_state(ledger.deployment.status, steering.why_not_start(ledger.deployment))
        ledger.deployment = replace(ledger.deployment, queued_at=case.work.now)
        case.work.queues.add(ledger.deployment.environment_id)
    return (id_,)


async def pause(case: Case, id_: str) -> tuple[str, ...]:
    """Keep tasks of a deployment from starting; those that run go on. While it waits, others pass it. For DEPLOYER."""
    async with _held(case, id_) as ledger:
        require_deployer(case, ledger.deployment)
        refuse_state(ledger.deployment.status, steering.why_not_pause(ledger.deployment))
        ledger.pause(True)
        case.work.queues.add(ledger.deployment.environment_id)
    return (id_,)


async def go_on(case: Case, id_: str) -> tuple[str, ...]:
    """Let a paused deployment go on. For DEPLOYER."""
    async with _held(case, id_) as ledger:
        require_deployer(case, ledger.deployment)
        refuse_state(ledger.deployment.status, steering.why_not_resume(ledger.deployment))
        ledger.pause(False)
        case.work.queues.add(ledger.deployment.environment_id)
        await tick_and_send(ledger)
    return (id_,)


async def cancel(case: Case, order: Reasoned) -> tuple[str, ...]:
    """Cancel a deployment: at once where nothing runs, else as soon as what runs has ended. For DEPLOYER.

    Cancelling one that is being cancelled changes nothing, unless `force` is given: then what runs is killed. One that
    is rolling back stops half way: its rollback, and with it the deployment, has failed.
    """
    refuse_if(reason_problems(order.reason))
    async with _held(case, order.id) as ledger:
        require_deployer(case, ledger.deployment)
        seen = ledger.deployment.status
        refuse_state(seen, steering.why_not_cancel(ledger.deployment))
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
            await ask_to_stop(ledger, [item.id for item in await task_store.items(order.id)], kill=True)
    return (order.id,)


async def _cancel_rollback(ledger: Ledger, reason: str) -> None:
    rollback = ledger.deployment.rollback
    if rollback is not None:
        said = "; ".join(filter(None, [rollback.error_message, f"the rollback was cancelled: {reason}"]))
        await set_rollback(ledger, replace(rollback, status=RollbackStatus.FAILED, error_message=said))
    await ask_to_stop(ledger, [item.id for item in await task_store.items(ledger.deployment.id)])
    await tick_and_send(ledger)


async def retry(case: Case, id_: str) -> tuple[str, ...]:
    """Go on with a failed deployment: tasks that failed or never ran start again; not in a freeze. For DEPLOYER."""
    await take_turn(case, id_)
    async with _held(case, id_) as ledger:
        require_deployer(case, ledger.deployment)
        refuse_state(ledger.deployment.status, steering.why_not_retry(ledger.deployment))
        await refuse_frozen(case, ledger.deployment)
        tasks = (await task_store.of_deployments([id_]))[id_]
        again = [task for task in tasks if task.status in FAILURES or task.status is TaskStatus.ROLLED_BACK]
        await resume(ledger, tasks, again)
    return (id_,)


async def resume(ledger: Ledger, tasks: Sequence[Task], again: Sequence[Task]) -> None:
    """Let a deployment go on from the tasks `again`, which failed; it runs again where it had failed itself."""
    free = settled(tasks)
    for task in again:
        to = TaskStatus.PENDING if free.issuperset(task.block_by) else TaskStatus.BLOCKED
        ledger.note_task(task.id, task.status, to, "retried")
        ledger.put(replace(afresh(task), status=to))
    if ledger.deployment.status is _S.FAILED:
        ledger.move(_S.RUNNING, "retried")
        ledger.deployment = replace(ledger.deployment, attempt=ledger.deployment.attempt + 1)
    await tick_and_send(ledger)


async def take_turn(case: Case, deployment_id: str) -> None:
    """Hold the queue of a failed deployment's environment, and refuse when another one has or had its turn since.

    Raises Refused. Says nothing of deployments that have not failed: the use case itself knows what to say of them.
    """
    known = (await store.by_ids([deployment_id])).get(deployment_id)
    if known is None:
        raise not_found("deployment", deployment_id, ("id",))
    environment = await environment_store.locked(known.environment_id)
    known = (await store.by_ids([deployment_id]))[deployment_id]
    if known.status is not _S.FAILED or environment is None:
        return
    require_deployer(case, known)
    claims = (await admission_store.claims([known.environment_id]))[known.environment_id]
    claim = admission.Claim(known.id, known.application_ids)
    standing = admission.standing(known.id, claims.active, [claim], environment.max_concurrent_deployments)
    if standing.holds:
        ids = ", ".join(dict.fromkeys(hold_.deployment_id for hold_ in standing.holds))
        raise Refused(Locked(message=f"Deployment {ids} holds an application that this one needs.", path=("id",)))
    if standing.full:
        message = "As many deployments run in the environment as may. Try again later."
        raise Refused(Locked(message=message, path=("id",)))
    later = await admission_store.changed_since(known)
    if later is not None:
        message = f"Deployment {later} has changed its applications since it failed. Make a new deployment instead."
        raise _wrong(known, message)


async def roll_back(case: Case, order: Reasoned) -> tuple[str, ...]:
    """Take a deployment's applications back. For DEPLOYER.

    One that runs or has failed rolls back itself, also during a freeze. For a successful one a new deployment of the
    version before is made, and its id returned; with `force` it overrides freezes, which is for ADMIN.
    """
    refuse_if(reason_problems(order.reason))
    await take_turn(case, order.id)
    async with _held(case, order.id) as ledger:
        require_deployer(case, ledger.deployment)
        deployment = ledger.deployment
        refuse_state(deployment.status, steering.why_not_roll_back(deployment))
        reason = await hidden(order.id, order.reason)
        if deployment.status is not _S.SUCCESS:
            ledger.move(_S.ROLLING_BACK, reason)
            await begin_rollback(ledger, automatic=False, reason=reason)
            await tick_and_send(ledger)
            return (order.id,)
    override = reason if order.force else None
    return await create(case, replace(await _way_back(deployment), freeze_override_reason=override))


async def _way_back(deployment: Deployment) -> DeploymentRequest:
    """Return the request for the deployment of the version before a successful one. Raises Refused."""
    running = {
        release.application_id: release for release in await environment_store.releases_in([deployment.environment_id])
    }
    _refuse_if_replaced(deployment, running)
    previous = {a.application_id: a.previous_version_id for a in deployment.applications if a.previous_version_id}
    if not previous:
        raise _wrong(deployment, "No version ran before it; there is nothing to go back to.")
    targets = set(previous.values())
    if len(targets) > 1:
        names = sorted(version.name for version in (await version_store.by_ids(list(targets))).values())
        message = f"Its applications ran different versions before ({', '.join(names)}): deploy each of them."
        raise _wrong(deployment, message)
    steps = tuple(replace(step, require_approval=False) for step in deployment.strategy.steps)
    return DeploymentRequest(
        version_id=targets.pop(),
        environment_ids=(deployment.environment_id,),
        application_ids=tuple(previous),
        must_in_order=tuple(id_ for id_ in deployment.must_in_order if id_ in previous),
        strategy=replace(deployment.strategy, steps=steps),
        rollback_of=deployment.id,
    )


def _refuse_if_replaced(deployment: Deployment, running: dict[str, Release]) -> None:
    for application_id in deployment.application_ids:
        release = running.get(application_id)
        if release and release.deployment_id != deployment.id:
            message = f"It does not run any more: deployment {release.deployment_id} came after it. Roll that one back."
            raise _wrong(deployment, message)
