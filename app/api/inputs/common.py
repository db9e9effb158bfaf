"""What all inputs share. Inputs become core values, and use cases validate their content."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import strawberry
from strawberry.types.arguments import InputContext
from strawberry.utils.str_converters import to_camel_case

from app.core.errors import InvalidInput, Refused
from app.services.deployments import ReasonedAction

NEVER = datetime.fromtimestamp(0, UTC)
"""The placeholder for a time that the use case sets."""


def mapping(value: object, *path: str) -> Mapping[str, Any]:
    """Return a JSON object, empty for null. Raises Refused if the value is another kind of JSON."""
    if value is None or value is strawberry.UNSET:
        return {}
    if not isinstance(value, dict):
        raise Refused(InvalidInput(message="The value must be a JSON object.", path=path))
    return value


PathOf = Callable[[int], tuple[str, ...]]
"""Returns the path of an item of a list in the input, by its index."""


def mappings(values: Sequence[object], path_of: PathOf, field: str) -> list[Mapping[str, Any]]:
    """Return the JSON objects that a field has in the items of a list. Raises Refused."""
    return [
        value if type(value) is dict else mapping(value, *path_of(index), field) for index, value in enumerate(values)
    ]


def without_unset(**fields: object) -> dict[str, object]:
    """Return the fields that are set, also those that are null."""
    return {name: value for name, value in fields.items() if value is not strawberry.UNSET}


Given = TypeVar("Given")
PLAIN = "__plain__"
"""The attribute of an input type that says how it is built."""


@dataclass(frozen=True, slots=True)
class Plain:
    """An input type that is built plainly, and the names of its fields by those that clients use."""

    type: Any
    names: Mapping[str, str]


def built_plainly(**nested: type) -> Callable[[type[Given]], type[Given]]:
    """Let an input type, of which there may be thousands, be built straight from what was sent.

    Strawberry looks up each field of each value again, which takes ten times as long. `nested` has the input types of
    fields, and of the items of lists, by the names that clients use. What is sent has been checked against the schema
    before; `coercing` has built it already, where it was in a long list.
    """

    def decorate(type_: type[Given]) -> type[Given]:
        names = {to_camel_case(name): name for name in type_.__dataclass_fields__}  # type: ignore[attr-defined]
        definition: Any = type_.__strawberry_definition__  # type: ignore[attr-defined]

        def build(of: type, value: Any, context: InputContext) -> Any:
            if type(value) is of:
                return value
            fields = {names[name]: content for name, content in value.items()}
            for name, inner in nested.items():
                content = value.get(name)
                if isinstance(content, list):
                    fields[names[name]] = [_built(inner, one, context) for one in content]
                elif content is not None:
                    fields[names[name]] = _built(inner, content, context)
            return of(**fields)

        definition.from_input = build
        setattr(type_, PLAIN, Plain(type_, names))
        return type_

    return decorate


def _built(of: Any, value: Any, context: InputContext) -> Any:
    return value if type(value) is of else of.__strawberry_definition__.from_input(of, value, context)


@strawberry.input(description="The id of an object.")
class ByIdInput:
    id: strawberry.ID
    idempotency_key: str | None = None


@strawberry.input(description="The id of an object, and a reason.")
class ReasonInput:
    id: strawberry.ID
    reason: str
    force: bool | None = strawberry.field(
        default=False,
        description=(
            "For cancelling: kill running commands instead of waiting for their end. For rolling back a successful "
            "deployment: start also during a freeze, which takes ADMIN. Default: false."
        ),
    )
    idempotency_key: str | None = None

    def reasoned(self) -> ReasonedAction:
        """Return it as a core value."""
        return ReasonedAction(self.id, self.reason, bool(self.force))
