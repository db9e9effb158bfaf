"""Use cases of templates: saving versions, archiving; and the graph that comes of one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.core import template, workflow
from app.core.command_visibility import of_deployment
from app.core.errors import Forbidden, InvalidInput, Problem, Refused, WorkflowFault, WrongState, not_found
from app.core.fingerprint import fingerprint
from app.core.ids import Kind
from app.core.roles import Role
from app.core.task import written
from app.core.template import Parameter, Template, TemplateVersion
from app.core.validation import bounds, checks, task_checks
from app.core.workflow import WorkflowTask
from app.services.use_cases import Result, UseCaseContext, forbidden, refuse_if
from app.store import applications as application_store
from app.store import deployments as deployment_store
from app.store import tasks as task_store
from app.store import templates as store
from app.store.database import take_turns


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDraft:
    """A version to save under a name, of exactly one of a graph (`tasks`) and a deployment's present graph.

    `only_if_changed`: one that would be just as the latest is not made, and the answer is that.
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
    """A version of a template, and the values that are given for its parameters, as they came."""

    version_id: str
    given: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Made:
    """The graph that comes of a template, and what is wrong with the values that were given."""

    tasks: tuple[WorkflowTask, ...]
    faults: tuple[WorkflowFault, ...]


async def save(case: UseCaseContext, draft: TemplateDraft) -> Result:
    """Save the first version of a template, or the next one. For DEPLOYER on each application that it is or was for.

    A role in any one environment is enough for the first: a template does nothing until it is used. Who uses it by its
    name gets the latest version: so the next one is for its author, and for those who may deploy everything.
    """
    await take_turns("names of templates")
    known = await store.by_name(draft.name)
    versions = (await store.versions_of([known.id]))[known.id] if known else []
    tasks = await _tasks(case, draft)
    latest = await _latest_tasks(versions)
    await _require(case, [*tasks, *latest])
    _refuse_unless_own(case, versions, latest, "name")
    if known is not None and known.archived_at is not None:
        message = f"“{known.name}” is archived; save it under another name."
        raise Refused(WrongState(message=message, status="ARCHIVED", path=("name",)))
    refuse_if(_problems(draft, tasks))
    refuse_if(await _faults(draft, tasks))
    if known is not None and draft.only_if_changed and _is_latest(draft, known, versions[-1], tasks, latest):
        case.changed(versions[-1].id, versions[-1], versions[-1])
        return Result((known.id, versions[-1].id))
    kept = await _kept(case, draft, known)
    version = TemplateVersion(
        id=case.work.new_id(Kind.TEMPLATE_VERSION),
        template_id=kept.id,
        number=len(versions) + 1,
        author=case.principal.actor.id,
        created_at=case.work.now,
        note=draft.note,
        parameters=draft.parameters,
    )
    await store.insert_version(version, tasks)
    case.changed(version.id, None, version)
    return Result((kept.id, version.id))


def _is_latest(
    draft: TemplateDraft,
    known: Template,
    version: TemplateVersion,
    tasks: Sequence[WorkflowTask],
    latest: Sequence[WorkflowTask],
) -> bool:
    """Tell whether a draft says what the latest version says: of two that save the same at once, one makes it."""
    about = (version.note, known.description, version.parameters, latest)
    return fingerprint(about) == fingerprint(
        (draft.note, draft.description or known.description, draft.parameters, tasks)
    )


async def archive(case: UseCaseContext, id_: str) -> Result:
    """Archive a template: it stays readable, and nothing is made from it any more. For whoever may save a version."""
    known = await store.locked(id_)
    if known is None:
        raise not_found("template", id_, ("id",))
    versions = (await store.versions_of([id_]))[id_]
    latest = await _latest_tasks(versions)
    await _require(case, latest)
    _refuse_unless_own(case, versions, latest, "id")
    if known.archived_at is not None:
        raise Refused(WrongState(message=f"“{known.name}” is archived.", status="ARCHIVED", path=("id",)))
    await store.archive(id_, case.work.now)
    case.changed(id_, known, replace(known, archived_at=case.work.now))
    return Result((id_,))


async def make(use: TemplateUse) -> Made:
    """Return the graph that comes of a template. Raises Refused with what is wrong except with the graph."""
    path = ("templateVersionId",)
    version = (await store.versions_by_ids([use.version_id])).get(use.version_id)
    if version is None:
        raise not_found("template version", use.version_id, path)
    known = (await store.by_ids([version.template_id]))[version.template_id]
    if known.archived_at is not None:
        raise Refused(InvalidInput(message=f"The template “{known.name}” is archived.", path=path))
    tasks = (await store.tasks_of([version.id]))[version.id]
    problems = [
        *bounds.json_value(dict(use.given), "parameters"),
        *template.problems(tasks, version.parameters, use.given),
    ]
    refuse_if([problem for problem in problems if not isinstance(problem, WorkflowFault)])
    made = template.filled(tasks, template.values(version.parameters, use.given))
    refuse_if(replace(problem, path=("parameters",)) for problem in task_checks.workflow_tasks(made))
    return Made(made, tuple(problem for problem in problems if isinstance(problem, WorkflowFault)))


async def _tasks(case: UseCaseContext, draft: TemplateDraft) -> tuple[WorkflowTask, ...]:
    if draft.deployment_id is None:
        return draft.tasks or ()
    path = ("fromDeploymentId",)
    found = (await deployment_store.by_ids([draft.deployment_id])).get(draft.deployment_id)
    if found is None or not case.principal.allows(
        Role.VIEWER, environment_id=found.environment_id, application_ids=found.application_ids
    ):
        raise not_found("deployment", draft.deployment_id, path)
    tasks = written((await task_store.of_deployments([found.id]))[found.id])
    see = of_deployment(case.principal, (found.environment_id,), found.application_ids)
    if any(task.command and task.command.env and not see(task.application_id).values for task in tasks):
        message = "Its commands have variables whose values you may not see. This needs DEPLOYER on the deployment."
        raise Refused(Forbidden(message=message, required=Role.DEPLOYER, path=path))
    return tasks


async def _latest_tasks(versions: Sequence[TemplateVersion]) -> Sequence[WorkflowTask]:
    return (await store.tasks_of([versions[-1].id]))[versions[-1].id] if versions else ()


async def _require(case: UseCaseContext, tasks: Sequence[WorkflowTask]) -> None:
    ids = {task.application_id for task in tasks if task.application_id}
    if not all(case.principal.allows_somewhere(Role.DEPLOYER, id_) for id_ in ids):
        raise forbidden(Role.DEPLOYER)


def _refuse_unless_own(
    case: UseCaseContext, versions: Sequence[TemplateVersion], latest: Sequence[WorkflowTask], field: str
) -> None:
    """Refuse who neither made a template nor may deploy everything, or is ADMIN of all it is for. Raises Refused."""
    ids = {task.application_id for task in latest if task.application_id}
    mine = not versions or versions[0].author == case.principal.actor.id
    if mine or case.principal.allows(Role.DEPLOYER) or (ids and case.principal.allows(Role.ADMIN, application_ids=ids)):
        return
    message = (
        "This template is somebody else's: its author changes it, or who is DEPLOYER on everything or ADMIN on its "
        "applications. Save yours under another name."
    )
    raise Refused(Forbidden(message=message, required=Role.DEPLOYER, path=(field,)))


def _problems(draft: TemplateDraft, tasks: Sequence[WorkflowTask]) -> Iterator[Problem]:
    yield from checks.title(draft.name, 100, "name")
    yield from checks.text(draft.description, "description")
    yield from checks.text(draft.note, "note")
    yield from checks.parameters(draft.parameters)
    if (draft.tasks is None) == (draft.deployment_id is None):
        yield InvalidInput(message="Give exactly one of tasks and fromDeploymentId.", path=("tasks",))
    elif not tasks:
        yield InvalidInput(message="A workflow has at least one task.", path=("tasks",))
    yield from task_checks.template_tasks(tasks)


async def _faults(draft: TemplateDraft, tasks: Sequence[WorkflowTask]) -> list[Problem]:
    """Return every fault of the graph. Whether commands are needed depends on where it is used, and is told there."""
    ids = list({task.application_id for task in tasks if task.application_id})
    names = {id_: application.name for id_, application in (await application_store.by_ids(ids)).items()}
    return [
        *template.faults(tasks, draft.parameters),
        *workflow.check(template.blanked(tasks), names, commands_needed=False),
    ]


async def _kept(case: UseCaseContext, draft: TemplateDraft, known: Template | None) -> Template:
    """Store the template of a name, if it is new or described anew, and return it."""
    if known is None:
        made = Template(
            id=case.work.new_id(Kind.WORKFLOW_TEMPLATE),
            name=draft.name,
            description=draft.description,
            archived_at=None,
            created_at=case.work.now,
        )
        await store.insert(made)
        case.changed(made.id, None, made)
        return made
    if draft.description and draft.description != known.description:
        await store.describe(known.id, draft.description)
        case.changed(known.id, known, replace(known, description=draft.description))
    return known
