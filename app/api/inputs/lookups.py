"""How one object is named: by exactly one of its id and its name."""

import strawberry

from app.core.errors import InvalidInput, Refused

ID = "Its id."
NAME = "Its name, which is unique."


@strawberry.input(one_of=True, description="An application by its id or its name.")
class ApplicationBy:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=ID)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NAME)


@strawberry.input(one_of=True, description="An environment by its id or its name.")
class EnvironmentBy:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=ID)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NAME)


@strawberry.input(one_of=True, description="A template by its id or its name.")
class WorkflowTemplateBy:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=ID)
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NAME)


By = ApplicationBy | EnvironmentBy | WorkflowTemplateBy


def id_or_name(id_: str | None, name: str | None, by: By | None) -> tuple[str | None, str | None]:
    """Return an id and a name, one of which was given. Raises Refused when `by` and another one were."""
    if by is None:
        return id_, name
    if id_ is not None or name is not None:
        raise Refused(InvalidInput(message="Give by, or one of id and name, not both.", path=("by",)))
    return _given(by.id), _given(by.name)


def _given(value: str | None) -> str | None:
    return None if value is strawberry.UNSET else value
