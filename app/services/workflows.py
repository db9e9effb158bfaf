"""Use cases of workflows: edits of a deployment's graph, each of which makes a revision, and its layout."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from app.core import allowed_actions, compatibility, editing, workflow
from app.core.deployment import Deployment
from app.core.editing import PATHS, Addition, Edit, Modification, Replacement, Restoration
from app.core.environment import OperatorKind
from app.core.errors import InvalidInput, Problem, Refused, RevisionConflict, WrongState, not_found
from app.core.events import WorkflowChanged
from app.core.ids import Kind
from app.core.masking import Masker
from app.core.revision import MAX_SUMMARY, KeptTask, Revision
from app.core.task import UNBLOCKING, Task, written
from app.core.tick.state import items_of
from app.core.validation import checks, task_checks
from app.core.workflow import Position, WorkflowTask
from app.services.approval_waivers import refuse_waiving
from app.services.deployments import require_deployer
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import tick_and_send
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import definitions as definition_store
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store import workflows as store

FIELD = "deploymentId"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOrder:
    """An edit of the workflow that the deployment had at `expected_revision`. Without a `summary` one is made."""

    deployment_id: str
    expected_revision: int
    edit: Edit
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """Bring the graph of an earlier revision back."""

    deployment_id: str
    expected_revision: int
    revision: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where tasks are drawn, by key."""

    deployment_id: str
    positions: tuple[tuple[str, Position], ...]


async def edit(case: UseCaseContext, order: EditOrder) -> Result:
    """Edit the graph of a deployment that is PENDING or WAITING_CONFIRM; it goes on with what is new. For DEPLOYER."""
    refuse_if(_summary_problems(order.summary))
    async with _editable(case, order.deployment_id, order.expected_revision) as (ledger, tasks):
        await _edit(case, ledger, tasks, order)
    return Result((order.deployment_id,))


async def restore(case: UseCaseContext, order: RestoreOrder) -> Result:
    """Make a new revision that equals an old one. Refused where a task has started since that is not so in it."""
    async with _editable(case, order.deployment_id, order.expected_revision) as (ledger, tasks):
        past: Sequence[WorkflowTask] | None = written(tasks)
        if order.revision != ledger.deployment.revision:
            key = (order.deployment_id, order.revision)
            past = (await store.tasks_at([key])).get(key) if 0 < order.revision < ledger.deployment.revision else None
        if past is None:
            raise not_found("revision", str(order.revision), ("revision",))
        wanted = Restoration(tuple(past), order.revision)
        await _edit(
            case,
            ledger,
            tasks,
            EditOrder(deployment_id=order.deployment_id, expected_revision=order.expected_revision, edit=wanted),
        )
    return Result((order.deployment_id,))


async def set_positions(case: UseCaseContext, layout: Layout) -> Result:
    """Keep where tasks are drawn, in any state; no revision is made of it. For DEPLOYER."""
    refuse_if(checks.between(len(layout.positions), 0, workflow.MAX_TASKS, "positions"))
    refuse_if(
        problem
        for index, (_, position) in enumerate(layout.positions)
        for problem in task_checks.position(position, "positions", str(index), "position")
    )
    async with lock_deployment(case.work, layout.deployment_id, case.principal.actor.id, FIELD) as ledger:
        require_deployer(case, ledger.deployment, FIELD)
        known = {task.key for task in (await task_store.of_deployments([layout.deployment_id]))[layout.deployment_id]}
        refuse_if(
            InvalidInput(message=f"There is no task “{key[:200]}”.", path=("positions", str(index), "key"))
            for index, (key, _) in enumerate(layout.positions)
            if key not in known
        )
        await store.set_positions(layout.deployment_id, dict(layout.positions))
    return Result((layout.deployment_id,))


@asynccontextmanager
async def _editable(
    case: UseCaseContext, id_: str, expected: int
) -> AsyncIterator[tuple[LockedDeployment, list[Task]]]:
    """Hold a deployment whose workflow may be edited, and is at the expected revision. Raises Refused."""
    async with lock_deployment(case.work, id_, case.principal.actor.id, FIELD) as ledger:
        require_deployer(case, ledger.deployment, FIELD)
        refuse_if(_why_not(ledger.deployment, expected))
        yield ledger, (await task_store.of_deployments([id_]))[id_]


def _why_not(deployment: Deployment, expected: int) -> Iterator[Problem]:
    why = allowed_actions.why_not_edit(deployment)
    if why is not None:
        yield WrongState(message=why, status=deployment.status, path=(FIELD,))
    if deployment.revision != expected:
        yield RevisionConflict(
            message=f"The workflow is at revision {deployment.revision} now; this edit was made from {expected}. "
            "Look at what has changed, and edit that.",
            expected=expected,
            actual=deployment.revision,
            path=("expectedRevision",),
        )


async def _edit(case: UseCaseContext, ledger: LockedDeployment, tasks: Sequence[Task], order: EditOrder) -> None:
    before = written(tasks)
    after = editing.edited(before, order.edit)
    refuse_if(_problems(order.edit, after))
    await _check(ledger.deployment, tasks, order.edit, (before, after))
    done = {task.key for task in tasks if task.status in UNBLOCKING}
    lifted = editing.waived(before, after, done)
    await refuse_waiving(ledger, case.principal, {t.key: t.id for t in tasks}, lifted, PATHS[type(order.edit)])
    known = {task.key for task in tasks}
    new_ids = {task.key: case.work.new_id(Kind.TASK) for task in after if task.key not in known}
    made = editing.rewrite(tasks, after, new_ids, before)
    summary = _without_secrets(order.summary.strip(), (*before, *after))
    revision = Revision(
        deployment_id=order.deployment_id,
        number=ledger.deployment.revision + 1,
        author=case.principal.actor.id,
        at=ledger.now,
        summary=summary or editing.summary(before, after, order.edit),
        restores=order.edit.number if isinstance(order.edit, Restoration) else None,
    )
    kept = (KeptTask(task.id, was) for task, was in zip(tasks, before, strict=True))
    await store.supersede(kept, revision)
    await store.write(made)
    ledger.deployment = replace(ledger.deployment, revision=revision.number)
    ledger.record(WorkflowChanged(revision.number, revision.summary))
    ledger.change_tasks({task.id: task.status for task in tasks}, made.changes)
    await tick_and_send(ledger, items_of(made.tasks))


async def _check(
    deployment: Deployment,
    tasks: Sequence[Task],
    edit_: Edit,
    graphs: tuple[Sequence[WorkflowTask], Sequence[WorkflowTask]],
) -> None:
    """Refuse with everything that is wrong with the graph after an edit. Raises Refused."""
    definitions = await definition_store.by_application(deployment.id)
    environment = (await environment_store.by_ids([deployment.environment_id]))[deployment.environment_id]
    started = {task.key for task in tasks if editing.has_started(task)}
    anew = [task for task in graphs[1] if task.key not in started]
    refuse_if(compatibility.accounts(environment, anew, *PATHS[type(edit_)]))
    found = [
        *editing.faults(*graphs, edit_, started),
        *workflow.check(
            graphs[1],
            {id_: definition.name for id_, definition in definitions.items()},
            deployment.must_in_order,
            commands_needed=environment.operator is not OperatorKind.SIMULATED,
            images=(
                {id_ for id_, definition in definitions.items() if definition.image}
                if environment.operator is OperatorKind.KUBERNETES
                else None
            ),
        ),
    ]
    if found:
        raise Refused(*(replace(fault, path=PATHS[type(edit_)]) for fault in found))


def _problems(edit_: Edit, after: Sequence[WorkflowTask]) -> Iterator[Problem]:
    if not after:
        yield InvalidInput(message="A workflow has at least one task.", path=PATHS[type(edit_)])
    match edit_:
        case Replacement(tasks):
            yield from task_checks.workflow_tasks(tasks)
        case Addition(task):
            yield from task_checks.workflow_task(task, "task")
        case Modification(key):
            yield from task_checks.workflow_task(next(task for task in after if task.key == key))


def _without_secrets(summary: str, tasks: Sequence[WorkflowTask]) -> str:
    return Masker.of(*(task.command.env for task in tasks if task.command)).mask(summary) if summary else ""


def _summary_problems(summary: str) -> Iterator[Problem]:
    if summary.strip():
        yield from checks.title(summary.strip(), MAX_SUMMARY, "summary")
