"""Lists are counted from one end: `first` together with `last` is refused, wherever a field takes both.

What counts is what the operation gives: `first` has a default in the schema, which gives way to `last`.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    VariableNode,
    default_field_resolver,
)

from app.core.errors import InvalidInput, Refused

FIRST, LAST = "first", "last"
BOTH = "Give first or last, not both: a page is counted from one end."


def refuse_first_with_last(schema: GraphQLSchema) -> None:
    """Have every field of a schema that takes both refuse both."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                if {FIRST, LAST} <= field.args.keys():
                    _guard(field)


def _guard(field: GraphQLField) -> None:
    resolve: Callable[..., Any] = field.resolve or default_field_resolver

    def resolved(source: Any, info: Any, **arguments: Any) -> Any:
        both = arguments.get(LAST) is not None and arguments.get(FIRST) is not None
        if both and _is_given(info, FIRST):
            raise Refused(InvalidInput(message=BOTH, path=(LAST,)))
        return resolve(source, info, **arguments)

    field.resolve = resolved


def _is_given(info: Any, name: str) -> bool:
    """Tell whether an operation gives an argument: a variable that is left out, and has no default, is none."""
    variables: Any = info.variable_values
    known = getattr(variables, "coerced", variables)
    nodes = (argument.value for argument in info.field_nodes[0].arguments or () if argument.name.value == name)
    return any(not isinstance(node, VariableNode) or node.name.value in known for node in nodes)
