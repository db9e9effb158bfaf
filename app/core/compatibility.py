"""Compatibility of applications with the environment that they are deployed to."""

from collections.abc import Iterator, Sequence

from app.core.deployment import Definition
from app.core.environment import Environment, OperatorKind
from app.core.errors import InvalidInput, Problem
from app.core.kubernetes import ownership
from app.core.strategy.model import StrategyKind
from app.core.workflow import WorkflowTask


def problems(environment: Environment, definition: Definition, kind: StrategyKind) -> Iterator[Problem]:
    """Yield why an application cannot be deployed to an environment by a strategy of this kind."""
    path = ("applicationIds",)
    name, operator = definition.name, environment.operator
    target = definition.kubernetes
    if operator is OperatorKind.SHELL and definition.shell is None:
        message = f"“{name}” has a Kubernetes target, but the operator of “{environment.name}” is SHELL."
        yield InvalidInput(message=message, path=path)
    if operator is not OperatorKind.KUBERNETES:
        return
    if target is None:
        message = f"“{name}” has a shell target, but the operator of “{environment.name}” is KUBERNETES."
        yield InvalidInput(message=message, path=path)
        return
    if definition.image is None:
        message = (
            f"The version has no image for “{name}”, which “{environment.name}” needs: set the image of its artifact."
        )
        yield InvalidInput(message=message, path=path)
    if kind is StrategyKind.BLUE_GREEN and target.service is None:
        message = f"BLUE_GREEN switches a service, and “{name}” has none: set its kubernetes.service."
        yield InvalidInput(message=message, path=("strategy", "kind"))


def restart_problems(definitions: Sequence[Definition]) -> Iterator[Problem]:
    """Yield why `restart` makes no sense: no application has pods to replace."""
    if all(definition.kubernetes is None for definition in definitions):
        message = "restart replaces pods, but none of these applications is deployed to a cluster: remove it."
        yield InvalidInput(message=message, path=("restart",))


def service_account_problems(environment: Environment, tasks: Sequence[WorkflowTask], *path: str) -> Iterator[Problem]:
    """Yield tasks with a service account that is not allowed; `path` is the field they came from."""
    access = environment.kubernetes
    for task in tasks if access else ():
        job = task.command.job if task.command else None
        refusal = access.refusal(job.service_account_name) if access and job else None
        if refusal:
            yield InvalidInput(message=f"“{task.key}” in “{environment.name}”: {refusal}.", path=path)


def shared_object_problems(environment: Environment, definitions: Sequence[Definition]) -> Iterator[Problem]:
    """Yield cluster objects that more than one application of a deployment would change."""
    if environment.operator is not OperatorKind.KUBERNETES:
        return
    for field, label in ownership.FIELDS.items():
        owners: dict[str, str] = {}
        for definition in definitions:
            target = definition.kubernetes
            if target is None or (name := getattr(target, field)) is None:
                continue
            for taken in sorted(ownership.reserved_names(target)[field] & owners.keys()):
                message = (
                    f"“{owners[taken]}” and “{definition.name}” both roll out the {label} “{taken}” in "
                    f"“{environment.name}”; a cluster object belongs to one application. Give each application its own."
                )
                yield InvalidInput(message=message, path=("applicationIds",))
            owners[name] = definition.name
