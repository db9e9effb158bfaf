"""Minimal calls of every root field, built from the schema, so that new fields are covered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    OperationType,
    build_schema,
    is_required_argument,
    is_required_input_field,
)

from app.api.schema import schema

SCHEMA = build_schema(schema.as_str())
SCALARS: dict[str, Any] = {
    "Int": 1,
    "Float": 1.0,
    "Boolean": True,
    "JSON": {},
    "String": "least",
    "ID": "nobody",
    "DateTime": "2030-01-01T12:00:00Z",
}
SELECTIONS = {
    OperationType.QUERY: "{ __typename }",
    OperationType.MUTATION: "{ errors { __typename code path } }",
    OperationType.SUBSCRIPTION: "{ __typename }",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A document with its variables. `title` names the field and its odd argument."""

    title: str
    name: str
    document: str
    variables: Mapping[str, Any]


def root(operation: OperationType) -> GraphQLObjectType:
    """Return the root type of an operation."""
    type_ = SCHEMA.get_root_type(operation)
    assert type_ is not None
    return type_


def call(operation: OperationType, name: str, values: Mapping[str, Any]) -> Call:
    """Return the minimal valid call of a root field.

    `known` has values by the names of arguments and input fields.
    """
    arguments = root(operation).fields[name].args
    required_arguments = {
        argument: example(of.type, argument, values)
        for argument, of in arguments.items()
        if is_required_argument(of) or argument in values
    }
    return _call(operation, name, required_arguments, name)


def _call(operation: OperationType, name: str, arguments: Mapping[str, Any], title: str) -> Call:
    field = root(operation).fields[name]
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in arguments)
    passed = ", ".join(f"{argument}: ${argument}" for argument in arguments)
    root_field = f"{name}({passed})" if arguments else name
    head = f"{operation.value}({declared})" if arguments else operation.value
    return Call(title, name, f"{head} {{ {root_field} {SELECTIONS[operation]} }}", arguments)


def example(type_: GraphQLInputType, name: str, values: Mapping[str, Any]) -> Any:
    """Return the minimal valid value of a type."""
    if name in values:
        return values[name]
    if isinstance(type_, GraphQLNonNull):
        return example(type_.of_type, name, values)
    if isinstance(type_, GraphQLList):
        return [example(type_.of_type, name, values)]
    if isinstance(type_, GraphQLInputObjectType) and type_.is_one_of:
        field, of = next(iter(type_.fields.items()))
        return {field: example(of.type, field, values)}
    if isinstance(type_, GraphQLInputObjectType):
        return {
            field: example(of.type, field, values)
            for field, of in type_.fields.items()
            if is_required_input_field(of) or field in values
        }
    return next(iter(type_.values)) if isinstance(type_, GraphQLEnumType) else SCALARS[type_.name]


def with_text(operation: OperationType, name: str, values: Mapping[str, Any], text: str) -> Iterator[Call]:
    """Yield a call of a root field for every place that accepts text, with `text` in that place."""
    least = call(operation, name, values).variables
    for argument, of in root(operation).fields[name].args.items():
        for path, value in _placed(of.type, argument, values, text):
            yield _call(operation, name, {**least, argument: value}, f"{name} {path}")


def _placed(type_: GraphQLInputType, name: str, values: Mapping[str, Any], text: str) -> Iterator[tuple[str, Any]]:
    if isinstance(type_, GraphQLNonNull):
        yield from _placed(type_.of_type, name, values, text)
    elif isinstance(type_, GraphQLList):
        yield from ((path, [value]) for path, value in _placed(type_.of_type, name, values, text))
    elif isinstance(type_, GraphQLInputObjectType):
        least = {} if type_.is_one_of else cast("dict[str, Any]", example(type_, "", values))
        for field, of in type_.fields.items():
            for path, value in _placed(of.type, field, values, text):
                yield f"{name}.{path}", {**least, field: value}
    elif type_.name == "JSON":
        yield name, {"TEXT": text}
    elif type_.name in ("String", "ID", "Cursor"):
        yield name, text
