"""Use cases of workflows: edits of a deployment's graph, each of which makes a revision; layout."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from app.core import allowed_actions, compatibility, editing, workflow, workflow_faults, workflow_rewrite
from app.core.deployment import Deployment
from app.core.editing import PATHS, Addition, Edit, Modification, Replacement, Restoration
from app.core.environment import OperatorKind
from app.core.errors import InvalidInput, Problem, RevisionConflict, WrongState, not_found
from app.core.events import WorkflowChanged
from app.core.ids import IdKind
from app.core.masking import Masker
from app.core.revision import MAX_SUMMARY, KeptTask, Revision
from app.core.task import UNBLOCKING, Task, workflow_tasks
from app.core.tick.state import snapshots_of
from app.core.validation import checks, task_checks
from app.core.workflow import Position, WorkflowTask
from app.services.approval_waivers import refuse_unauthorized_waivers
from app.services.deployments import require_deployer
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.work_queue import tick_and_enqueue
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import definitions as definition_store
from app.store import environments as environment_store
from app.store import tasks as task_store
from app.store import workflows as store

FIELD = "deploymentId"
"""The input's field that names the deployment."""
Graphs = tuple[Sequence[WorkflowTask], Sequence[WorkflowTask]]
"""The tasks before and after an edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOrder:
    """An edit of the workflow at `expected_revision`. An empty `summary` is replaced by a generated one."""

    deployment_id: str
    expected_revision: int
    edit: Edit
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """Bring back the graph of an earlier `revision`."""

    deployment_id: str
    expected_revision: int
    revision: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions at which the console draws tasks, by the tasks' keys."""

    deployment_id: str
    positions: tuple[tuple[str, Position], ...]


async def edit(context: UseCaseContext, order: EditOrder) -> Result:
    """Edit the graph of a deployment that is PENDING or WAITING_CONFIRM. For DEPLOYER."""
    refuse_if(_summary_problems(order.summary))
    async with _editable(context, order.deployment_id, order.expected_revision) as (locked, tasks):
        await _edit(context, locked, tasks, order)
    return Result((order.deployment_id,))


async def restore(context: UseCaseContext, order: RestoreOrder) -> Result:
    """Make a new revision that equals an old one.

    Refused if it would change a task that has started since.
    """
    async with _editable(context, order.deployment_id, order.expected_revision) as (locked, tasks):
        past = await _tasks_at(locked.deployment, tasks, order.revision)
        if past is None:
            raise not_found("revision", str(order.revision), ("revision",))
        edit_order = EditOrder(
            deployment_id=order.deployment_id,
            expected_revision=order.expected_revision,
            edit=Restoration(tuple(past), order.revision),
        )
        await _edit(context, locked, tasks, edit_order)
    return Result((order.deployment_id,))


async def _tasks_at(deployment: Deployment, tasks: Sequence[Task], revision: int) -> Sequence[WorkflowTask] | None:
    """Return the tasks of a deployment's revision; None if there is no such revision.

    `tasks` are the present ones.
    """
    if revision == deployment.revision:
        return workflow_tasks(tasks)
    key = (deployment.id, revision)
    return (await store.tasks_at([key])).get(key) if 0 < revision < deployment.revision else None


async def set_positions(context: UseCaseContext, layout: Layout) -> Result:
    """Store where tasks are drawn, in any state of the deployment and without a new revision.

    For DEPLOYER.
    """
    refuse_if(checks.in_range(len(layout.positions), 0, workflow.MAX_TASKS, "positions"))
    refuse_if(
        problem
        for index, (_, position) in enumerate(layout.positions)
        for problem in task_checks.position(position, "positions", str(index), "position")
    )
    async with lock_deployment(context.unit, layout.deployment_id, context.principal.actor.id, FIELD) as locked:
        require_deployer(context, locked.deployment, FIELD)
        tasks = (await task_store.of_deployments([layout.deployment_id]))[layout.deployment_id]
        keys = {task.key for task in tasks}
        refuse_if(
            InvalidInput(message=f"The workflow has no task “{key[:200]}”.", path=("positions", str(index), "key"))
            for index, (key, _) in enumerate(layout.positions)
            if key not in keys
        )
        await store.set_positions(layout.deployment_id, dict(layout.positions))
    return Result((layout.deployment_id,))


@asynccontextmanager
async def _editable(
    context: UseCaseContext, id_: str, expected: int
) -> AsyncIterator[tuple[LockedDeployment, list[Task]]]:
    """Lock a deployment whose workflow may be edited and is at the expected revision. Raises Refused."""
    async with lock_deployment(context.unit, id_, context.principal.actor.id, FIELD) as locked:
        require_deployer(context, locked.deployment, FIELD)
        refuse_if(_why_not_edit(locked.deployment, expected))
        yield locked, (await task_store.of_deployments([id_]))[id_]


def _why_not_edit(deployment: Deployment, expected: int) -> Iterator[Problem]:
    why = allowed_actions.why_not_edit(deployment)
    if why is not None:
        yield WrongState(message=why, status=deployment.status, path=(FIELD,))
    if deployment.revision != expected:
        yield RevisionConflict(
            message=f"The workflow is now at revision {deployment.revision}, but this edit was made from revision "
            f"{expected}. Look at the changes and edit the new revision.",
            expected=expected,
            actual=deployment.revision,
            path=("expectedRevision",),
        )


async def _edit(context: UseCaseContext, locked: LockedDeployment, tasks: Sequence[Task], order: EditOrder) -> None:
    """Apply an edit to a locked deployment: store its new revision and tasks, and tick it. Raises Refused."""
    before = workflow_tasks(tasks)
    after = editing.apply_edit(before, order.edit)
    refuse_if(_problems(order.edit, after))
    await _check(locked.deployment, tasks, order.edit, (before, after))
    ids_by_key = {task.key: task.id for task in tasks}
    done_keys = {task.key for task in tasks if task.status in UNBLOCKING}
    waived_keys = editing.waived_approvals(before, after, done_keys)
    path = PATHS[type(order.edit)]
    await refuse_unauthorized_waivers(locked, context.principal, ids_by_key, waived_keys, path)
    new_ids = {task.key: context.unit.new_id(IdKind.TASK) for task in after if task.key not in ids_by_key}
    rewrite = workflow_rewrite.rewrite(tasks, after, new_ids, before)
    revision = _revision(context, locked, order, (before, after))
    await store.supersede((KeptTask(task.id, past) for task, past in zip(tasks, before, strict=True)), revision)
    await store.write(rewrite)
    locked.deployment = replace(locked.deployment, revision=revision.number)
    locked.record(WorkflowChanged(revision.number, revision.summary))
    locked.change_tasks({task.id: task.status for task in tasks}, rewrite.changes)
    await tick_and_enqueue(locked, snapshots_of(rewrite.tasks))


def _revision(context: UseCaseContext, locked: LockedDeployment, order: EditOrder, graphs: Graphs) -> Revision:
    """Return the revision that an edit makes."""
    before, after = graphs
    summary = _masked_summary(order.summary.strip(), (*before, *after))
    return Revision(
        deployment_id=order.deployment_id,
        number=locked.deployment.revision + 1,
        author=context.principal.actor.id,
        at=locked.now,
        summary=summary or editing.summary(before, after, order.edit),
        restores=order.edit.number if isinstance(order.edit, Restoration) else None,
    )


async def _check(deployment: Deployment, tasks: Sequence[Task], edit_: Edit, graphs: Graphs) -> None:
    """Refuse an edit with all problems of the graph after it. Raises Refused."""
    path = PATHS[type(edit_)]
    definitions = await definition_store.by_application(deployment.id)
    environment = (await environment_store.by_ids([deployment.environment_id]))[deployment.environment_id]
    started_keys = {task.key for task in tasks if workflow_rewrite.has_started(task)}
    not_started = [task for task in graphs[1] if task.key not in started_keys]
    refuse_if(compatibility.service_account_problems(environment, not_started, *path))
    faults = [
        *editing.faults(*graphs, edit_, started_keys),
        *workflow_faults.find_faults(
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
    refuse_if(replace(fault, path=path) for fault in faults)


def _problems(edit_: Edit, after: Sequence[WorkflowTask]) -> Iterator[Problem]:
    if not after:
        yield InvalidInput(message="A workflow needs at least one task.", path=PATHS[type(edit_)])
    match edit_:
        case Replacement(tasks):
            yield from task_checks.workflow_tasks(tasks)
        case Addition(task):
            yield from task_checks.workflow_task(task, "task")
        case Modification(key):
            yield from task_checks.workflow_task(next(task for task in after if task.key == key))


def _masked_summary(summary: str, tasks: Sequence[WorkflowTask]) -> str:
    return Masker.of(*(task.command.env for task in tasks if task.command)).mask(summary) if summary else ""


def _summary_problems(summary: str) -> Iterator[Problem]:
    if summary.strip():
        yield from checks.display_name(summary.strip(), MAX_SUMMARY, "summary")
