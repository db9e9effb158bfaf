"""Refuses `first` together with `last`, in every field that has both arguments.

Only arguments that the operation itself gives count: `last` overrides the default of `first` in the schema.
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
BOTH = "Give either first or last. A page is counted from one end of the list."


def refuse_first_with_last(schema: GraphQLSchema) -> None:
    """Make every field of a schema that has both arguments refuse both."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                if {FIRST, LAST} <= field.args.keys():
                    _guard(field)


def _guard(field: GraphQLField) -> None:
    resolve: Callable[..., Any] = field.resolve or default_field_resolver

    def resolved(source: Any, info: Any, **arguments: Any) -> Any:
        has_both = arguments.get(LAST) is not None and arguments.get(FIRST) is not None
        if has_both and _is_given(info, FIRST):
            raise Refused(InvalidInput(message=BOTH, path=(LAST,)))
        return resolve(source, info, **arguments)

    field.resolve = resolved


def _is_given(info: Any, name: str) -> bool:
    """Tell whether an operation gives an argument. A variable without a value or a default gives none."""
    variables: Any = info.variable_values
    coerced = getattr(variables, "coerced", variables)
    nodes = (argument.value for argument in info.field_nodes[0].arguments or () if argument.name.value == name)
    return any(not isinstance(node, VariableNode) or node.name.value in coerced for node in nodes)
