"""Drafting deployments: the part of creating one that stores nothing.

The plan of a deployment is a draft, too.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
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
from app.services.templates import Instance, TemplateUse, instantiate
from app.services.use_cases import refuse_if
from app.store import applications as application_store
from app.store import environments as environment_store
from app.store import versions as version_store

MAX_ENVIRONMENTS = 50
MAX_APPLICATIONS = 500
"""The maximum of a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRequest:
    """A request to deploy a version. `application_ids` None means all applications of the version.

    The workflow comes from `tasks`, from a `template`, or is generated: from `definitions` where given, else from the
    applications as they are defined now. `proven` tells that the given definitions ran in the environment before. With
    `restart_problems`, pods are replaced even if they run the image already.
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
        """The source of the workflow."""
        if self.template is not None:
            return WorkflowSource.TEMPLATE
        if self.tasks is not None:
            return WorkflowSource.CUSTOM
        return WorkflowSource.REPEATED if self.definitions is not None and self.proven else WorkflowSource.GENERATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What would be created, the same in each environment, and all faults of the graph."""

    request: DeploymentRequest
    version: Version
    environments: tuple[Environment, ...]
    applications: tuple[Application, ...]
    definitions: tuple[Definition, ...]
    tasks: tuple[WorkflowTask, ...]
    faults: tuple[WorkflowFault, ...]


async def draft(request: DeploymentRequest) -> Draft:
    """Return the draft of a request. Raises Refused with all problems except faults of the graph."""
    refuse_if(_size_problems(request))
    version = (await version_store.by_ids([request.version_id])).get(request.version_id)
    if version is None:
        raise not_found("version", request.version_id, ("versionId",))
    environments = await environment_store.by_ids(request.environment_ids)
    images = {artifact.application_id: artifact.image for artifact in version.artifacts}
    ids = list(images) if request.application_ids is None else list(request.application_ids)
    applications = await application_store.by_ids(list(dict.fromkeys((*ids, *request.must_in_order))))
    problems = [
        *_problems(request, version, environments),
        *_application_problems(request, ids, images.keys(), applications),
        *_order_problems(request, ids, applications),
    ]
    if problems:
        raise Refused(*problems)
    chosen = tuple(applications[id_] for id_ in ids)
    targets = tuple(environments[id_] for id_ in request.environment_ids)
    definitions = request.definitions or tuple(
        definition_of(application, images[application.id]) for application in chosen
    )
    restart_problems = compatibility.restart_problems(definitions) if request.restart else ()
    if request.restart:
        definitions = tuple(with_restart(definition) for definition in definitions)
    refuse_if((*restart_problems, *_compatibility_problems(targets, definitions, request.strategy.kind)))
    graph = await _graph(request, definitions)
    refuse_if(
        problem
        for environment in targets
        for problem in compatibility.service_account_problems(environment, graph.tasks, *_graph_path(request))
    )
    return Draft(
        request=request,
        version=version,
        environments=targets,
        applications=chosen,
        definitions=definitions,
        tasks=graph.tasks,
        faults=(*graph.faults, *_faults(request, graph, targets, definitions)),
    )


def _faults(
    request: DeploymentRequest, graph: Instance, targets: Sequence[Environment], definitions: Sequence[Definition]
) -> Sequence[WorkflowFault]:
    """Return the faults of a graph that is deployed to the target environments."""
    operators = {environment.operator for environment in targets}
    return workflow_faults.find_faults(
        template.without_expressions(graph.tasks) if graph.faults else graph.tasks,
        {definition.application_id: definition.name for definition in definitions},
        request.must_in_order,
        commands_needed=operators != {OperatorKind.SIMULATED},
        images=(
            {definition.application_id for definition in definitions if definition.image}
            if OperatorKind.KUBERNETES in operators
            else None
        ),
    )


def _compatibility_problems(
    environments: Sequence[Environment], definitions: Sequence[Definition], kind: StrategyKind
) -> Iterator[Problem]:
    """Yield what prevents the definitions from being deployed to the environments."""
    for environment in environments:
        for definition in definitions:
            yield from compatibility.problems(environment, definition, kind)
    for environment in environments:
        yield from compatibility.shared_object_problems(environment, definitions)


async def _graph(request: DeploymentRequest, definitions: Sequence[Definition]) -> Instance:
    """Return the requested graph. Raises Refused."""
    if request.template is not None:
        return await instantiate(request.template)
    if request.tasks is not None:
        return Instance(request.tasks, ())
    return Instance(workflow_generator.generate(definitions, request.must_in_order), ())


def _graph_path(request: DeploymentRequest) -> tuple[str, ...]:
    """Return the path of the input's field from which the graph comes."""
    if request.template is not None:
        return ("templateVersionId",)
    return ("tasks",) if request.tasks is not None else ("applicationIds",)


def _size_problems(request: DeploymentRequest) -> Iterator[Problem]:
    yield from checks.in_range(len(request.environment_ids), 1, MAX_ENVIRONMENTS, "environmentIds")
    yield from checks.in_range(len(request.application_ids or ()), 0, MAX_APPLICATIONS, "applicationIds")
    yield from checks.in_range(len(request.must_in_order), 0, MAX_APPLICATIONS, "mustInOrder")


def _problems(
    request: DeploymentRequest, version: Version, environments: Mapping[str, Environment]
) -> Iterator[Problem]:
    yield from _repetition(request.environment_ids, "environment", "environmentIds")
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
            yield InvalidInput(message="A workflow needs at least one task.", path=("tasks",))
        yield from task_checks.workflow_tasks(request.tasks)


def _repetition(ids: Sequence[str], noun: str, field: str) -> Iterator[Problem]:
    if len(set(ids)) < len(ids):
        yield InvalidInput(message=f"The same {noun} is named twice. Name each one once.", path=(field,))


def _application_problems(
    request: DeploymentRequest,
    ids: Sequence[str],
    version_ids: Collection[str],
    applications: Mapping[str, Application],
) -> Iterator[Problem]:
    """Yield the problems of the applications `ids` to deploy; `version_ids` are those of the version."""
    path = ("applicationIds",)
    if not ids:
        yield InvalidInput(message="Name at least one application.", path=path)
    yield from _repetition(ids, "application", "applicationIds")
    for id_ in ids:
        if id_ not in applications:
            yield missing("application", id_, path)
        elif id_ not in version_ids:
            yield InvalidInput(message=f"The version has no application “{id_}”.", path=path)
        elif applications[id_].archived_at is not None and request.rollback_of is None:
            message = (
                f"The application “{applications[id_].name}” is archived. "
                "Bring it back with unarchiveApplication, or leave it out."
            )
            yield InvalidInput(message=message, path=path)


def _order_problems(
    request: DeploymentRequest, ids: Sequence[str], applications: Mapping[str, Application]
) -> Iterator[Problem]:
    path = ("mustInOrder",)
    yield from _repetition(request.must_in_order, "application", "mustInOrder")
    for id_ in request.must_in_order:
        if id_ not in ids and id_ not in applications:
            yield missing("application", id_, path)
        elif id_ not in ids:
            message = f"The application “{applications[id_].name}” is not deployed here. Leave it out of mustInOrder."
            yield InvalidInput(message=message, path=path)
