"""Use cases of templates: save and archive versions; making a graph from one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.core import template, workflow_faults
from app.core.command_visibility import of_deployment
from app.core.errors import Forbidden, InvalidInput, Problem, Refused, WorkflowFault, WrongState, not_found
from app.core.fingerprint import fingerprint
from app.core.ids import IdKind
from app.core.roles import Role
from app.core.task import workflow_tasks
from app.core.template import Parameter, Template, TemplateVersion
from app.core.validation import bounds, checks, parameter_checks, task_checks
from app.core.workflow import WorkflowTask
from app.services.use_cases import Result, UseCaseContext, forbidden, refuse_if
from app.store import applications as application_store
from app.store import deployments as deployment_store
from app.store import tasks as task_store
from app.store import templates as store
from app.store.database import lock_name

NAMES_LOCK = "names of templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDraft:
    """A version to save under a name, from exactly one of `tasks` and the present graph of a deployment.

    With `only_if_changed`, a version that equals the latest one is not saved; the latest one is returned.
    """

    name: str
    description: str = ""
    note: str = ""
    tasks: tuple[WorkflowTask, ...] | None = None
    deployment_id: str | None = None
    parameters: tuple[Parameter, ...] = ()
    only_if_changed: bool = False


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """A version of a template, and the values for its parameters as the caller sent them."""

    version_id: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Instance:
    """The graph that was made from a template, and the faults of the parameters' values."""

    tasks: tuple[WorkflowTask, ...]
    faults: tuple[WorkflowFault, ...]


async def save(context: UseCaseContext, draft: TemplateDraft) -> Result:
    """Save the first or next version of a template.

    For DEPLOYER on each application of it and of its latest version. The role in any one environment is enough for the
    first version, because a template has no effect until it is used. Further versions are for its author and for
    callers who may deploy everything, because users of the name get them.
    """
    await lock_name(NAMES_LOCK)
    existing = await store.by_name(draft.name)
    versions = (await store.versions_of([existing.id]))[existing.id] if existing else []
    tasks = await _tasks(context, draft)
    latest_tasks = await _latest_tasks(versions)
    _require_deployer(context, [*tasks, *latest_tasks])
    _require_author(context, versions, latest_tasks, "name")
    if existing is not None and existing.archived_at is not None:
        message = f"The template “{existing.name}” is archived. Save this one under another name."
        raise Refused(WrongState(message=message, status="ARCHIVED", path=("name",)))
    refuse_if(_problems(draft, tasks))
    refuse_if(await _faults(draft, tasks))
    if existing is not None and draft.only_if_changed and _is_same(draft, existing, versions[-1], tasks, latest_tasks):
        context.record_change(versions[-1].id, versions[-1], versions[-1])
        return Result((existing.id, versions[-1].id))
    stored = await _store_template(context, draft, existing)
    version = TemplateVersion(
        id=context.unit.new_id(IdKind.TEMPLATE_VERSION),
        template_id=stored.id,
        number=len(versions) + 1,
        author=context.principal.actor.id,
        created_at=context.unit.now,
        note=draft.note,
        parameters=draft.parameters,
    )
    await store.insert_version(version, tasks)
    context.record_change(version.id, None, version)
    return Result((stored.id, version.id))


def _is_same(
    draft: TemplateDraft,
    existing: Template,
    version: TemplateVersion,
    tasks: Sequence[WorkflowTask],
    latest_tasks: Sequence[WorkflowTask],
) -> bool:
    """Tell whether a draft equals the latest version, as after two callers saved the same one at once."""
    latest = (version.note, existing.description, version.parameters, latest_tasks)
    return fingerprint(latest) == fingerprint(
        (draft.note, draft.description or existing.description, draft.parameters, tasks)
    )


async def archive(context: UseCaseContext, id_: str) -> Result:
    """Archive a template: it stays readable, but no graph is made from it.

    For callers who may save a version.
    """
    existing = await store.locked(id_)
    if existing is None:
        raise not_found("template", id_, ("id",))
    versions = (await store.versions_of([id_]))[id_]
    latest_tasks = await _latest_tasks(versions)
    _require_deployer(context, latest_tasks)
    _require_author(context, versions, latest_tasks, "id")
    if existing.archived_at is not None:
        message = f"The template “{existing.name}” is archived already."
        raise Refused(WrongState(message=message, status="ARCHIVED", path=("id",)))
    await store.archive(id_, context.unit.now)
    context.record_change(id_, existing, replace(existing, archived_at=context.unit.now))
    return Result((id_,))


async def instantiate(use: TemplateUse) -> Instance:
    """Make a graph from a template. Raises Refused with all problems except faults of the graph."""
    path = ("templateVersionId",)
    version = (await store.versions_by_ids([use.version_id])).get(use.version_id)
    if version is None:
        raise not_found("template version", use.version_id, path)
    existing = (await store.by_ids([version.template_id]))[version.template_id]
    if existing.archived_at is not None:
        message = f"The template “{existing.name}” is archived. Use another template."
        raise Refused(InvalidInput(message=message, path=path))
    tasks = (await store.tasks_of([version.id]))[version.id]
    problems = [
        *bounds.json_value(dict(use.values), "parameters"),
        *template.problems(tasks, version.parameters, use.values),
    ]
    refuse_if([problem for problem in problems if not isinstance(problem, WorkflowFault)])
    filled = template.fill(tasks, template.values(version.parameters, use.values))
    refuse_if(replace(problem, path=("parameters",)) for problem in task_checks.workflow_tasks(filled))
    return Instance(filled, tuple(problem for problem in problems if isinstance(problem, WorkflowFault)))


async def _tasks(context: UseCaseContext, draft: TemplateDraft) -> tuple[WorkflowTask, ...]:
    """Return the tasks of a draft or of the deployment that it names. Raises Refused."""
    if draft.deployment_id is None:
        return draft.tasks or ()
    path = ("fromDeploymentId",)
    deployment = (await deployment_store.by_ids([draft.deployment_id])).get(draft.deployment_id)
    if deployment is None or not context.principal.allows_on(Role.VIEWER, deployment):
        raise not_found("deployment", draft.deployment_id, path)
    tasks = workflow_tasks((await task_store.of_deployments([deployment.id]))[deployment.id])
    visibility = of_deployment(context.principal, (deployment.environment_id,), deployment.application_ids)
    if any(task.command and task.command.env and not visibility(task.application_id).values for task in tasks):
        message = (
            "The deployment's commands have environment variables whose values you may not see. "
            "This needs DEPLOYER on the deployment."
        )
        raise Refused(Forbidden(message=message, required=Role.DEPLOYER, path=path))
    return tasks


async def _latest_tasks(versions: Sequence[TemplateVersion]) -> Sequence[WorkflowTask]:
    return (await store.tasks_of([versions[-1].id]))[versions[-1].id] if versions else ()


def _application_ids(tasks: Sequence[WorkflowTask]) -> set[str]:
    return {task.application_id for task in tasks if task.application_id}


def _require_deployer(context: UseCaseContext, tasks: Sequence[WorkflowTask]) -> None:
    """Refuse unless the caller is DEPLOYER somewhere on each application of the tasks. Raises Refused."""
    if not all(context.principal.allows_somewhere(Role.DEPLOYER, id_) for id_ in _application_ids(tasks)):
        raise forbidden(Role.DEPLOYER)


def _require_author(
    context: UseCaseContext, versions: Sequence[TemplateVersion], latest_tasks: Sequence[WorkflowTask], field: str
) -> None:
    """Refuse callers who may not change a template. Raises Refused.

    These may: its author, a DEPLOYER on everything, and an ADMIN on its applications.
    """
    ids, principal = _application_ids(latest_tasks), context.principal
    if not versions or versions[0].author == principal.actor.id:
        return
    if principal.allows(Role.DEPLOYER) or (ids and principal.allows(Role.ADMIN, application_ids=ids)):
        return
    message = (
        "Only the template's author, a DEPLOYER on everything or an ADMIN on its applications may change it. "
        "Save yours under another name."
    )
    raise Refused(Forbidden(message=message, required=Role.DEPLOYER, path=(field,)))


def _problems(draft: TemplateDraft, tasks: Sequence[WorkflowTask]) -> Iterator[Problem]:
    yield from checks.display_name(draft.name, 100, "name")
    yield from checks.text(draft.description, "description")
    yield from checks.text(draft.note, "note")
    yield from parameter_checks.parameters(draft.parameters)
    if (draft.tasks is None) == (draft.deployment_id is None):
        yield InvalidInput(message="Give exactly one of tasks and fromDeploymentId.", path=("tasks",))
    elif not tasks:
        yield InvalidInput(message="A workflow needs at least one task.", path=("tasks",))
    yield from task_checks.template_tasks(tasks)


async def _faults(draft: TemplateDraft, tasks: Sequence[WorkflowTask]) -> list[Problem]:
    """Return all faults of the graph.

    Missing commands are reported when it is used: they depend on the operator.
    """
    applications = await application_store.by_ids(list(_application_ids(tasks)))
    names = {id_: application.name for id_, application in applications.items()}
    return [
        *template.faults(tasks, draft.parameters),
        *workflow_faults.find_faults(template.without_expressions(tasks), names, commands_needed=False),
    ]


async def _store_template(context: UseCaseContext, draft: TemplateDraft, existing: Template | None) -> Template:
    """Store a new template, or the new description of an existing one, and return the template."""
    if existing is None:
        new = Template(
            id=context.unit.new_id(IdKind.WORKFLOW_TEMPLATE),
            name=draft.name,
            description=draft.description,
            archived_at=None,
            created_at=context.unit.now,
        )
        await store.insert(new)
        context.record_change(new.id, None, new)
        return new
    if draft.description and draft.description != existing.description:
        await store.describe(existing.id, draft.description)
        context.record_change(existing.id, existing, replace(existing, description=draft.description))
    return existing
