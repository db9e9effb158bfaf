"""Builds long lists of input objects in variables in one pass.

graphql-core walks the values of variables twice and looks up each field of each object again, and Strawberry then makes
objects of dictionaries. Here one function per input type, made once, turns what was sent into the object that resolvers
get. It does so for a whole list in which every value is exactly as the schema expects; graphql-core then sees an empty
list in its place. Everything else is left to graphql-core: errors have one way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    type_from_ast,
)
from graphql.type import GraphQLBoolean, GraphQLID, GraphQLInt
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry.schema.schema_converter import GraphQLCoreConverter

from app.api.execution import fallbacks
from app.api.execution.plain_inputs import PLAIN_INPUT, PlainInput

LONG_LIST = 20
"""Items from which on a list is long: shorter ones cost nothing."""
MAX_INT = 2**31 - 1
Read = Callable[[Any], Any]
"""Returns a value as resolvers get it; raises any exception where it is not exactly as expected."""


class UnexpectedValueError(Exception):
    """A value is not exactly as expected, or its type has no reader."""


@dataclass(frozen=True, slots=True)
class BuiltList:
    """The objects built from a variable, or from a field of it."""

    variable: str
    field: str | None
    items: list[Any]


def build_lists(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, sent: Mapping[str, Any]
) -> list[BuiltList]:
    """Build the long lists in the variables of an operation that are exactly as expected."""
    definitions = _variable_definitions(document, operation_name)
    return [built for definition in definitions for built in _build_lists_of(schema, definition, sent)]


def without_lists(sent: Mapping[str, Any], lists: Sequence[BuiltList]) -> dict[str, Any]:
    """Return the variables with empty lists in place of those that were built."""
    variables = dict(sent)
    for built in lists:
        variables[built.variable] = [] if built.field is None else variables[built.variable] | {built.field: []}
    return variables


def restore_lists(values: Any, sent: Mapping[str, Any], lists: Sequence[BuiltList]) -> None:
    """Put built lists into graphql-core's coerced values, and what was sent into their sources."""
    for built in lists:
        values.sources[built.variable] = values.sources[built.variable]._replace(value=sent[built.variable])
        if built.field is None:
            values.coerced[built.variable] = built.items
        else:
            values.coerced[built.variable][built.field] = built.items


def _variable_definitions(document: DocumentNode, name: str | None) -> Iterator[VariableDefinitionNode]:
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and (name is None or (node.name and node.name.value == name)):
            yield from node.variable_definitions or ()


def _build_lists_of(
    schema: GraphQLSchema, definition: VariableDefinitionNode, sent: Mapping[str, Any]
) -> Iterator[BuiltList]:
    name = definition.variable.name.value
    value = sent.get(name)
    if isinstance(value, list):
        items = _build_items(type_from_ast(schema, definition.type), value)
        if items is not None:
            yield BuiltList(name, None, items)
    elif isinstance(value, dict) and any(
        isinstance(content, list) and len(content) >= LONG_LIST for content in value.values()
    ):
        type_: Any = _nullable(type_from_ast(schema, definition.type))
        for field, content in value.items() if is_input_object_type(type_) else ():
            items = _build_items(type_.fields[field].type, content) if field in type_.fields else None
            if items is not None:
                yield BuiltList(name, field, items)


def _nullable(type_: Any) -> Any:
    return type_.of_type if is_non_null_type(type_) else type_


def _build_items(type_: Any, value: object) -> list[Any] | None:
    """Return the items of a long list of input objects; None where graphql-core has to coerce it."""
    list_type = _nullable(type_)
    if not isinstance(value, list) or len(value) < LONG_LIST or not is_list_type(list_type):
        return None
    if not is_input_object_type(_nullable(list_type.of_type)):
        return None
    try:
        read = reader(list_type.of_type)
        return [read(item) for item in value]
    except Exception as error:
        fallbacks.count("variables", error)
        return None


@cache
def reader(type_: GraphQLInputType) -> Read:
    """Return the reader of a type. Raises UnexpectedValueError where it has none."""
    if is_non_null_type(type_):
        return reader_of_present(type_.of_type)
    read = reader_of_present(type_)
    return lambda value: None if value is None else read(value)


@cache
def reader_of_present(type_: Any) -> Read:
    """Return the reader of a type for values that are not null.

    Raises UnexpectedValueError where it has none.
    """
    if is_list_type(type_):
        return _reader_of_list(type_.of_type)
    if is_input_object_type(type_):
        return _reader_of_objects(type_)
    if is_enum_type(type_):
        return _reader_of_enum(type_)
    coerce: Read = type_.coerce_input_value
    exact = EXACT.get(type_)

    def read(value: Any) -> Any:
        if type(value) is exact:
            return value
        if value is None:
            raise UnexpectedValueError
        return coerce(value)

    def read_int(value: Any) -> Any:
        return value if type(value) is int and -MAX_INT <= value <= MAX_INT else read(value)

    return read_int if type_ is GraphQLInt else read


EXACT: Mapping[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""The types whose values of exactly this Python type stay as they are."""


def _reader_of_list(type_: GraphQLInputType) -> Read:
    read = reader(type_)
    exact = EXACT.get(_nullable(type_))

    def read_list(value: Any) -> list[Any]:
        if value is None:
            raise UnexpectedValueError
        if type(value) is not list:
            return [read(value)]
        if exact is not None and set(map(type, value)) <= {exact}:
            return value
        return [read(item) for item in value]

    return read_list


def _reader_of_enum(type_: GraphQLEnumType) -> Read:
    coerce: Read = type_.coerce_input_value
    return {name: coerce(name) for name in type_.values}.__getitem__


def _reader_of_objects(type_: GraphQLInputObjectType) -> Read:
    definition = type_.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    plain: PlainInput | None = getattr(definition.origin, PLAIN_INPUT, None)
    if plain is None or type_.is_one_of or plain.names.keys() != type_.fields.keys():
        raise UnexpectedValueError
    readers = {name: _field_reader(plain, name, field) for name, field in type_.fields.items()}
    create: Callable[..., Any] = definition.origin

    def read_object(value: Any) -> Any:
        if type(value) is not dict:
            raise UnexpectedValueError
        arguments = {}
        for name, content in value.items():
            python_name, exact, read = readers[name]
            arguments[python_name] = content if type(content) is exact else read(content)
        return create(**arguments)

    return read_object


def _field_reader(plain: PlainInput, name: str, field: GraphQLInputField) -> tuple[str, type | None, Read]:
    """Return a field's Python name, its exact type and its reader.

    Raises UnexpectedValueError unless its default is the same in Python as in the schema.
    """
    python_name = plain.names[name]
    definition = next(field for field in fields(plain.type) if field.name == python_name)
    python_default = definition.default if definition.default_factory is MISSING else definition.default_factory()
    default = coerce_default_value(field)
    if (python_default is MISSING) is not is_required_input_field(field):
        raise UnexpectedValueError
    if default is not Undefined and default != python_default:
        raise UnexpectedValueError
    return python_name, EXACT.get(_nullable(field.type)), reader(field.type)
