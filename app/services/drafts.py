"""What a deployment would be: the part of creating one that stores nothing, and of which the plan is the dry run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.core import compatibility, template, workflow_faults, workflow_generator
from app.core.application import Application
from app.core.deployment import Definition, WorkflowSource, definition_of, with_restart
from app.core.environment import Environment, OperatorKind
from app.core.errors import InvalidInput, Problem, Refused, WorkflowFault, missing, not_found
from app.core.strategy.model import Strategy, StrategyKind
from app.core.validation import checks, strategy_checks, task_checks
from app.core.version import Version
from app.core.workflow import WorkflowTask
from app.services.templates import Made, TemplateUse, make
from app.services.use_cases import refuse_if
from app.store import applications as application_store
from app.store import environments as environment_store
from app.store import versions as version_store

MAX_ENVIRONMENTS = 50
MAX_APPLICATIONS = 500
"""As many as a version has at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRequest:
    """What is asked for. `application_ids` None means all that the version has.

    `tasks` are the caller's own, or those of a `template`; with neither they are generated, from `definitions` where
    these are given, else from the applications as they are defined now. `proven` tells that the definitions given ran
    in the environment before. With `restart_problems` pods are replaced although they run the image already.
    """

    version_id: str
    environment_ids: tuple[str, ...]
    application_ids: tuple[str, ...] | None = None
    must_in_order: tuple[str, ...] = ()
    strategy: Strategy = field(default_factory=Strategy)
    tasks: tuple[WorkflowTask, ...] | None = None
    template: TemplateUse | None = None
    auto_start: bool = True
    freeze_override_reason: str | None = None
    manual_approval: bool = False
    restart: bool = False
    rollback_of: str | None = None
    definitions: tuple[Definition, ...] | None = None
    proven: bool = False

    @property
    def source(self) -> WorkflowSource:
        """Where its workflow comes from."""
        if self.template is not None:
            return WorkflowSource.TEMPLATE
        if self.tasks is not None:
            return WorkflowSource.CUSTOM
        return WorkflowSource.REPEATED if self.definitions is not None and self.proven else WorkflowSource.GENERATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What would be made, the same in each environment, and everything that is wrong with its graph."""

    request: DeploymentRequest
    version: Version
    environments: tuple[Environment, ...]
    applications: tuple[Application, ...]
    definitions: tuple[Definition, ...]
    tasks: tuple[WorkflowTask, ...]
    faults: tuple[WorkflowFault, ...]


async def draft(request: DeploymentRequest) -> Draft:
    """Return what a request asks for. Raises Refused with everything that is wrong except with the graph."""
    refuse_if(_too_many(request))
    version = (await version_store.by_ids([request.version_id])).get(request.version_id)
    if version is None:
        raise not_found("version", request.version_id, ("versionId",))
    environments = await environment_store.by_ids(request.environment_ids)
    held = [artifact.application_id for artifact in version.artifacts]
    wanted = held if request.application_ids is None else list(request.application_ids)
    applications = await application_store.by_ids(list(dict.fromkeys((*wanted, *request.must_in_order))))
    problems = [*_problems(request, version, environments), *_application_problems(request, wanted, held, applications)]
    if problems:
        raise Refused(*problems)
    chosen = tuple(applications[id_] for id_ in wanted)
    images = {artifact.application_id: artifact.image for artifact in version.artifacts}
    definitions = request.definitions or tuple(definition_of(each, images[each.id]) for each in chosen)
    unfit = compatibility.restart_problems(definitions) if request.restart else ()
    if request.restart:
        definitions = tuple(with_restart(definition) for definition in definitions)
    places = tuple(environments[id_] for id_ in request.environment_ids)
    refuse_if((*unfit, *_unfit(places, definitions, request.strategy.kind)))
    made = await _made(request, definitions)
    refuse_if(
        problem
        for place in places
        for problem in compatibility.service_account_problems(place, made.tasks, *_came_from(request))
    )
    faults = workflow_faults.find_faults(
        template.without_expressions(made.tasks) if made.faults else made.tasks,
        {definition.application_id: definition.name for definition in definitions},
        request.must_in_order,
        commands_needed=any(place.operator is not OperatorKind.SIMULATED for place in places),
        images=(
            {definition.application_id for definition in definitions if definition.image}
            if any(place.operator is OperatorKind.KUBERNETES for place in places)
            else None
        ),
    )
    return Draft(
        request=request,
        version=version,
        environments=places,
        applications=chosen,
        definitions=definitions,
        tasks=made.tasks,
        faults=(*made.faults, *faults),
    )


def _unfit(places: Sequence[Environment], definitions: Sequence[Definition], kind: StrategyKind) -> Iterator[Problem]:
    """Yield what keeps definitions from being deployed to environments, each by itself and together."""
    for place in places:
        for definition in definitions:
            yield from compatibility.problems(place, definition, kind)
    for place in places:
        yield from compatibility.shared_object_problems(place, definitions)


async def _made(request: DeploymentRequest, definitions: Sequence[Definition]) -> Made:
    """Return the graph that is asked for. Raises Refused."""
    if request.template is not None:
        return await make(request.template)
    if request.tasks is not None:
        return Made(request.tasks, ())
    return Made(workflow_generator.generate(definitions, request.must_in_order), ())


def _came_from(request: DeploymentRequest) -> tuple[str, ...]:
    """Return the path of the field that the graph came from."""
    if request.template is not None:
        return ("templateVersionId",)
    return ("tasks",) if request.tasks is not None else ("applicationIds",)


def _too_many(request: DeploymentRequest) -> Iterator[Problem]:
    yield from checks.in_range(len(request.environment_ids), 1, MAX_ENVIRONMENTS, "environmentIds")
    yield from checks.in_range(len(request.application_ids or ()), 0, MAX_APPLICATIONS, "applicationIds")
    yield from checks.in_range(len(request.must_in_order), 0, MAX_APPLICATIONS, "mustInOrder")


def _problems(
    request: DeploymentRequest, version: Version, environments: Mapping[str, Environment]
) -> Iterator[Problem]:
    if len(set(request.environment_ids)) < len(request.environment_ids):
        yield InvalidInput(message="An environment is named twice.", path=("environmentIds",))
    for id_ in request.environment_ids:
        if id_ not in environments:
            yield missing("environment", id_, ("environmentIds",))
    yield from strategy_checks.strategy(request.strategy)
    if request.freeze_override_reason is not None:
        yield from checks.reason(request.freeze_override_reason, "freezeOverrideReason")
    if request.tasks is not None and request.template is not None:
        yield InvalidInput(message="Give tasks or templateVersionId, not both.", path=("tasks",))
    if request.tasks is not None:
        if not request.tasks:
            yield InvalidInput(message="A workflow has at least one task.", path=("tasks",))
        yield from task_checks.workflow_tasks(request.tasks)


def _application_problems(
    request: DeploymentRequest, wanted: Sequence[str], held: Sequence[str], found: Mapping[str, Application]
) -> Iterator[Problem]:
    path = ("applicationIds",)
    if not wanted:
        yield InvalidInput(message="Name at least one application.", path=path)
    if len(set(wanted)) < len(wanted):
        yield InvalidInput(message="An application is named twice.", path=path)
    for id_ in wanted:
        if id_ not in found:
            yield missing("application", id_, path)
        elif id_ not in held:
            yield InvalidInput(message=f"The version has no application “{id_}”.", path=path)
        elif found[id_].archived_at is not None and request.rollback_of is None:
            message = f"“{found[id_].name}” is archived: bring it back with unarchiveApplication, or leave it out."
            yield InvalidInput(message=message, path=path)
    if len(set(request.must_in_order)) < len(request.must_in_order):
        yield InvalidInput(message="An application is named twice.", path=("mustInOrder",))
    for id_ in request.must_in_order:
        if id_ not in wanted and id_ not in found:
            yield missing("application", id_, ("mustInOrder",))
        elif id_ not in wanted:
            yield InvalidInput(message=f"“{found[id_].name}” is not among the applications.", path=("mustInOrder",))
