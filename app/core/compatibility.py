"""What fits together: an application and the environment it is to be deployed to."""

from collections.abc import Iterator, Sequence

from app.core.deployment import Definition
from app.core.environment import Environment, OperatorKind
from app.core.errors import InvalidInput, Problem
from app.core.kubernetes import ownership
from app.core.strategy.model import StrategyKind
from app.core.workflow import WorkflowTask


def problems(environment: Environment, definition: Definition, kind: StrategyKind) -> Iterator[Problem]:
    """An application that is to be deployed as defined to an environment, by a strategy of that kind."""
    path = ("applicationIds",)
    name, operator = definition.name, environment.operator
    target = definition.kubernetes
    if operator is OperatorKind.SHELL and definition.shell is None:
        message = f"“{name}” is deployed to a cluster, but the operator of “{environment.name}” is SHELL."
        yield InvalidInput(message=message, path=path)
    if operator is not OperatorKind.KUBERNETES:
        return
    if target is None:
        message = f"“{name}” is deployed by a command, but the operator of “{environment.name}” is KUBERNETES."
        yield InvalidInput(message=message, path=path)
        return
    if definition.image is None:
        message = f"The version has no image of “{name}”, and “{environment.name}” is a cluster: give its artifact one."
        yield InvalidInput(message=message, path=path)
    if kind is StrategyKind.BLUE_GREEN and target.service is None:
        message = f"BLUE_GREEN switches a service, and “{name}” names none."
        yield InvalidInput(message=message, path=("strategy", "kind"))


def restart_problems(definitions: Sequence[Definition]) -> Iterator[Problem]:
    """A wish that pods are replaced: there must be an application that has some."""
    if all(definition.kubernetes is None for definition in definitions):
        message = "It replaces pods, and none of these applications is deployed to a cluster: leave it out."
        yield InvalidInput(message=message, path=("restart",))


def service_account_problems(environment: Environment, tasks: Sequence[WorkflowTask], *path: str) -> Iterator[Problem]:
    """Tasks whose Jobs are to run as service accounts: those of the environment. `path` is the field they came from."""
    access = environment.kubernetes
    for task in tasks if access else ():
        job = task.command.job if task.command else None
        why = access.refusal(job.service_account_name) if access and job else None
        if why:
            yield InvalidInput(message=f"“{task.key}” in “{environment.name}”: {why}.", path=path)


def shared_object_problems(environment: Environment, definitions: Sequence[Definition]) -> Iterator[Problem]:
    """Applications that are to be deployed to an environment beside each other: each has its objects for itself."""
    if environment.operator is not OperatorKind.KUBERNETES:
        return
    for field, what in ownership.FIELDS.items():
        owners: dict[str, str] = {}
        for each in definitions:
            if each.kubernetes is None or (name := getattr(each.kubernetes, field)) is None:
                continue
            for taken in sorted(ownership.reserved_names(each.kubernetes)[field] & owners.keys()):
                message = (
                    f"“{owners[taken]}” and “{each.name}” both roll out the {what} “{taken}” in “{environment.name}”; "
                    "an object of a cluster belongs to one application. Give each its own."
                )
                yield InvalidInput(message=message, path=("applicationIds",))
            owners[name] = each.name
