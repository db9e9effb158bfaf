"""How a query names one object: by exactly one of its id and its name."""

import strawberry

from app.core.errors import InvalidInput, Refused

ID = "The id."
NAME = "The name, which is unique."


@strawberry.input(one_of=True, description="The id or the name of an application.")
class ApplicationBy:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=ID)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NAME)


@strawberry.input(one_of=True, description="The id or the name of an environment.")
class EnvironmentBy:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=ID)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NAME)


@strawberry.input(one_of=True, description="The id or the name of a template.")
class WorkflowTemplateBy:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=ID)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NAME)


By = ApplicationBy | EnvironmentBy | WorkflowTemplateBy


def id_or_name(id_: str | None, name: str | None, by: By | None) -> tuple[str | None, str | None]:
    """Return the id and the name that the arguments give. Raises Refused for `by` beside another one."""
    if by is None:
        return id_, name
    if id_ is not None or name is not None:
        raise Refused(InvalidInput(message="Give either by, or one of id and name.", path=("by",)))
    return _none_if_unset(by.id), _none_if_unset(by.name)


def _none_if_unset(value: str | None) -> str | None:
    return None if value is strawberry.UNSET else value
