"""Input types that are built straight from what was sent, field by field, without a lookup per value.

Strawberry looks up each field of each value again, which takes ten times as long: a graph has thousands of tasks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from strawberry.types.arguments import InputContext
from strawberry.utils.str_converters import to_camel_case

T = TypeVar("T")
PLAIN_INPUT = "__plain_input__"
"""The attribute of an input type that holds its `PlainInput`."""


@dataclass(frozen=True, slots=True)
class PlainInput:
    """An input type that is built directly. `names` are its Python names by the names that clients use."""

    type: Any
    names: Mapping[str, str]


def plain_input(**nested: type) -> Callable[[type[T]], type[T]]:
    """Build an input type directly from what was sent.

    `nested` has the input types of fields, and of the items of lists, by the names that clients use. graphql-core has
    checked the values against the schema before; `variables` has built those in long lists already.
    """

    def decorate(type_: type[T]) -> type[T]:
        names = {to_camel_case(name): name for name in type_.__dataclass_fields__}  # type: ignore[attr-defined]
        definition: Any = type_.__strawberry_definition__  # type: ignore[attr-defined]

        def build(of: type, value: Any, context: InputContext) -> Any:
            if type(value) is of:
                return value
            fields = {names[name]: content for name, content in value.items()}
            for name, inner in nested.items():
                content = value.get(name)
                if isinstance(content, list):
                    fields[names[name]] = [_build(inner, item, context) for item in content]
                elif content is not None:
                    fields[names[name]] = _build(inner, content, context)
            return of(**fields)

        definition.from_input = build
        setattr(type_, PLAIN_INPUT, PlainInput(type_, names))
        return type_

    return decorate


def _build(of: Any, value: Any, context: InputContext) -> Any:
    return value if type(value) is of else of.__strawberry_definition__.from_input(of, value, context)
